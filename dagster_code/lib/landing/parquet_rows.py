"""Parquet to Arrow texts: every type in one plain notation."""

import base64
import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_code.lib.landing.batches import known_name, numbered_names, readable_batch
from dagster_code.lib.landing.json_lines import Number, json_text

_BATCH_BYTES = 16 * 1024 * 1024
_BATCH_ROWS = 32_768
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def parquet_batches(
    stream: BinaryIO,
    row_groups: Sequence[int],
    first_row: int,
    fields: Sequence[str],
    origin: tuple[str, str],
    *,
    keeps_others: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Read row groups of a Parquet file as texts.

    Args:
        stream: the file.
        row_groups: numbers of the row groups to read, 0-based.
        first_row: 1-based number of the first row in them.
        fields: the known fields.
        origin: path and SHA-256 of the file.
        keeps_others: whether other columns are read too.

    Yields:
        Batches of records.

    Raises:
        pyarrow.ArrowException: the file is broken.
        OSError: the same, or it cannot be read.
    """
    with pq.ParquetFile(stream) as file:
        columns = None if keeps_others else _known_columns(file, frozenset(fields))
        groups = list(row_groups)
        for batch in file.iter_batches(_batch_rows(file), row_groups=groups, columns=columns):
            if batch.num_rows:
                yield _readable(batch, first_row, fields, origin)
            first_row += batch.num_rows


def text_column(column: pa.Array) -> pa.Array:
    """Write a column of any type as texts.

    Timestamps become ISO 8601 in UTC with microseconds (those without a zone are UTC), numbers
    plain digits without an exponent, arrays, structs and maps compact JSON, bytes UTF-8 or else
    base64.

    Args:
        column: any Arrow column.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return text_column(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return pc.strftime(column.cast(pa.timestamp("us"), safe=False), _ISO)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _without_exponents(_numbers_as_text(column))
    if _needs_python(kind):
        # Keys of a Parquet map are unique, so nothing is lost in a dictionary.
        plain = column.to_pylist(maps_as_pydicts="lossy")
        values = [None if value is None else _python_text(value) for value in plain]
        return pa.array(values, pa.string())
    return column.cast(pa.string())


def _known_columns(file: pq.ParquetFile, fields: frozenset[str]) -> list[str]:
    return [name for name in file.schema_arrow.names if known_name(name, fields) in fields]


def _batch_rows(file: pq.ParquetFile) -> int:
    metadata = file.metadata
    size = sum(metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
    per_row = max(1, size // max(1, metadata.num_rows))
    return int(min(_BATCH_ROWS, max(64, _BATCH_BYTES // per_row)))


def _readable(
    batch: pa.RecordBatch, first_row: int, fields: Sequence[str], origin: tuple[str, str]
) -> pa.RecordBatch:
    known_fields = frozenset(fields)
    texts: dict[str, list[pa.Array]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        texts.setdefault(known_name(name, known_fields), []).append(text_column(column))
    labels = iter(numbered_names(name for name, columns in texts.items() for _ in columns))
    columns = {next(labels): column for repeated in texts.values() for column in _settled(repeated)}
    positions = range(first_row, first_row + batch.num_rows)
    return readable_batch(fields, origin, positions, columns)


def _settled(columns: list[pa.Array]) -> list[pa.Array]:
    """Of several columns of one name, bring the first value that is not empty to the front."""
    if len(columns) == 1:
        return columns
    rows = [
        sorted(values, key=lambda value: not value)
        for values in zip(*(column.to_pylist() for column in columns), strict=True)
    ]
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]


def _needs_python(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_duration(kind)
    )


def _numbers_as_text(column: pa.Array) -> pa.Array:
    # Arrow has no cast from half floats to text.
    is_half = pa.types.is_float16(column.type)
    return (column.cast(pa.float32()) if is_half else column).cast(pa.string())


def _without_exponents(column: pa.Array) -> pa.Array:
    has_exponent = pc.match_substring(column, "e", ignore_case=True)
    if not pc.any(has_exponent).as_py():
        return column
    values = [None if text is None else _plain_number(text) for text in column.to_pylist()]
    return pa.array(values, pa.string())


def _plain_number(text: str) -> str:
    return format(Decimal(text), "f") if "e" in text.lower() else text


def _python_text(value: object) -> str:
    return json_text(_json_value(value))


def _json_value(value: object) -> object:
    """Bring a Python value into the form that ``json_text`` writes."""
    if isinstance(value, dict):
        return tuple((_python_text(name), _json_value(item)) for name, item in value.items())
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, bytes):
        return _bytes_text(value)
    if isinstance(value, int | float | Decimal):
        return Number(_plain_number(str(value)))
    if isinstance(value, dt.datetime):
        in_utc = value.astimezone(dt.UTC) if value.tzinfo else value
        return in_utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
