"""The files that the whole pipeline is tried on: drawn histories, copies of some, and ill cases."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.golden import write_landing
from tests.oracle import generate_clients, records_from, write_files
from tests.oracle.delivery import Delivered
from tests.oracle.generate import huge_purchases
from tests.oracle.generate_spend import generate_spend
from tests.oracle.strategies import drawn
from tests.oracle.transforms import renamed, shifted, with_older_touch

_SEED = 20261123

# Drawn by Hypothesis; of the first ones copies are landed under other names.
CLIENT_COUNT = 2500
COPIED_COUNT = 150

# Crosses a clock change in spring and in autumn for some; nothing is later than today by it.
LATER = timedelta(days=10, hours=23, minutes=17, seconds=43, microseconds=7)

# An id that would end a text in SQL, or a parameter in a shell.
QUOTED_CLIENT = """x' or '1'='1" \\ :client_id -- 😀"""
QUOTED = [
    {
        "event_id": f"quoted-{number}",
        "client_id": QUOTED_CLIENT,
        "event_time": f"2026-01-0{number}T12:00:00.000001Z",
        "event_type": event_type,
        **fields,
    }
    for number, (event_type, fields) in enumerate(
        [
            ("page_view", {"utm_source": "o'neill", "utm_medium": "email"}),
            ("purchase", {"revenue": "10.01", "order_id": 'o"1'}),
            ("purchase", {"revenue": "0.01"}),
        ],
        start=1,
    )
]


@dataclass(frozen=True)
class Copies:
    """Clients whose history is that of another one, changed: copy -> original."""

    moved: Mapping[str, str]
    with_older_touch: Mapping[str, str]
    in_parts: Mapping[str, str]


@dataclass(frozen=True)
class GeneratedFiles:
    """What is to be landed on top of the sample, now and with the last run."""

    folder: Path
    events: list[Path]
    spend: list[Path]
    late_events: Path
    copies: Copies


def write_generated(folder: Path, other_events: list[dict[str, object]]) -> GeneratedFiles:
    """Thousands of histories and their copies, in files of several formats.

    Args:
        folder: where to; it gets a folder for each kind, and one for the late events.
        other_events: events that are there already; one of their ids is used again.
    """
    rng = random.Random(_SEED)
    drawn_histories = drawn(CLIENT_COUNT, _SEED)
    originals, others = drawn_histories[:COPIED_COUNT], drawn_histories[COPIED_COUNT:]
    now, late, copies = copied(originals, rng)
    strangers = [record for history in others for record in history] + huge_purchases() + QUOTED
    strangers.append(event_of_another(other_events))
    now += [record for history in originals for record in history] + strangers
    events = write_files(now, folder / "events", rng, 9, "events")
    # the golden cases land along: a run of their own would cost minutes
    events.append(write_landing(folder / "events" / "golden.jsonl"))
    write_files(late, folder / "late", rng, 4, "late")
    # the originals and their copies are known from events alone
    write_files(generate_clients(_SEED, strangers), folder / "clients", rng, 2, "clients")
    # a random order of its own: its formats stay when the events change
    spend = write_files(
        generate_spend(_SEED, 300), folder / "spend", random.Random(_SEED), 8, "spend"
    )
    write_spend_as_parquet(folder / "spend" / "spend.parquet")
    return GeneratedFiles(folder, events, spend, folder / "late", copies)


def event_of_another(events: list[dict[str, object]]) -> Delivered:
    """An event under the id that one of these has, of a client who has none of them."""
    return {
        "event_id": events[0]["event_id"],
        "client_id": "who has another's id",
        "event_time": "2026-01-01T12:00:00Z",
        "event_type": "page_view",
    }


def copied(
    originals: list[list[Delivered]], rng: random.Random
) -> tuple[list[Delivered], list[Delivered], Copies]:
    """The copies' records: those delivered now, those delivered late, and whose copy is whose."""
    now: list[Delivered] = []
    late: list[Delivered] = []
    copies = Copies({}, {}, {})
    for number, history in enumerate(originals):
        original = owner(history)
        moved = f"moved-{number}"
        now += shifted(renamed(history, moved), LATER)
        copies.moved[moved] = original
        older = f"older-{number}"
        with_touch = with_older_touch(renamed(history, older))
        if with_touch is not None:
            now += with_touch
            copies.with_older_touch[older] = original
        in_parts = f"in parts {number}"
        whole = renamed(history, in_parts)
        now += rng.sample(whole, len(whole) // 2)
        # what was not delivered, and all that was, again
        late += whole
        copies.in_parts[in_parts] = original
    return now, late, copies


def write_spend_as_parquet(path: Path) -> None:
    """Days, instants and numbers with types of their own."""
    table = pa.table(
        {
            "Date": pa.array([date(2024, 3, 1), date(2024, 3, 2), None]),
            "cost": pa.array([Decimal("10.005"), Decimal(0), Decimal(1)], pa.decimal128(12, 3)),
            "source": ["google", "adnet", "google"],
            "medium": ["cpc", "leaflet", "cpc"],
            "clicks": [3, None, 4],
        }
    )
    pq.write_table(table, path)


def owner(history: list[Delivered]) -> str:
    """Whose history it is."""
    ids = (record.text("client_id") for record in records_from(history, datetime.now(UTC)))
    return next(one for one in ids if one is not None)
