"""Conversions and the window, by hand from SPEC.md."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.oracle import Config, Rules
from tests.oracle.generate import WINDOW
from tests.unit.oracle.cases import CPC, NOON, US, only, purchase, tables, view


@pytest.mark.parametrize(
    ("before", "status", "channel", "attributed"),
    [
        (WINDOW - US, "marketing", "paid_search", "10.00"),
        (WINDOW, "marketing", "paid_search", "10.00"),
        (WINDOW + US, "outside_window", "unattributed", "0.00"),
        (timedelta(0), "marketing", "paid_search", "10.00"),
        (-US, "direct", "direct", "10.00"),
    ],
)
def test_the_window_includes_both_ends(
    rules: Rules, before: timedelta, status: str, channel: str, attributed: str
) -> None:
    result = tables(rules, [purchase(NOON, "p", "10"), view(NOON - before, "v", **CPC)])

    for model in ("first_touch_attribution", "last_touch_attribution"):
        row = only(result[model])
        assert (row["attribution_status"], row["channel"]) == (status, channel)
        assert (row["revenue"], row["attributed_revenue"]) == (Decimal(10), Decimal(attributed))
        assert row["touch_at"] == (NOON - before if status == "marketing" else None)
        assert row["source"] == ("google" if status == "marketing" else None)


def test_the_window_is_hours_and_not_days_when_the_clock_changes(rules: Rules) -> None:
    # 30 calendar days in Berlin, but 30 x 24 hours less one: the clock went forward in between
    inside = {"event_time": "2024-03-10T12:00:00+01:00"}
    # 30 calendar days, and one hour more: the clock went back
    outside = {"event_time": "2024-10-10T12:00:00+02:00"}
    history = [
        {**view(NOON, "v", "spring", **CPC), **inside},
        {
            **purchase(NOON, "p", "1"),
            "client_id": "spring",
            "event_time": "2024-04-09T12:00:00+02:00",
        },
        {**view(NOON, "v", "autumn", **CPC), **outside},
        {
            **purchase(NOON, "p", "1"),
            "client_id": "autumn",
            "event_time": "2024-11-09T12:00:00+01:00",
        },
    ]

    rows = tables(rules, history)["last_touch_attribution"]

    statuses = {row["client_id"]: row["attribution_status"] for row in rows}
    assert statuses == {"spring": "marketing", "autumn": "outside_window"}


def test_outside_the_window_can_be_direct_with_the_revenue(rules: Rules) -> None:
    history = [view(NOON - WINDOW - US, "v", **CPC), purchase(NOON, "p", "10")]

    result = tables(rules, history, Config(outside_window_channel="direct"))

    row = only(result["last_touch_attribution"])
    assert (row["channel"], row["attribution_status"]) == ("direct", "outside_window")
    assert row["attributed_revenue"] == Decimal("10.00")
    channels = {row["channel"]: row for row in result["channel_performance"]}
    assert channels["direct"]["unattributed_revenue"] == Decimal("0.00")
    assert "unattributed" not in channels


def test_purchases_at_one_instant_are_one_conversion(rules: Rules) -> None:
    history = [
        purchase(NOON, "b", "0.10", order_id="o1"),
        purchase(NOON, "a", "0.20"),
        purchase(NOON + US, "c", "5"),
    ]

    first, second = tables(rules, history)["conversion_paths"]

    assert (first["revenue"], first["purchase_count"]) == (Decimal("0.30"), 2)
    assert (first["event_ids"], first["order_ids"]) == (["a", "b"], ["o1"])
    assert (second["revenue"], second["event_ids"]) == (Decimal("5.00"), ["c"])
