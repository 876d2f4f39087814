"""Generated histories, and the files that deliver them."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.oracle import (
    RawRecord,
    Rules,
    compare,
    generate,
    read_files,
    record_from_raw_row,
    records_from,
    run,
    write_files,
)
from tests.oracle.compare import KEYS
from tests.oracle.delivery import as_text
from tests.oracle.generate import REVENUES, STARTS, WINDOW
from tests.oracle.generate_faults import BAD_REVENUES, BAD_TIMES, BAD_TYPES
from tests.oracle.generate_times import time_text
from tests.oracle.records import is_placeholder, parse_time
from tests.oracle.staging import event_of, rejection_reason
from tests.unit.oracle.cases import LANDED_AT, NOON, US, purchase, record, tables

SEED_NUMBERS = range(12)


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_the_winner_among_generated_records_never_hangs_on_a_hash(rules: Rules, seed: int) -> None:
    valid = [
        event_of(one, rules)
        for one in records_from(generate(seed, 20, landed_at=LANDED_AT), LANDED_AT)
        if rejection_reason(one, rules) is None
    ]
    contents = defaultdict(set)
    ids_at = defaultdict(set)
    for event in valid:
        contents[event.client_id, event.event_id, event.event_time].add(event)
        ids_at[event.client_id, event.event_time].add(event.event_id)

    assert all(len(different) == 1 for different in contents.values())
    without_id = [ids for ids in ids_at.values() if any(is_placeholder(one) for one in ids)]
    assert all(len(ids) == 1 for ids in without_id)


def test_bad_values_are_bad_and_good_ones_are_good(rules: Rules) -> None:
    good = purchase(NOON, "p", "1")

    def reasons(field: str, values: Sequence[object]) -> set[str | None]:
        return {rejection_reason(record(**{**good, field: one}), rules) for one in values}

    assert reasons("event_time", BAD_TIMES) == {"invalid_event_time"}
    assert reasons("event_type", BAD_TYPES) == {"unknown_event_type"}
    assert reasons("revenue", BAD_REVENUES) == {"invalid_revenue"}
    assert reasons("revenue", REVENUES) == {None}


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_a_written_time_means_the_instant(seed: int) -> None:
    rng = random.Random(seed)
    for start in STARTS:
        for _ in range(40):
            instant = start + rng.randrange(3) * timedelta(seconds=30) + rng.randrange(2) * US
            assert parse_time((as_text(time_text(rng, instant)) or "").strip()) == instant


def test_what_is_generated_reaches_every_corner(rules: Rules) -> None:
    seen = defaultdict(set)
    for seed in SEED_NUMBERS:
        result = tables(rules, generate(seed, 20))
        for row in result["rejected_events"]:
            seen["reason"].add(row["reason"])
        for row in result["attribution_explain"]:
            seen["decision"].add(row["decision"])
        for row in result["last_touch_attribution"]:
            seen["status"].add(row["attribution_status"])
        for row in result["conversion_paths"]:
            seen["purchases at once"].add(row["purchase_count"])
            seen["age"] |= {row["event_time"] - touch["touch_at"] for touch in row["touches"]}

    assert len(seen["reason"]) == 6
    assert len(seen["decision"]) == 5
    assert len(seen["status"]) == 3
    assert {1, 2} <= seen["purchases at once"]
    assert {timedelta(0), WINDOW - US, WINDOW} <= seen["age"]


def test_one_seed_gives_one_history() -> None:
    assert generate(3, 10) == generate(3, 10)
    assert generate(3, 10) != generate(4, 10)


@pytest.mark.parametrize("seed", SEED_NUMBERS[:3])
def test_what_spec_does_not_decide_is_the_same_in_any_order(rules: Rules, seed: int) -> None:
    delivered = generate(seed, 10, disputed=True, huge_revenue=True)
    records = records_from(delivered, LANDED_AT)
    shuffled = random.Random(seed).sample(records, len(records))

    once = run(records, [], rules)
    twice = run([*shuffled, *records], [], rules)

    for table in KEYS:
        if table != "rejected_events":
            assert compare(table, once[table], twice[table]) == []
    assert len(records) == len(once["stg_events"]) + len(once["rejected_events"])


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_files_hold_what_was_generated(rules: Rules, tmp_path: Path, seed: int) -> None:
    delivered = generate(seed, 10)
    expected = tables(rules, delivered)

    paths = write_files(delivered, tmp_path, random.Random(seed))
    actual = run(read_files(paths, LANDED_AT), [], rules)

    assert len({path.name for path in paths}) == len(paths) > 1
    for table in KEYS:
        assert compare(table, expected[table], actual[table]) == []


def test_an_unknown_field_has_one_name_in_every_file(tmp_path: Path) -> None:
    """A record without an id is the same one in another file only if its fields are."""
    records: list[dict[str, object]] = [{"client_id": f"{n}", "Experiment": "A"} for n in range(40)]
    paths = write_files(records, tmp_path, random.Random(1), 40, "events")
    headers = {path.read_text("utf-8").splitlines()[0] for path in paths if path.suffix == ".csv"}
    names = {name for header in headers for name in header.split(",")}
    assert names == {
        "client_id",
        "CLIENT_ID",
        " client_id ",
        "event_id",
        "EVENT_ID",
        " event_id ",
        "experiment",
    }


def test_a_row_of_the_raw_table_is_the_record_that_was_delivered() -> None:
    row = {
        "client_id": " c",
        "event_id": None,
        "extra": '{"loyalty": "gold"}',
        "unreadable": None,
        "problem": None,
        "source_file": "a.jsonl",
        "source_sha256": "ab",
        "source_position": 3,
        "landed_at": "2024-01-02T03:04:05Z",
        "batch": 1,
    }

    assert record_from_raw_row(row) == RawRecord(
        fields={"client_id": " c", "event_id": None, "loyalty": "gold"},
        unreadable=None,
        landed_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        source_sha256="ab",
        source_position=3,
    )
