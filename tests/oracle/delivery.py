"""Records on their way to the oracle and to the pipeline: files, and rows of raw.events.

A delivered record is a dict of JSON values, one JSON line. A dict with the key `UNREADABLE` stands
for a line that is no record at all; it can only be delivered as JSON Lines.
"""

import csv
import gzip
import hashlib
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.oracle.records import RawRecord

# Of events, clients and ad spend, in SPEC.md.
KNOWN_FIELDS = frozenset(
    (
        *("event_id", "client_id", "event_time", "event_type", "channel", "referrer", "page_url"),
        *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        *("gclid", "gbraid", "wbraid", "dclid", "msclkid", "fbclid", "ttclid"),
        *("platform", "user_id", "order_id", "revenue", "created_at", "country"),
        *("date", "source", "medium", "campaign", "cost"),
    )
)
UNREADABLE = "\x00unreadable"

Delivered = dict[str, object]

# Columns of raw.events and raw.clients that say where a record came from; not its fields.
PROVENANCE = frozenset(
    {
        "extra",
        "unreadable",
        "problem",
        "source_file",
        "source_sha256",
        "source_position",
        "landed_at",
        "batch",
    }
)


def as_text(value: object) -> str | None:
    """A JSON value as delivered: strings as they are, anything else as its JSON text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def records_from(
    delivered: Iterable[Mapping[str, object]], landed_at: datetime, source: str = "generated"
) -> list[RawRecord]:
    """The records as they land from one imaginary JSON Lines file."""
    return [
        _record(row, landed_at, source, position) for position, row in enumerate(delivered, start=1)
    ]


def _record(
    row: Mapping[str, object], landed_at: datetime, source: str, position: int
) -> RawRecord:
    """One record. "Field names match after trim + lower-case (done at landing)"."""
    unreadable = row.get(UNREADABLE)
    if unreadable is not None:
        return RawRecord({}, str(unreadable), landed_at, source, position)
    fields = {name.strip().lower(): as_text(value) for name, value in row.items()}
    return RawRecord(fields, None, landed_at, source, position)


def record_from_raw_row(row: Mapping[str, object]) -> RawRecord:
    """A row of raw.events or raw.clients (docs/architecture.md, "Raw: as delivered").

    Takes what Spark gives (`row.asDict(recursive=True)`) or what `attribution query --format json`
    prints: `extra` may be JSON text, `landed_at` an ISO text.
    """
    extra = row.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    assert isinstance(extra, Mapping)
    known = {name: value for name, value in row.items() if name not in PROVENANCE}
    unreadable = row.get("unreadable")
    return RawRecord(
        fields={name: as_text(value) for name, value in {**extra, **known}.items()},
        unreadable=None if unreadable is None else str(unreadable),
        landed_at=_utc(row["landed_at"]),
        source_sha256=str(row["source_sha256"]),
        source_position=int(str(row["source_position"])),
    )


def _utc(value: object) -> datetime:
    """A timestamp from Spark or from JSON; without an offset it is UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# --- Files ----------------------------------------------------------------------------------------


def write_files(
    records: Sequence[Mapping[str, object]],
    directory: Path,
    rng: random.Random,
    file_count: int = 4,
    stem: str = "events",
) -> list[Path]:
    """Writes the records, shuffled, into JSONL and CSV files, some of them gzipped.

    Unreadable lines go to JSONL. Formats, columns' order and the spelling of header names come from
    `rng`, so that one seed gives one set of files. Files that get no record are not written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    shares: list[list[Mapping[str, object]]] = [[] for _ in range(max(file_count, 1))]
    suffixes = [rng.choice((".jsonl", ".json", ".jsonl.gz", ".csv", ".csv.gz")) for _ in shares]
    suffixes[0] = rng.choice((".jsonl", ".jsonl.gz"))
    for record in rng.sample(records, len(records)):
        share = 0 if UNREADABLE in record else rng.randrange(len(shares))
        shares[share].append(record)
    paths = []
    for number, (share_of_records, suffix) in enumerate(zip(shares, suffixes, strict=True)):
        if not share_of_records:
            continue
        is_csv = suffix.startswith(".csv")
        text = _csv_text(share_of_records, rng) if is_csv else _json_lines(share_of_records, rng)
        content = text.encode("utf-8")
        path = directory / f"{stem}_{number:03d}{suffix}"
        path.write_bytes(gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content)
        paths.append(path)
    return paths


def _json_lines(records: Iterable[Mapping[str, object]], rng: random.Random) -> str:
    """One line per record, keys in any order."""
    lines = []
    for record in records:
        unreadable = record.get(UNREADABLE)
        if unreadable is not None:
            lines.append(str(unreadable))
            continue
        items = rng.sample(list(record.items()), len(record))
        lines.append(json.dumps(dict(items), ensure_ascii=rng.random() < 0.5))
    return "".join(line + "\n" for line in lines)


def _csv_text(records: Sequence[Mapping[str, object]], rng: random.Random) -> str:
    """RFC 4180 with a header; an absent or null field is empty."""
    rows = [{name.strip().lower(): as_text(value) for name, value in r.items()} for r in records]
    # two columns at least: a blank line would be no record
    names = sorted({name for row in rows for name in row} | {"client_id", "event_id"})
    rng.shuffle(names)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=rng.choice(("\r\n", "\n")))
    spelt = [(name, rng.choice((name, name.upper(), f" {name} "))) for name in names]
    # an unknown field's name is kept as it is: with another one it would be another record
    writer.writerow(other if name in KNOWN_FIELDS else name for name, other in spelt)
    writer.writerows([row.get(name) or "" for name in names] for row in rows)
    return buffer.getvalue()


def read_files(paths: Iterable[Path], landed_at: datetime) -> list[RawRecord]:
    """The records of JSONL and CSV files, read without any of the pipeline's code."""
    return [record for path in paths for record in _read_file(path, landed_at)]


def _read_file(path: Path, landed_at: datetime) -> Iterator[RawRecord]:
    content = path.read_bytes()
    source = hashlib.sha256(content).hexdigest()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    text = content.decode("utf-8-sig")
    is_csv = ".csv" in path.suffixes
    rows = _csv_rows(text) if is_csv else _json_rows(text)
    for position, row in rows:
        yield _record(row, landed_at, source, position)


def _csv_rows(text: str) -> Iterator[tuple[int, Delivered]]:
    """Line where the record starts, and the record."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader)
    start = reader.line_num + 1
    for values in reader:
        yield start, dict(zip(header, values, strict=True))
        start = reader.line_num + 1


def _json_rows(text: str) -> Iterator[tuple[int, Delivered]]:
    """Line and record; numbers keep the text they were delivered with."""
    for position, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_float=str, parse_int=str)
        except json.JSONDecodeError:
            value = None
        yield position, value if isinstance(value, dict) else {UNREADABLE: line}
