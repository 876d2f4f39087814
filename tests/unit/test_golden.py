"""The golden cases against the oracle; the pipeline's turn is in tests/integration."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.golden import Answers, Case, load_cases, page, same_credits, wrong_answers
from tests.oracle import RawRecord, Rules, run
from tests.oracle.sessions import sessions_of
from tests.oracle.staging import staged

CASES = load_cases()
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")
MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")
HALF_LIFE = timedelta(days=7)
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


# --- Weights, by ADR 7 once more ------------------------------------------------------------------


def shares(model, ages):
    """Whole-number shares of the touches, the oldest first."""
    n = len(ages)
    match model:
        case "first_touch":
            return [1] + [0] * (n - 1)
        case "last_touch":
            return [0] * (n - 1) + [1]
        case "linear":
            return [1] * n
        case "position_based":
            ends = [40 * (n - 2)]
            return [1] * n if n < 3 else [*ends, *[100 - 80] * (n - 2), *ends]
        case _:
            return [int(1e15 * 2 ** (-(age - ages[-1]) / HALF_LIFE)) for age in ages]


def cents(total, of):
    """The largest remainders first, ties by order."""
    exact = [Fraction(total * share, sum(of)) for share in of]
    given = [int(part) for part in exact]
    order = sorted(range(len(of)), key=lambda i: (given[i] - exact[i], i))
    for i in order[: total - sum(given)]:
        given[i] += 1
    return given


def credits_of_adr_7():
    for path in TABLES["conversion_paths"]:
        touches = [touch for touch in path["touches"] if touch["channel"] != "direct"]
        whole = {"client_id": path["client_id"], "touch_at": None, "weight": 1}
        for model in MODELS:
            if path["attribution_status"] != "marketing":
                is_direct = path["attribution_status"] == "direct"
                yield whole | {
                    "model": model,
                    "channel": "direct" if is_direct else "unattributed",
                    "attributed_revenue": path["revenue"] if is_direct else Decimal("0.00"),
                }
                continue
            of = shares(model, [path["event_time"] - touch["touch_at"] for touch in touches])
            parts = cents(int(path["revenue"] * 100), of)
            for touch, share, part in zip(touches, of, parts, strict=True):
                if share:
                    yield {
                        "client_id": path["client_id"],
                        "model": model,
                        "touch_at": touch["touch_at"],
                        "channel": touch["channel"],
                        "weight": share / sum(of),
                        "attributed_revenue": Decimal(part).scaleb(-2),
                    }


def credits_of_oracle():
    """The oracle's own table once it has one; ADR 7 worked out above until then and beside it."""
    return TABLES.get("multi_touch_attribution", list(credits_of_adr_7()))


# --- The tests ------------------------------------------------------------------------------------


def test_the_oracle_answers_every_case_as_expected():
    answers = Answers(events_of_oracle(), list(conversions_of_oracle()), credits_of_oracle())
    assert wrong_answers(CASES, answers) == []


def test_the_weights_follow_from_adr_7():
    weights = [case for case in CASES if case.table == "weights"]
    assert wrong_answers(weights, Answers([], [], credits_of_adr_7())) == []


def test_a_wrong_answer_is_named():
    case = next(case for case in CASES if case.row["case"] == "gclid alone")
    event = {
        "client_id": case.client_id,
        "event_time": "",
        "event_id": "",
        "channel": "organic_search",
    }
    assert wrong_answers([case], Answers([event], [], None)) == [
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
    assert seen >= {(model, n) for model in MODELS for n in (1, 2, 3, 4)}


def test_the_page_of_the_golden_cases_is_current():
    path = Path(__file__).parents[2] / "docs" / "golden_cases.md"
    assert path.read_text(encoding="utf-8") == page()
