"""Records to Arrow: one column per known field, the rest in a map."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from dagster_code.lib.landing.lines import printable


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read.

    Attributes:
        position: 1-based line (or row) where it starts.
        text: the record as delivered.
        problem: why it could not be read.
    """

    position: int
    text: str
    problem: str


def spark_schema(fields: Sequence[str]) -> str:
    """Schema of the batches, as Spark DDL.

    Args:
        fields: the known fields.
    """
    known = "".join(f"{field} string, " for field in fields)
    return (
        f"{known}extra map<string,string>, unreadable string, problem string, "
        "source_file string, source_sha256 string, source_position bigint"
    )


def readable_batch(
    fields: Sequence[str],
    origin: tuple[str, str],
    positions: Sequence[int],
    columns: Mapping[str, pa.Array],
) -> pa.RecordBatch:
    """Build a batch of records that could be read.

    Args:
        fields: the known fields, in the order of the schema.
        origin: path and SHA-256 of the file.
        positions: 1-based line (or row) of each record.
        columns: texts by field; those of unknown fields go to ``extra``.
    """
    count = len(positions)
    nothing = pa.nulls(count, pa.string())
    known = [columns.get(field, nothing) for field in fields]
    others = {name: column for name, column in columns.items() if name not in fields}
    arrays = [*known, extra_column(others, count), nothing, nothing]
    return _batch(fields, origin, positions, arrays)


def unreadable_batch(
    fields: Sequence[str], origin: tuple[str, str], records: Sequence[Unreadable]
) -> pa.RecordBatch:
    """Build a batch of records that could not be read.

    Args:
        fields: the known fields, in the order of the schema.
        origin: path and SHA-256 of the file.
        records: the records.
    """
    count = len(records)
    arrays = [
        *(pa.nulls(count, pa.string()) for _ in fields),
        extra_column({}, count),
        text_array([record.text for record in records]),
        text_array([record.problem for record in records]),
    ]
    return _batch(fields, origin, [record.position for record in records], arrays)


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Make an Arrow column of texts; lone surrogates become escapes.

    Args:
        values: the texts; ``None`` for absent ones.
    """
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if text is None else printable(text) for text in values], pa.string())


def known_name(name: str, fields: frozenset[str]) -> str:
    """Match a delivered field name to a known one.

    Args:
        name: as delivered.
        fields: the known fields.

    Returns:
        The known name if it is one but for case and outer white space, else the name trimmed.
    """
    trimmed = name.strip().removeprefix("\ufeff").strip()
    lowered = trimmed.lower()
    return lowered if lowered in fields else trimmed


def numbered_names(names: Iterable[str]) -> list[str]:
    """Tell repeated names apart: the second ``a`` becomes ``a#2``, or the next free number.

    Args:
        names: names in the order in which they occur.
    """
    listed = list(names)
    taken = set(listed)
    seen: Counter[str] = Counter()
    result = []
    for name in listed:
        seen[name] += 1
        candidate = name
        while seen[name] > 1 and (candidate := f"{name}#{seen[name]}") in taken:
            seen[name] += 1
        taken.add(candidate)
        result.append(candidate)
    return result


def extra_column(columns: Mapping[str, pa.Array], count: int) -> pa.Array:
    """Put columns into one column of maps: absent values are left out, an empty map is null.

    Args:
        columns: texts by name.
        count: number of records.
    """
    # Sorted, so that the order of the fields in the file changes nothing.
    names = sorted(columns)
    if not names:
        return pa.nulls(count, pa.map_(pa.string(), pa.string()))
    rows = zip(*(columns[name].to_pylist() for name in names), strict=True)
    if not any(column.null_count for column in columns.values()):
        offsets = range(0, count * len(names) + 1, len(names))
        items = list(chain.from_iterable(rows))
        return _maps(list(offsets), names * count, items)
    starts: list[int | None] = []
    keys: list[str] = []
    items = []
    for row in rows:
        before = len(keys)
        for name, value in zip(names, row, strict=True):
            if value is not None:
                keys.append(name)
                items.append(value)
        # A null offset marks a null map.
        starts.append(before if len(keys) > before else None)
    return _maps([*starts, len(keys)], keys, items)


def _maps(offsets: Sequence[int | None], keys: Sequence[str], items: Sequence[str]) -> pa.Array:
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()), text_array(keys), text_array(items)
    )


def _batch(
    fields: Sequence[str],
    origin: tuple[str, str],
    positions: Sequence[int],
    arrays: list[pa.Array],
) -> pa.RecordBatch:
    count = len(positions)
    source_file, sha256 = (pa.repeat(pa.scalar(text, pa.string()), count) for text in origin)
    names = [*fields, "extra", "unreadable", "problem"]
    return pa.RecordBatch.from_arrays(
        [*arrays, source_file, sha256, pa.array(positions, pa.int64())],
        names=[*names, "source_file", "source_sha256", "source_position"],
    )
