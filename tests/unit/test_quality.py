"""Each quality check can pass and can fail, and runs with the variables of the build."""

from decimal import Decimal

import pytest

from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.quality import Rule, evaluate
from dagster_code.lib.quality_checks import CHECKS

BY_NAME = {check.name: check for check in CHECKS}
VARIABLES = {"attribution_window_days": 7, "max_rejected_share": 0.05, "max_event_age_days": 2}

PASSING_AND_FAILING = [
    ("revenue_conserved_first_touch", (Decimal("9.99"), Decimal("9.99")), (Decimal("9.98"),) * 1),
    ("revenue_conserved_last_touch", (Decimal(0), Decimal(0)), (Decimal("0.01"),)),
    ("one_row_per_conversion", ([3] * 6, [3] * 6), ([3, 3, 4, 3, 3, 3],)),
    ("no_touch_outside_window", (0, 0), (1,)),
    ("no_direct_credit_when_marketing_in_window", (0, 0), (1,)),
    ("nothing_lost", (10, 10), (9,)),
    ("cost_conserved", (Decimal("9.99"), Decimal("9.99")), (Decimal("9.98"),)),
    ("spend_without_channel", (Decimal(0), Decimal("0.00")), (Decimal("0.01"),)),
    ("rejected_share", (0.05, 0.05), (0.051,)),
    ("row_counts_plausible", ("", ""), ("client_journeys",)),
    ("freshness", (1.99, 2.0), (2.01,)),
    ("event_id_under_several_clients", (0, 0), (1,)),
]


def test_every_check_is_among_the_cases():
    assert [name for name, _, _ in PASSING_AND_FAILING] == list(BY_NAME)


@pytest.mark.parametrize(("name", "passing", "failing"), PASSING_AND_FAILING)
def test_a_check_passes_and_fails(name, passing, failing):
    observed, expected = passing
    good = {"observed": observed, "expected": expected}
    assert evaluate(BY_NAME[name], good, VARIABLES).passed
    bad = {"observed": failing[0], "expected": expected}
    assert not evaluate(BY_NAME[name], bad, VARIABLES).passed


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_fact_that_cannot_be_seen_does_not_hold(name):
    assert not evaluate(BY_NAME[name], {"observed": None, "expected": 0}, VARIABLES).passed


def test_no_age_limit_turns_freshness_off():
    outcome = evaluate(
        BY_NAME["freshness"],
        {"observed": 900.0, "expected": 0.0},
        VARIABLES | {"max_event_age_days": 0},
    )
    assert outcome.passed
    assert outcome.expected == "not limited"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_statements_need_only_variables_that_the_project_declares(check):
    sql = check.statement(declared_variables())
    assert "{" not in sql
    assert "observed" in sql
    assert "expected" in sql


def test_what_was_looked_at_before_is_left_out_where_later_records_do_not_matter():
    check = BY_NAME["event_id_under_several_clients"]
    assert "batch > 7 " in check.statement(VARIABLES, checked_batch=7)
    assert "batch" not in check.statement(VARIABLES)


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.is_blocking], ids=lambda check: check.name
)
def test_money_and_keys_are_looked_at_whole_each_time(check):
    assert check.statement(VARIABLES, checked_batch=7) == check.statement(VARIABLES)


def test_the_window_is_the_one_of_the_build():
    assert "24 * 7)" in BY_NAME["no_touch_outside_window"].statement(VARIABLES)


def test_money_and_keys_block_and_the_rest_of_the_warnings_do_not():
    blocking = {check.name for check in CHECKS if check.is_blocking}
    assert blocking == {
        "revenue_conserved_first_touch",
        "revenue_conserved_last_touch",
        "one_row_per_conversion",
        "no_touch_outside_window",
        "no_direct_credit_when_marketing_in_window",
        "nothing_lost",
        "cost_conserved",
    }
    assert not any(check.is_blocking and check.is_warning for check in CHECKS)
    assert {check.name for check in CHECKS if check.rule is Rule.AT_MOST} == {
        "rejected_share",
        "freshness",
    }


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_failed_check_says_what_was_observed_expected_and_where_to_look(check):
    outcome = evaluate(check, {"observed": None, "expected": 0}, declared_variables())
    message, look = outcome.message.split("\n")
    assert message.startswith("observed unknown, expected ")
    assert look.startswith("look at it with: select ")
    assert "{" not in look


def test_a_passed_check_needs_no_place_to_look():
    outcome = evaluate(BY_NAME["nothing_lost"], {"observed": 3, "expected": 3}, VARIABLES)
    assert outcome.message == "observed 3, expected 3"


def test_a_limit_is_told_as_one():
    row = {"observed": 0.2, "expected": 0.05}
    message = evaluate(BY_NAME["rejected_share"], row, VARIABLES).message
    assert message.startswith("observed 0.2, expected at most 0.05\n")


def test_an_empty_answer_is_told_as_nothing():
    row = {"observed": "client_journeys", "expected": ""}
    message = evaluate(BY_NAME["row_counts_plausible"], row, VARIABLES).message
    assert message.startswith("observed client_journeys, expected nothing\n")
