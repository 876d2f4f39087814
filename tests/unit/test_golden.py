"""The golden cases against the oracle; the pipeline's turn is in tests/integration."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.golden import Answers, Case, load_cases, page, same_credits, wrong_answers
from tests.oracle import RawRecord, Rules, run
from tests.oracle.models import RULE_BASED
from tests.oracle.sessions import sessions_of
from tests.oracle.staging import staged

CASES = load_cases()
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")
LANDED_AT = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = [
    RawRecord(record, None, LANDED_AT, "golden", position)
    for position, record in enumerate(r for case in CASES for r in case.records())
]
TABLES = run(RECORDS, [], RULES)


def events_of_oracle():
    events, rejected = staged(RECORDS, RULES)
    assert rejected == []
    by_client = defaultdict(list)
    for event in events:
        by_client[event.client_id].append(event)
    for own in by_client.values():
        sessions = sessions_of(own, timedelta(minutes=30))
        touches = {touch.event_id for session in sessions for touch in session.touches}
        named = set()
        for event in own:
            number = sum(session.started_at <= event.event_time for session in sessions)
            is_marketing = event.evidence.is_marketing
            yield {
                "client_id": event.client_id,
                "event_time": event.event_time.isoformat(timespec="microseconds"),
                "event_id": event.event_id,
                "channel": event.evidence.channel,
                "session_number": number,
                "is_session_evidence": is_marketing and number not in named,
                "is_touch": event.event_id in touches,
            }
            if is_marketing:
                named.add(number)


def conversions_of_oracle():
    last = {(row["client_id"], row["event_time"]): row for row in TABLES["last_touch_attribution"]}
    for first in TABLES["first_touch_attribution"]:
        yield {
            "client_id": first["client_id"],
            "event_time": first["event_time"],
            "attribution_status": first["attribution_status"],
            "first_channel": first["channel"],
            "last_channel": last[first["client_id"], first["event_time"]]["channel"],
        }


# --- The tests ------------------------------------------------------------------------------------


def test_the_oracle_answers_every_case_as_expected():
    credits = TABLES["multi_touch_attribution"]
    answers = Answers(events_of_oracle(), list(conversions_of_oracle()), credits)
    assert wrong_answers(CASES, answers) == []


def test_a_wrong_answer_is_named():
    case = next(case for case in CASES if case.row["case"] == "gclid alone")
    event = {
        "client_id": case.client_id,
        "event_time": "",
        "event_id": "",
        "channel": "organic_search",
    }
    assert wrong_answers([case], Answers([event], [], [])) == [
        f"channels {case.number} (click_id, gclid alone):"
        " expected 'paid_search', was 'organic_search'"
    ]


@pytest.mark.parametrize(
    "actual",
    ["", "email=0.5:50.00", "email=0.5:50.01 sms=0.5:49.99", "email=0.50001:50.00 sms=0.5:50.00"],
)
def test_other_credits_are_not_the_same(actual):
    assert not same_credits("email=0.5:50.00 sms=0.5:50.00", actual)


def test_every_case_has_a_source_and_is_there_once():
    assert [case for case in CASES if not case.row["source"] or not case.row["case"]] == []
    told = Counter((case.table, case.kind, case.row["case"], case.row["source"]) for case in CASES)
    assert [key for key, count in told.items() if count > 1] == []


def test_a_case_differs_from_its_source_exactly_when_it_says_so():
    same = [case for case in CASES if case.row["source_says"] == case.expected]
    assert same == []
    unexplained = [case for case in CASES if case.row["source_says"] and not case.row["note"]]
    assert unexplained == []


def test_every_channel_of_ga4_has_several_cases():
    counts = Counter(case.expected for case in CASES if case.table == "channels")
    shipped = {rule.channel for rule in RULES.channel_rules} | {"direct", "unassigned"}
    assert {channel for channel in shipped if counts[channel] < 2} == set()
    assert sum(counts.values()) > 150


def test_every_model_has_cases_of_one_to_four_touches():
    def touch_count(case: Case) -> int:
        return case.row["events"].count("/") // 2

    seen = {(c.row["model"], touch_count(c)) for c in CASES if c.table == "weights"}
    assert seen >= {(model, n) for model in RULE_BASED for n in (1, 2, 3, 4)}


def test_the_page_of_the_golden_cases_is_current():
    path = Path(__file__).parents[2] / "docs" / "golden_cases.md"
    assert path.read_text(encoding="utf-8") == page()
