"""The models side by side, worked by hand from issue 4 and ADR 7."""

from decimal import Decimal

import pytest

from tests.oracle import Config, RawRecord, compare
from tests.oracle.models import MODELS, model_comparison_rows, multi_touch_rows
from tests.oracle.records import content_placeholder
from tests.unit.oracle.cases import NOON, conversion, touch


def comparison() -> dict[tuple[str, str], dict[str, object]]:
    bought = [
        conversion([touch(5, "email"), touch(1, "display")], "10.00"),
        conversion([touch(5, "email")], "5.01"),
        conversion([touch(40, "email")], "7.00"),
        conversion([touch(1, "direct")], "3.00"),
    ]
    rows = model_comparison_rows(
        bought, [[touch(1, "email")], [touch(3, "referral")]], Config(), {}
    )
    return {(row["channel"], row["model"]): row for row in rows}


def test_every_channel_meets_every_model() -> None:
    rows = comparison()
    # referral led to nothing in any model
    assert {channel for channel, _ in rows} == {"direct", "display", "email", "unattributed"}
    assert {model for _, model in rows} == set(MODELS)
    assert len(rows) == 4 * 7


def test_every_model_has_the_same_totals() -> None:
    rows = comparison()
    for model in MODELS:
        own = [row for (_, name), row in rows.items() if name == model]
        assert sum(row["conversions"] for row in own) == pytest.approx(4)
        assert sum(row["revenue"] for row in own) == Decimal("18.01")
        assert sum(row["unattributed_revenue"] for row in own) == Decimal("7.00")
        assert sum(row["revenue_share"] for row in own) == pytest.approx(1)
        left_out = rows["unattributed", model]
        assert (left_out["conversions"], left_out["revenue"]) == (1, Decimal("0.00"))
        assert rows["direct", model]["revenue"] == Decimal("3.00")


def test_a_shift_is_the_difference_to_last_touch() -> None:
    rows = comparison()
    assert rows["display", "first_touch"] == {
        "channel": "display",
        "model": "first_touch",
        "conversions": 0.0,
        "revenue": Decimal("0.00"),
        "revenue_share": 0.0,
        "conversions_shift": -1.0,
        "revenue_shift": Decimal("-10.00"),
        "share_shift": pytest.approx(-10 / 18.01),
        "unattributed_revenue": Decimal("0.00"),
        "cost": Decimal("0.00"),
        "cpa": None,
        "roas": None,
    }
    # shapley: worth email 1/2, both 1: email 3/4 of that one (7.50) and all of the other (5.01)
    assert rows["email", "shapley"]["revenue"] == Decimal("12.51")
    assert rows["display", "shapley"]["revenue"] == Decimal("2.50")
    assert rows["email", "shapley"]["conversions"] == pytest.approx(1.75)
    # markov: 2 of 4 convert (email, email>display; email and referral lost). Without display 1/4 of
    # them (start > email 3/4, then 1/3), without email nothing: effects 1/2 and 1
    assert rows["email", "markov"]["revenue"] == Decimal("10.01")
    assert rows["display", "markov"]["revenue_shift"] == Decimal("-5.00")


def test_only_shapley_leaves_the_money_of_a_single_channel_with_it() -> None:
    bought = [
        conversion([touch(5, "email")], "1000.00"),
        conversion([touch(9, "display"), touch(5, "display")], "1.01"),
    ]
    rows = model_comparison_rows(bought, [], Config(), {})
    revenue = {(row["channel"], row["model"]): str(row["revenue"]) for row in rows}
    assert revenue["email", "shapley"] == "1000.00"
    assert revenue["display", "shapley"] == "1.01"
    # one conversion each: half of the money, and the odd cent by the channel's name
    assert revenue["email", "markov"] == "500.50"
    assert revenue["display", "markov"] == "500.51"


def test_only_billions_by_a_data_driven_model_may_be_a_cent_off() -> None:
    rows = list(comparison().values())
    large = [{**row, "revenue": row["revenue"] * 10**9} for row in rows]

    def off(rows: list[dict[str, object]], model: str) -> list[dict[str, object]]:
        return [
            {**row, "revenue": row["revenue"] + Decimal("0.01")}
            if (row["model"], row["channel"]) == (model, "email")
            else row
            for row in rows
        ]

    assert compare("model_comparison", large, off(large, "markov")) == []
    assert compare("model_comparison", large, off(large, "linear"))
    assert compare("model_comparison", rows, off(rows, "markov"))


def test_a_touch_without_id_is_found_by_its_time() -> None:
    placeholder = RawRecord({"client_id": "c"}, None, NOON, "f", 1)
    named = touch(1, "email", content_placeholder(placeholder))
    rows = multi_touch_rows(conversion([named]), Config())
    hashed = [{**row, "touch_event_id": "3f2a"} for row in rows]
    assert compare("multi_touch_attribution", rows, hashed) == []
    assert compare(
        "multi_touch_attribution", rows, [{**one, "touch_event_id": None} for one in hashed]
    )
