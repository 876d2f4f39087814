"""Records that a client's history must survive: duplicates, and bad ones."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.oracle.delivery import UNREADABLE, Delivered
from tests.oracle.generate_evidence import evidence
from tests.oracle.generate_times import time_text

BAD_REVENUES = (
    None,
    "",
    "  ",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1,000.00",
    "1.000,00",
    "-0.001",
    "-5",
    "-1e-30",
    "9999999999999999.995",
    "10000000000000000",
    "1e16",
    "1e400",
    "$5",
    "12.34 EUR",
    "0x10",
    "1_000",
    "5d",
    "1e",
    "--1",
    "1 000",
    "\u0663",
    "free",
    True,
)
BAD_TYPES = (None, "", " ", "refund", "REFUND", "click", "page view", "purchases", "page_view;")
BAD_TIMES = (
    None,
    "",
    "   ",
    "yesterday",
    "NaN",
    "Infinity",
    "0",
    -1,
    "-86400",
    "2024",
    "20240301",
    "2024-03",
    "2024-3-1",
    "2024-1-01T10:00:00Z",
    "2024-03-01T1:00:00Z",
    "2024-03-01T10",
    "2024-03-01T10:00:00.",
    "2024-03-01T10:00:0",
    "2024-03-01  10:00:00",
    "2024-02-30T00:00:00Z",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-01T24:00:00Z",
    "2024-01-01T23:59:60Z",
    "2024-01-01T23:60:00Z",
    "2024-01-01T10:00:00+18:01",
    "2024-01-01T10:00:00-19:00",
    "2024-01-01T10:00:00+01:60",
    "2024-01-01T10:00:00 UTC",
    "2024-01-01T10:00:00 Europe/Berlin",
    "2024-01-01T10:00:00Z+01:00",
    "2024-W09-5",
    "2024-061",
    "01/02/2024",
    "1. 3. 2024 10:00",
    "T10:00:00",
    "1999-12-31T23:59:59.999999Z",
    "1999-12-31",
    "2000-01-01T00:00:00+00:01",
    "2000-01-01 00:59:59.999999 +01",
    "946684799.999999",
    "0001-01-01T00:00:00+18:00",
    "9999-12-31T23:59:59-18:00",
    "99999999999",
    "1e30",
    "2100-01-01T00:00:00Z",
    "4102444800",
    "4102444800000",
)


def duplicates(rng: random.Random, record: Delivered) -> list[Delivered]:
    """The record again: as it was, with blanks, at another time, or spoiled."""
    if rng.random() > 0.2:
        return []
    kinds: list[Callable[[random.Random, Delivered], Delivered]] = [_same, _same_with_blanks]
    names = _spelled_names(record)
    given_id = record[names["event_id"]]
    if isinstance(given_id, str) and given_id.strip():
        kinds += [_at_another_time, _spoiled]
    return [rng.choice(kinds)(rng, record) for _ in range(rng.randint(1, 3))]


def _same(_rng: random.Random, record: Delivered) -> Delivered:
    return dict(record)


def _same_with_blanks(rng: random.Random, record: Delivered) -> Delivered:
    """Equal content: blank fields, known and unknown, are as good as absent ones."""
    absent = {"utm_term", "utm_content", "loyalty"} - {name.strip().lower() for name in record}
    return {**record, **dict.fromkeys(sorted(absent), rng.choice((None, "", " ")))}


def _at_another_time(rng: random.Random, record: Delivered) -> Delivered:
    """Same id, other content, and an instant no other record of this id has.

    Instants of duplicates are off every boundary, so they never meet an event without id.
    """
    names = _spelled_names(record)
    instant = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(
        seconds=rng.randrange(500_000_000), microseconds=rng.randrange(20, 999_980)
    )
    return {
        names["client_id"]: record[names["client_id"]],
        names["event_id"]: record[names["event_id"]],
        "event_time": time_text(rng, instant),
        "event_type": rng.choice(("page_view", "purchase")),
        "revenue": "77.77",
        **evidence(rng),
    }


def _spoiled(rng: random.Random, record: Delivered) -> Delivered:
    """Same id, at the earliest instant of all, but not valid: it must not win."""
    names = _spelled_names(record)
    return {
        names["client_id"]: record[names["client_id"]],
        names["event_id"]: record[names["event_id"]],
        "event_time": "2000-01-01T00:00:00Z",
        **rng.choice(
            (
                {"event_type": rng.choice(BAD_TYPES)},
                {"event_type": "purchase", "revenue": rng.choice(BAD_REVENUES)},
                {"event_type": "page_view", "event_time": rng.choice(BAD_TIMES)},
            )
        ),
    }


def bad_record(rng: random.Random, client_id: str) -> Delivered:
    """A record with one or more faults; the first in SPEC.md's order is its reason."""
    if rng.random() < 0.15:
        broken = ('{"client_id": "c1", "event_id": ', "not json at all", "[1, 2]", '"text"', "42")
        return {UNREADABLE: rng.choice(broken)}
    record: Delivered = {
        "client_id": client_id,
        "event_id": f"bad-{rng.randrange(3)}" if rng.random() < 0.8 else None,
        "event_time": "2024-05-01T10:00:00Z",
        "event_type": "purchase",
        "revenue": "10",
    }
    faults: tuple[Delivered, ...] = (
        {"client_id": rng.choice((None, "", "   "))},
        {"event_time": rng.choice(BAD_TIMES)},
        {"event_type": rng.choice(BAD_TYPES)},
        {"revenue": rng.choice(BAD_REVENUES)},
    )
    for fault in rng.sample(faults, rng.choice((1, 1, 1, 2, 3, 4))):
        record |= fault
    if rng.random() < 0.2:
        record = {name: value for name, value in record.items() if value not in (None, "")}
    return record


def shouted(rng: random.Random, record: Delivered) -> Delivered:
    """A record of another client id: only the case differs, and that is another client."""
    names = _spelled_names(record)
    if UNREADABLE in record or not record.get(names.get("client_id", "")):
        return {"client_id": f"alone-{rng.randrange(1000)}", "event_time": "2024-01-01"}
    client_id = str(record[names["client_id"]])
    return {**record, names["client_id"]: f"{client_id.swapcase()}!"}


def _spelled_names(record: Delivered) -> dict[str, str]:
    """The record's field names as they are delivered, by the names that SPEC.md has for them."""
    return {name.strip().lower(): name for name in record}
