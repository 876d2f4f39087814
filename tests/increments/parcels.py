"""What is delivered together: records of each kind, dealt into batches and written as files."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_code.lib.landing.schema import KINDS, Kind
from tests.oracle import write_files
from tests.oracle.delivery import UNREADABLE, Delivered, as_text
from tests.oracle.records import parse_time

# How a client's records come: each with any batch; by their time, so that most are on time; all
# with one batch, so that every other batch leaves the client alone.
MANNERS = ("anyhow", "in time", "at once")
MANNER_WEIGHTS = (3, 3, 4)

# The first batch is the history that the later ones come on top of: it has about half of all.
# An increment that concerns most clients would be little different from a full build.
FIRST_SHARE = 0.5

# The part of the records that come once more with a later batch, among others and in other files.
AGAIN = 0.15

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Parcel:
    """Records of each kind that come together."""

    events: list[Delivered] = field(default_factory=list)
    clients: list[Delivered] = field(default_factory=list)
    spend: list[Delivered] = field(default_factory=list)

    def of(self, kind: Kind) -> list[Delivered]:
        """The records of a kind."""
        return {"events": self.events, "clients": self.clients, "spend": self.spend}[kind]

    def add(self, other: "Parcel") -> None:
        """Put another parcel's records in as well."""
        for kind in KINDS:
            self.of(kind).extend(other.of(kind))

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(len(self.of(kind)) for kind in KINDS)


def empty_parcels(count: int) -> list[Parcel]:
    """So many parcels without a record."""
    return [Parcel() for _ in range(count)]


def deal_history(
    history: Sequence[Delivered], parcels: Sequence[Parcel], rng: random.Random
) -> None:
    """Put every record of one client into a parcel, and some into a later one as well."""
    (manner,) = rng.choices(MANNERS, MANNER_WEIGHTS)
    places = _places(history, len(parcels), manner, rng)
    for record, place in zip(history, places, strict=True):
        parcels[place].events.append(record)
        if manner != "at once" and rng.random() < AGAIN:
            parcels[rng.randrange(place, len(parcels))].events.append(dict(record))


def with_echo(parcels: Sequence[Parcel], rng: random.Random) -> list[Parcel]:
    """Another batch somewhere, that brings nothing but the events of an earlier one once more."""
    first, second = sorted(rng.sample(range(len(parcels)), 2))
    echo = Parcel(events=[dict(record) for record in parcels[first].events])
    return [*parcels[:second], echo, *parcels[second:]]


def deal_records(
    kind: Kind, records: Iterable[Delivered], parcels: Sequence[Parcel], rng: random.Random
) -> None:
    """Put every record into any parcel, and some into a later one as well."""
    for record in records:
        place = rng.randrange(len(parcels))
        parcels[place].of(kind).append(record)
        if rng.random() < AGAIN:
            parcels[rng.randrange(place, len(parcels))].of(kind).append(dict(record))


def deal_steps(steps: Sequence[Parcel], parcels: Sequence[Parcel], rng: random.Random) -> None:
    """Put each step into a later parcel than the step before, as long as there are enough."""
    places = sorted(rng.sample(range(len(parcels)), min(len(steps), len(parcels))))
    # the last parcel takes all that are too many
    places += [places[-1]] * (len(steps) - len(places))
    for step, place in zip(steps, places, strict=True):
        parcels[place].add(step)


def _places(history: Sequence[Delivered], count: int, manner: str, rng: random.Random) -> list[int]:
    """The parcel of each record."""
    if manner == "at once":
        return [_place(count, rng)] * len(history)
    places = [_place(count, rng) for _ in history]
    if manner == "anyhow":
        return places
    in_time = dict(
        zip(
            sorted(range(len(history)), key=lambda one: _time(history[one])),
            sorted(places),
            strict=True,
        )
    )
    return [in_time[number] for number in range(len(history))]


def _place(count: int, rng: random.Random) -> int:
    """Any parcel, the first one more often."""
    return 0 if count == 1 or rng.random() < FIRST_SHARE else rng.randrange(1, count)


def _time(record: Delivered) -> datetime:
    """When the event happened; records without a valid time come first."""
    texts = (
        as_text(value) for name, value in record.items() if name.strip().lower() == "event_time"
    )
    return parse_time(next((text.strip() for text in texts if text), None)) or _NO_TIME


# --- Files ----------------------------------------------------------------------------------------


def write_parcel(parcel: Parcel, folder: Path, rng: random.Random) -> dict[Kind, list[Path]]:
    """Write a parcel as one or a few files a kind: JSON Lines, CSV, gzipped ones, Parquet.

    Args:
        parcel: what is delivered.
        folder: a folder of this parcel's own; each kind has one below it.
        rng: decides on order and formats.

    Returns:
        The files by kind; a kind without records is left out.
    """
    return {
        kind: _write(parcel.of(kind), folder / kind, rng, f"{folder.name}-{kind}")
        for kind in KINDS
        if parcel.of(kind)
    }


def _write(records: Sequence[Delivered], folder: Path, rng: random.Random, stem: str) -> list[Path]:
    readable = [record for record in records if UNREADABLE not in record]
    in_columns = rng.sample(readable, len(readable) // 3) if rng.random() < 0.5 else []
    taken = {id(record) for record in in_columns}
    rest = [record for record in records if id(record) not in taken]
    paths = write_files(rest, folder, rng, rng.randint(1, 3), stem) if rest else []
    if in_columns:
        paths.append(write_parquet(in_columns, folder / f"{stem}.parquet"))
    return paths


def write_parquet(records: Sequence[Mapping[str, object]], path: Path) -> Path:
    """Write records as a Parquet file of texts."""
    rows = [{name.strip().lower(): as_text(value) for name, value in r.items()} for r in records]
    names = sorted({name for row in rows for name in row})
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    pq.write_table(pa.table(columns), path)
    return path
