"""dbt's tests in words."""

import pytest

from dagster_code.lib.dbt_test_words import sentence


def node(kind, **arguments):
    return {"name": "a_test", "test_metadata": {"name": kind, "kwargs": arguments}}


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            node("primary_key", columns=["channel"]),
            "No two rows have the same `channel`, and none is without it.",
        ),
        (
            node("primary_key", columns=["client_id", "event_time"]),
            "No two rows have the same (`client_id`, `event_time`),"
            " and none is without a part of it.",
        ),
        (
            node("primary_key", columns=["source", "coalesce(medium, '')"]),
            "No two rows have the same (`source`, `medium`);"
            " where one is missing that counts as a value.",
        ),
        (
            node("accepted_values", column_name="letter", values=list("abcdefghij")),
            "Every `letter` is one of `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` or one of 2 more.",
        ),
        (
            node("relationships", column_name="client_id", to="ref('stg_clients')", field="id"),
            "Every `client_id` is in `stg_clients`, as its `id`.",
        ),
        (
            node("conserves_revenue", column="revenue", groups=["model"]),
            "`revenue` of each `model` adds up to the revenue of all conversions, to the cent.",
        ),
        (
            node("conserves_revenue", column="revenue", of="ref('stg_events')"),
            "`revenue` adds up to all revenue in `stg_events`, to the cent.",
        ),
        (
            node("same_keys", columns=["id"], to="ref('last_touch_attribution')"),
            "It has exactly the `id` that `last_touch_attribution` has.",
        ),
    ],
)
def test_a_test_is_said_by_its_kind_and_arguments(test, said):
    assert sentence(test) == said


def test_a_tests_own_description_comes_first():
    test = {**node("is_true", expression="a < b"), "description": "No journey\n  ends early."}
    assert sentence(test) == "No journey ends early."
    singular = {"name": "a", "config": {"meta": {"description": "Nothing is lost."}}}
    assert sentence(singular) == "Nothing is lost."


@pytest.mark.parametrize("test", [node("is_true", expression="a < b"), {"name": "a_test"}])
def test_a_test_without_words_is_named(test):
    with pytest.raises(KeyError, match=r"a_test: .* needs a description"):
        sentence(test)
