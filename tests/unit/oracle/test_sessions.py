"""Sessions and touches, by hand from SPEC.md."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.oracle import Rules
from tests.unit.oracle.cases import CPC, HALF_HOUR, MAIL, NOON, US, only, purchase, tables, view


@pytest.mark.parametrize(
    ("gap", "sessions"), [(HALF_HOUR - US, 1), (HALF_HOUR, 1), (HALF_HOUR + US, 2)]
)
def test_a_session_ends_after_more_than_thirty_minutes(
    rules: Rules, gap: timedelta, sessions: int
) -> None:
    midnight = datetime(2024, 3, 1, tzinfo=UTC)

    result = tables(rules, [view(midnight - US, "a"), purchase(midnight - US + gap, "b", "1")])

    journey = only(result["client_journeys"])
    assert (journey["session_count"], journey["touch_count"]) == (sessions, sessions)


def test_touches_are_new_evidence_and_direct_starts(rules: Rules) -> None:
    minute = timedelta(minutes=1)
    history = [
        view(NOON, "1"),  # (b): a direct start
        view(NOON + minute, "2", **CPC),  # (a)
        view(NOON + 2 * minute, "3"),  # nothing
        view(NOON + 3 * minute, "4", **CPC),  # the same evidence again
        view(NOON + 4 * minute, "5", **MAIL),  # (a)
        view(NOON + 5 * minute, "6", **CPC),  # (a): not the same as just before
        view(NOON + 5 * minute + HALF_HOUR + US, "7", **CPC),  # (a): a new session
        purchase(NOON + 6 * minute + HALF_HOUR, "8", "1", **MAIL),  # a purchase can be a touch
    ]

    result = tables(rules, history)

    path = only(result["conversion_paths"])
    assert [touch["event_id"] for touch in path["touches"]] == list("125678")
    assert path["channel_path"] == (
        "direct > paid_search > email > paid_search > paid_search > email"
    )
    assert (path["touch_count"], path["marketing_touch_count"]) == (6, 5)
    assert only(result["client_journeys"])["session_count"] == 2
    by_channel = {row["channel"]: row for row in result["channel_performance"]}
    assert by_channel["paid_search"]["sessions"] == 2  # first evidence, not the direct start
    assert (by_channel["email"]["sessions"], by_channel["email"]["conversion_rate"]) == (0, None)


def test_equal_times_go_by_the_text_of_the_id(rules: Rules) -> None:
    history = [
        view(NOON, "e9", **CPC),
        view(NOON, "e10", **MAIL),
        view(NOON, "E9", utm_campaign="x"),
        purchase(NOON, "a", "1"),
    ]

    result = tables(rules, history)

    assert only(result["first_touch_attribution"])["channel"] == "unassigned"
    assert only(result["last_touch_attribution"])["channel"] == "paid_search"
    # "E9" sorts first, so it opens the session and the purchase is no direct touch
    assert only(result["conversion_paths"])["channel_path"] == "unassigned > email > paid_search"
