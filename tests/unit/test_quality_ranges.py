"""The newest day against the days before it, from rows as the statement gives them."""

from datetime import date, timedelta

import pytest

from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.quality_ranges import (
    RANGE_CHECKS,
    days_of,
    history_of,
    judge,
    run_ranges,
)

VARIABLES = declared_variables()
JUDGED = date(2026, 3, 29)
BY_NAME = {check.name: check for check in RANGE_CHECKS}
USUAL = {"direct": 600, "paid_search": 300, "email": 90, "unassigned": 10}


def rows(judged, usual=USUAL, days=28, purchases=100, judged_purchases=None, missing=()):
    """A row per day and channel: `days` like `usual`, a little more and less, then the judged."""
    first = JUDGED - timedelta(days=days)
    found = []
    for number in range(days):
        day = first + timedelta(days=number)
        if number in missing:
            continue
        factor = 1 + (number % 5 - 2) / 20
        found += [
            row(day, channel, round(count * factor), purchases if channel == "direct" else 0)
            for channel, count in usual.items()
        ]
    bought = purchases if judged_purchases is None else judged_purchases
    for place, (channel, count) in enumerate(judged.items()):
        found.append(row(JUDGED, channel, count, 0 if place else bought))
    return found


def row(day, channel, events, purchases):
    return {
        "event_date": day,
        "channel": channel,
        "event_count": events,
        "purchase_count": purchases,
    }


def judged(name, found, **variables):
    given = VARIABLES | variables
    first = min((row["event_date"] for row in found), default=None)
    days = days_of(first, first and JUDGED, given["trailing_days"])
    return judge(BY_NAME[name], days and history_of(found, days), given)


def failed(found, **variables):
    return {name for name in BY_NAME if not judged(name, found, **variables).passed}


def test_a_day_like_the_others_passes_every_check():
    assert failed(rows(USUAL)) == set()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # half of the events are lost, evenly
        ({"direct": 240, "paid_search": 120, "email": 36, "unassigned": 4}, {"event_volume"}),
        # everything is counted twice
        ({"direct": 1200, "paid_search": 600, "email": 180, "unassigned": 20}, {"event_volume"}),
        # tags are lost on the way
        ({"direct": 900, "email": 90, "unassigned": 10}, {"channel_mix", "direct_share"}),
        # a new medium that no rule knows
        (
            {"direct": 600, "paid_search": 100, "email": 90, "unassigned": 210},
            {"channel_mix", "unassigned_share"},
        ),
        # one paid channel for another
        ({"direct": 600, "display": 300, "email": 90, "unassigned": 10}, {"channel_mix"}),
        # fewer that match no rule are no trouble
        ({"direct": 610, "paid_search": 300, "email": 90}, set()),
    ],
)
def test_a_strange_day_is_found_by_the_checks_that_it_concerns(day, expected):
    assert failed(rows(day)) == {f"{name}_in_range" for name in expected}


@pytest.mark.parametrize(
    ("purchases", "passes"), [(100, True), (51, True), (49, False), (0, False)]
)
def test_purchases_may_fall_by_half(purchases, passes):
    outcome = judged("purchase_volume_in_range", rows(USUAL, judged_purchases=purchases))
    assert outcome.passed is passes


def test_weekends_are_no_surprise():
    def week(number):
        return {"direct": 1000} if number % 7 < 5 else {"direct": 250}

    first = JUDGED - timedelta(days=28)
    for judged_number in (3, 6):
        found = [
            row(first + timedelta(days=number), channel, count, 0)
            for number in range(28)
            for channel, count in week(number).items()
        ] + [row(JUDGED, channel, n, 0) for channel, n in week(judged_number).items()]
        assert judged("event_volume_in_range", found).passed


def test_two_odd_days_do_not_widen_what_is_expected():
    found = rows(USUAL)
    for item in found:
        if item["event_date"] in (JUDGED - timedelta(days=3), JUDGED - timedelta(days=9)):
            item["event_count"] *= 20
    strange = [
        r | {"event_count": r["event_count"] * 3} for r in found if r["event_date"] == JUDGED
    ]
    found = [r for r in found if r["event_date"] < JUDGED] + strange
    assert not judged("event_volume_in_range", found).passed


def test_chance_alone_does_not_warn_where_little_happens():
    few = {"direct": 3, "email": 1}
    assert (
        failed(rows({"direct": 1, "email": 2}, usual=few, purchases=0, judged_purchases=1)) == set()
    )


def test_days_without_events_count_for_volumes_and_are_left_out_of_shares():
    found = rows(USUAL, missing=range(5, 13))
    outcome = judged("event_volume_in_range", found)
    assert "of the 28 days before" in outcome.expected
    assert outcome.numbers["expected_low"] == 0
    assert "of the 20 days before" in judged("direct_share_in_range", found).expected


@pytest.mark.parametrize(("days", "passes"), [(13, True), (14, False)])
def test_too_little_history_passes_and_says_so(days, passes):
    outcome = judged("event_volume_in_range", rows({"direct": 1}, days=days))
    assert outcome.passed is passes
    told = f"too little history: {days} of at least 14 days with events"
    assert (told in outcome.expected) is passes


def test_a_first_day_has_no_days_before_it():
    outcome = judged("event_volume_in_range", rows(USUAL, days=0), min_trailing_days=0)
    assert outcome.passed
    assert "too little history: 0 of at least 2 days" in outcome.expected


def test_no_complete_day_passes_and_says_so():
    outcome = judged("channel_mix_in_range", [])
    assert outcome.passed
    assert outcome.observed == "no complete day yet"


def test_a_message_says_what_was_observed_and_expected_and_where_to_look():
    outcome = judged("direct_share_in_range", rows({"direct": 900, "email": 100}))
    assert outcome.message == (
        "observed 90.0 % on 2026-03-29, expected 49.9 % to 70.1 %"
        " (median 60.0 % of the 28 days before)\n"
        "look at it with: select event_date, count_if(channel = 'direct') / count(*) as"
        " direct_share from staging.stg_events where event_date between '2026-03-01' and"
        " '2026-03-29' group by event_date order by event_date"
    )
    assert outcome.numbers["observed_number"] == 0.9


def test_the_message_of_the_mix_names_the_channel_that_moved_most():
    outcome = judged("channel_mix_in_range", rows({"direct": 900, "email": 90, "unassigned": 10}))
    told = "30.0 % on 2026-03-29, most of all direct: 90.0 % instead of 60.0 %"
    assert outcome.observed == told


def test_tolerances_are_variables():
    day = {"direct": 400, "paid_search": 200, "email": 60, "unassigned": 7}
    assert failed(rows(day)) == set()
    assert failed(rows(day), range_volume_tolerance=0.1) == {"event_volume_in_range"}
    moved = {"direct": 685, "paid_search": 215, "email": 90, "unassigned": 10}
    assert failed(rows(moved)) == set()
    assert failed(rows(moved), range_share_tolerance=0.01) == {
        "direct_share_in_range",
        "channel_mix_in_range",
    }


class Session:
    """Answers the question for the days, then the one for their counts; keeps the statements."""

    def __init__(self, found, first=JUDGED - timedelta(days=28), judged=JUDGED):
        self.days = Row(first_date=first, judged_date=judged)
        self.found, self.statements = found, []

    def sql(self, sql):
        self.statements.append(sql)
        return self

    def first(self):
        return self.days

    def toLocalIterator(self):  # noqa: N802  as in PySpark
        return iter([Row(item) for item in self.found])


class Row(dict):
    """A row with PySpark's way to a dict."""

    def asDict(self):  # noqa: N802  as in PySpark
        return dict(self)


@pytest.mark.parametrize(("severity", "is_warning"), [("warn", True), ("fail", False)])
def test_all_checks_share_two_statements_and_the_severity_is_a_variable(severity, is_warning):
    session = Session(rows({"direct": 1}))
    results = list(run_ranges(session, RANGE_CHECKS, VARIABLES | {"range_severity": severity}))
    assert [check.name for check, _, _ in results] == list(BY_NAME)
    assert len(session.statements) == 2
    assert {sql for _, _, sql in results} == {session.statements[-1]}
    assert {check.is_warning for check, _, _ in results} == {is_warning}
    assert not all(outcome.passed for _, outcome, _ in results)


def test_no_trailing_days_turn_the_checks_off():
    session = Session([])
    results = list(run_ranges(session, RANGE_CHECKS, VARIABLES | {"trailing_days": 0}))
    assert session.statements == []
    assert all(outcome.passed for _, outcome, _ in results)
    assert "trailing_days is 0" in results[0][1].message


@pytest.mark.parametrize(("first", "judged"), [(None, None), (JUDGED, None)])
def test_where_no_day_is_complete_none_is_counted(first, judged):
    session = Session([], first, judged)
    results = list(run_ranges(session, RANGE_CHECKS, VARIABLES))
    assert len(session.statements) == 1
    assert {outcome.observed for _, outcome, _ in results} == {"no complete day yet"}


@pytest.mark.parametrize(
    ("history", "trailing", "oldest"), [(28, 7, 7), (28, 28, 28), (5, 28, 5), (0, 28, 0)]
)
def test_the_statement_looks_as_far_back_as_the_variable_and_the_history_say(
    history, trailing, oldest
):
    session = Session(rows(USUAL), first=JUDGED - timedelta(days=history))
    list(run_ranges(session, RANGE_CHECKS, VARIABLES | {"trailing_days": trailing}))
    begin = JUDGED - timedelta(days=oldest)
    assert f"between date '{begin}' and date '{JUDGED}'" in session.statements[-1]
    assert "{" not in session.statements[-1]
