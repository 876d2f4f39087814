"""What must hold of any history, on the oracle itself, by Hypothesis.

The same properties are asked of the real pipeline in tests/integration/test_end_to_end.py.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.oracle import Rules, compare, records_from, run
from tests.oracle.compare import KEYS
from tests.oracle.delivery import Delivered
from tests.oracle.generate import SESSION_TIMEOUT, WINDOW
from tests.oracle.generate_times import MICROSECOND
from tests.oracle.records import parse_time
from tests.oracle.stories import stories
from tests.oracle.strategies import drawn, histories
from tests.oracle.transforms import renamed, shifted, with_older_touch

LANDED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")
BERLIN = ZoneInfo("Europe/Berlin")

thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

Tables = dict[str, list[dict[str, object]]]


def tables(delivered: Sequence[Delivered]) -> Tables:
    return run(records_from(delivered, LANDED_AT), [], RULES)


@thorough
@given(histories(), histories("other"), st.randoms(use_true_random=False))
def test_order_and_repeated_delivery_change_no_number(
    one: list[Delivered], other: list[Delivered], rng: random.Random
) -> None:
    delivered = [*one, *other]
    again = [*delivered, *rng.sample(delivered, rng.randint(0, len(delivered)))]
    rng.shuffle(again)
    once, twice = tables(delivered), tables(again)
    for table in KEYS.keys() - {"rejected_events"}:
        assert compare(table, once[table], twice[table]) == []
    assert len(again) == len(twice["stg_events"]) + len(twice["rejected_events"])


@thorough
@given(histories(), histories("other"))
def test_every_cent_is_in_each_model_once(one: list[Delivered], other: list[Delivered]) -> None:
    result = tables([*one, *other])
    total = _sum(row["revenue"] for row in result["stg_events"] if row["revenue"] is not None)
    for table in ("first_touch_attribution", "last_touch_attribution", "conversion_paths"):
        assert _sum(row["revenue"] for row in result[table]) == total
    assert _sum(row["total_revenue"] for row in result["client_journeys"]) == total
    by_channel = result["channel_performance"]
    last = _sum(row["last_touch_revenue"] for row in by_channel)
    assert last + _sum(row["unattributed_revenue"] for row in by_channel) == total
    compared = result["model_comparison"]
    for model in {row["model"] for row in compared}:
        own = [row for row in compared if row["model"] == model]
        assert _sum(row["revenue"] + row["unattributed_revenue"] for row in own) == total
        assert sum(row["conversions"] for row in own) == pytest.approx(
            len(result["conversion_paths"])
        )


@thorough
@given(histories())
def test_a_conversion_s_parts_add_up_in_each_model(history: list[Delivered]) -> None:
    result = tables(history)
    weights: Counter[tuple[object, object]] = Counter()
    amounts: dict[tuple[object, object], Decimal] = {}
    for row in result["multi_touch_attribution"]:
        key = row["event_time"], row["model"]
        weights[key] += row["weight"]
        amounts[key] = amounts.get(key, Decimal(0)) + row["attributed_revenue"]
    assert all(weight == pytest.approx(1) for weight in weights.values())
    for model in ("first_touch", "last_touch"):
        for row in result[f"{model}_attribution"]:
            assert amounts[row["event_time"], model] == row["attributed_revenue"]
    last = {
        row["event_time"]: row["attributed_revenue"] for row in result["last_touch_attribution"]
    }
    assert all(amount == last[event_time] for (event_time, _), amount in amounts.items())


@thorough
@given(histories(), histories("other"))
def test_other_clients_never_matter(one: list[Delivered], other: list[Delivered]) -> None:
    alone, beside = tables(one), tables([*other, *one])
    assert stories(alone, ["client"]) == stories(beside, ["client"])


@thorough
@given(histories())
def test_another_name_and_another_time_give_the_same_story(history: list[Delivered]) -> None:
    by = timedelta(days=10, hours=23, minutes=17, seconds=43, microseconds=7)
    moved = tables(shifted(renamed(history, "KLIENT"), by))
    assert (
        stories(moved, ["KLIENT"], by)["KLIENT"] == stories(tables(history), ["client"])["client"]
    )


@thorough
@given(histories())
def test_a_touch_older_than_the_window_changes_no_credit(history: list[Delivered]) -> None:
    with_touch = with_older_touch(history)
    if with_touch is None:
        return
    before, after = tables(history), tables(with_touch)
    for table in ("first_touch_attribution", "last_touch_attribution", "multi_touch_attribution"):
        # whom no campaign ever reached is no longer direct
        kept = [row for row in before[table] if row["attribution_status"] != "direct"]
        times = {row["event_time"] for row in kept}
        assert compare(table, kept, [r for r in after[table] if r["event_time"] in times]) == []
        rest = [row for row in after[table] if row["event_time"] not in times]
        assert {row["attribution_status"] for row in rest} <= {"outside_window"}
        assert len(after[table]) == len(before[table])


def _sum(amounts) -> Decimal:
    return sum(amounts, start=Decimal(0))


# --- What is drawn ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample_of_histories() -> list[list[Delivered]]:
    return drawn(400, 1)


def test_one_seed_draws_the_same_histories(sample_of_histories: list[list[Delivered]]) -> None:
    assert drawn(20, 2) == drawn(20, 2)
    assert drawn(20, 2) != drawn(20, 3)
    assert len({_owner(history) for history in sample_of_histories}) == 400


def test_what_is_drawn_sits_on_every_boundary(sample_of_histories: list[list[Delivered]]) -> None:
    """Clients on each of the boundaries that issue 4 names."""
    seen: Counter[str] = Counter()
    result = tables([record for history in sample_of_histories for record in history])
    for rows in _by_client(result["stg_events"]).values():
        seen.update(_boundaries_of_events(rows))
    for rows in _by_client(result["conversion_paths"]).values():
        ages = {row["event_time"] - touch["touch_at"] for row in rows for touch in row["touches"]}
        seen.update({f"age {age - WINDOW}" for age in ages if abs(age - WINDOW) <= MICROSECOND})
        if any(touch["event_id"] in row["event_ids"] for row in rows for touch in row["touches"]):
            seen["a purchase's own touch"] += 1
    for rows in _by_client(result["attribution_explain"]).values():
        outside = WINDOW + MICROSECOND
        if any(row["event_time"] - row["touch_at"] == outside for row in rows):
            seen["a microsecond outside the window"] += 1
    seen.update(row["reason"] for row in result["rejected_events"])
    for history in sample_of_histories:
        seen.update(_spellings(history))
    names = [_owner(history) for history in sample_of_histories]
    seen["names that differ by case"] = len(names) - len({name.lower() for name in names})
    few = {boundary: seen[boundary] for boundary in BOUNDARIES if seen[boundary] < 5}
    assert not few, few


BOUNDARIES = (
    *(f"gap {gap}" for gap in (-MICROSECOND, timedelta(0), MICROSECOND)),
    *(f"age {gap}" for gap in (-MICROSECOND, timedelta(0))),
    "a microsecond outside the window",
    "equal times",
    "a purchase without a visit",
    "a purchase's own touch",
    "a daylight-saving day",
    "year 2000",
    "offset",
    "no offset",
    "epoch seconds",
    "epoch milliseconds",
    "duplicate_event_id",
    "an id with other content",
    "blanks",
    "upper case",
    "names that differ by case",
)


def _boundaries_of_events(events: list[dict[str, object]]) -> set[str]:
    times = [row["event_time"] for row in events]
    gaps = {later - earlier for earlier, later in pairwise(times)}
    found = {f"gap {gap - SESSION_TIMEOUT}" for gap in gaps}
    if timedelta(0) in gaps:
        found.add("equal times")
    if events[0]["event_type"] == "purchase" and events[0]["channel"] == "direct":
        found.add("a purchase without a visit")
    days = {time.astimezone(BERLIN).date() for time in times}
    midnights = {datetime(day.year, day.month, day.day, tzinfo=BERLIN) for day in days}
    if any((one + timedelta(days=1)).utcoffset() != one.utcoffset() for one in midnights):
        found.add("a daylight-saving day")
    if any(time.year == 2000 for time in times):
        found.add("year 2000")
    return found


def _spellings(history: list[Delivered]) -> set[str]:
    found = set()
    contents: dict[object, set[str]] = {}
    for record in history:
        time = str(record.get("event_time") or "")
        if parse_time(time.strip()) is not None:
            is_number = time.strip().replace(".", "").isdigit()
            if is_number:
                found.add("epoch milliseconds" if float(time) >= 1e11 else "epoch seconds")
            elif time.strip()[-1] in "zZ" or not any(sign in time[11:] for sign in "+-"):
                found.add("no offset" if time.strip()[-1] not in "zZ" else "Z")
            else:
                found.add("offset")
        texts = [value for value in record.values() if isinstance(value, str)]
        if any(text != text.strip() for text in texts):
            found.add("blanks")
        if str(record.get("event_type", "")).strip().isupper():
            found.add("upper case")
        if record.get("event_id"):
            contents.setdefault(record["event_id"], set()).add(time)
    if any(len(times) > 1 for times in contents.values()):
        found.add("an id with other content")
    return found


def _by_client(rows: list[dict[str, object]]) -> dict[object, list[dict[str, object]]]:
    found: dict[object, list[dict[str, object]]] = {}
    for row in rows:
        found.setdefault(row["client_id"], []).append(row)
    return found


def _owner(history: list[Delivered]) -> str:
    fields = [{name.strip().lower(): value for name, value in one.items()} for one in history]
    return next(str(one["client_id"]).strip() for one in fields if one.get("client_id"))
