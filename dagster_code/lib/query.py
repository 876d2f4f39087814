"""One SQL statement, its result as a table, CSV or JSON, row by row.

Values are turned into text by Spark wherever Python would change them: timestamps, which the
client would shift to its own time zone, and nested values.
"""

import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from dagster_code.lib.errors import RunFailedError, ServerError, UserError
from dagster_code.lib.spark_errors import damage, is_gone
from dagster_code.lib.style import heading
from dagster_code.lib.terminal import columns, padded, printable, printable_json

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType

FORMATS = ("table", "csv", "sheet", "json")

_TIMESTAMP = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"
_TIMESTAMP_WITHOUT_ZONE = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
# The widths of a printed table follow its first rows; the rest streams through in these widths.
_SAMPLED_ROWS = 1000
# With these a spreadsheet program takes a text for a formula; OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# A longer cell stands out of its column: one of a megabyte would fill every row with blanks.
_WIDEST_COLUMN = 200
# Of a double in a table; other formats have all that it has.
_SHOWN_PLACES = 6
_LEAST_ROUNDED = 1e-4
# How Spark names what counts, whatever it counts.
_COUNTING = ("count(", "approx_count_distinct(")
# The last word of a column's name, also inside of a function: `max(batch)`, `year(event_time)`.
_NAMING = re.compile(
    r"(^|[^a-z0-9])(id|ids|year|date|version|number|batch|port|pid|micros|millis)[`\"]?\)*$|^year\(",
    re.IGNORECASE,
)
_UP_TO_SQLSTATE = re.compile(r".*?SQLSTATE: \w{5}(?:[;,]? ?\(?line \d+,? pos \d+\)?)?", re.DOTALL)
# PySpark writes every error to standard error by itself, with Java's stack.
_TALKATIVE_LOGGERS = ("pyspark.sql.connect.logging", "SQLQueryContextLogger")


class Result:
    """A statement's result, not yet read.

    Attributes:
        names: the columns' names; they may repeat.
        kinds: for each column ``number``, ``text`` or ``json`` (a nested value as JSON text).
    """

    def __init__(self, frame: "DataFrame") -> None:
        """Prepare a result for reading.

        Args:
            frame: what the statement gave.
        """
        from pyspark.sql import functions as F

        fields = frame.schema.fields
        self.names = [field.name for field in fields]
        self.kinds = [_kind(field.dataType) for field in fields]
        # Positions instead of names: a result may have a name twice.
        positions = [f"c{number}" for number in range(len(fields))]
        columns = [
            _printable(F.col(position), field.dataType).alias(position)
            for position, field in zip(positions, fields, strict=True)
        ]
        self._frame = frame.toDF(*positions).select(*columns) if fields else frame

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Read the rows one by one; only a batch of them is in memory."""
        return iter(self._frame.toLocalIterator()) if self.names else iter(())


def run_statement(spark: "SparkSession", sql: str) -> Result:
    """Run one statement.

    Args:
        spark: a session in UTC on the home's server.
        sql: the statement; a semicolon at its end is fine.

    Raises:
        UserError: there is no statement.
    """
    if not sql.strip(" \t\r\n;"):
        raise UserError("there is no SQL statement; give one, like 'select 1'")
    return Result(spark.sql(sql))


def lines(
    names: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str
) -> Iterator[str]:
    """Write a result as text.

    Args:
        names: the columns' names.
        kinds: the columns' kinds, as in ``Result``.
        rows: the rows, read as the lines are.
        output_format: one of ``FORMATS``.

    Yields:
        Lines with their line ends; nothing for a statement without a result.
    """
    if not names:
        return
    writers: dict[str, Callable[..., Iterator[str]]] = {
        "csv": _csv_lines,
        "sheet": _sheet_lines,
        "json": _json_lines,
        "table": _table_lines,
    }
    yield from writers[output_format](names, kinds, rows)


def silence_pyspark() -> None:
    """Keep PySpark from printing the errors that it also raises."""
    for name in _TALKATIVE_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def as_user_error(error: Exception) -> UserError:
    """Say in one line what Spark did not like, or that Spark is gone.

    Args:
        error: what PySpark or gRPC raised.
    """
    text = str(error)
    if is_gone(text):
        return ServerError(
            "the Spark server went away; look at its log under logs/ of ATTRIBUTION_HOME,"
            " then start it with `attribution up`"
        )
    lost = damage(text)
    if lost is not None:
        return RunFailedError(lost)
    # Behind the state come the position, the plan and Java's stack.
    told = _UP_TO_SQLSTATE.match(text)
    meant = told.group() if told else next((line for line in text.splitlines() if line), "")
    return UserError(" ".join(meant.split()) or type(error).__name__)


def _kind(data_type: "DataType") -> str:
    from pyspark.sql import types as T

    if isinstance(data_type, T.NumericType):
        return "number"
    if isinstance(data_type, T.BooleanType):
        return "boolean"
    is_nested = isinstance(data_type, T.ArrayType | T.MapType | T.StructType | T.VariantType)
    return "json" if is_nested else "text"


def _printable(column: "Column", data_type: "DataType") -> "Column":
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    if isinstance(data_type, T.TimestampType):
        return F.date_format(column, _TIMESTAMP)
    if isinstance(data_type, T.TimestampNTZType):
        return F.date_format(column, _TIMESTAMP_WITHOUT_ZONE)
    if isinstance(data_type, T.ArrayType | T.MapType | T.StructType | T.VariantType):
        options = {
            "timestampFormat": _TIMESTAMP,
            "timestampNTZFormat": _TIMESTAMP_WITHOUT_ZONE,
            "timeZone": "UTC",
            "ignoreNullFields": "false",
        }
        return F.to_json(column, options)
    if isinstance(data_type, T.BinaryType):
        return F.base64(column)
    if isinstance(data_type, T.NumericType | T.BooleanType):
        return column
    return column.cast("string")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        # str() would write small ones as 0E-18.
        return f"{value:f}"
    if isinstance(value, float) and not math.isfinite(value):
        # As Spark writes and reads them.
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    return str(value)


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    text = _text(value)
    # The quotes tell an empty text from null, which is empty without them.
    if not text or any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _csv_lines(
    names: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    for row in chain([names], rows):
        yield ",".join(_csv_cell(value) for value in row) + "\r\n"


def _sheet_lines(
    names: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    """CSV for a spreadsheet program, which would compute what begins like a formula."""
    yield from _csv_lines([_no_formula(name) for name in names], kinds, ())
    for row in rows:
        cells = (
            value if kind == "number" or value is None else _no_formula(_text(value))
            for value, kind in zip(row, kinds, strict=True)
        )
        yield ",".join(_csv_cell(cell) for cell in cells) + "\r\n"


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json_cell(value: object, kind: str) -> str:
    if value is None:
        return "null"
    if kind == "json" or isinstance(value, bool | Decimal):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no such numbers.
        return json.dumps(_text(value))
    return json.dumps(value, ensure_ascii=False)


def _json_lines(
    names: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    keys = [json.dumps(name, ensure_ascii=False) for name in distinct_names(names)]
    yield "["
    separator = "\n"
    for row in rows:
        cells = (
            f"{key}: {_json_cell(value, kind)}"
            for key, value, kind in zip(keys, row, kinds, strict=True)
        )
        yield printable_json(f"{separator}{{{', '.join(cells)}}}")
        separator = ",\n"
    yield "\n]\n"


def distinct_names(names: Sequence[str]) -> list[str]:
    """Number the repeated ones of a result's names: an object has a key only once.

    Args:
        names: like ``["a", "a"]``.

    Returns:
        Like ``["a", "a_2"]``.
    """
    distinct: list[str] = []
    for name in names:
        number, candidate = 2, name
        while candidate in distinct:
            number, candidate = number + 1, f"{name}_{number}"
        distinct.append(candidate)
    return distinct


def has_separators(name: str, kind: str) -> bool:
    """Tell whether a column's numbers are shown to a person with separators between thousands.

    Numbers that count or measure are; those that name something (an id, a year, a version) are not:
    ``2,021`` is no year. A column's name tells them apart, by its last word.

    Args:
        name: the column's.
        kind: as in ``Result``.
    """
    if kind != "number":
        return False
    return name.lower().startswith(_COUNTING) or _NAMING.search(name) is None


def _table_cell(value: object, has_thousands: bool) -> str:
    if value is None:
        return "NULL"
    if has_thousands and not isinstance(value, bool):
        if isinstance(value, Decimal):
            return f"{value:,f}"
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float) and math.isfinite(value):
            return f"{_rounded(value):,}"
    return printable(_text(value))


def _rounded(value: float) -> float:
    """Round a double as a person reads it; a very small one would be nothing."""
    return value if 0 < abs(value) < _LEAST_ROUNDED else round(value, _SHOWN_PLACES)


def _table_lines(
    names: Sequence[str], kinds: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[str]:
    thousands = [has_separators(*column) for column in zip(names, kinds, strict=True)]
    cells = ([_table_cell(*cell) for cell in zip(row, thousands, strict=True)] for row in rows)
    sampled = list(islice(cells, _SAMPLED_ROWS))
    titles = [printable(name) for name in names]
    widths = [
        min(max(columns(cell) for cell in column), _WIDEST_COLUMN)
        for column in zip(titles, *sampled, strict=True)
    ]

    def line(values: Sequence[str]) -> str:
        aligned = (
            padded(value, width, kind == "number")
            for value, width, kind in zip(values, widths, kinds, strict=True)
        )
        return "  ".join(aligned).rstrip()

    yield heading(line(titles)) + "\n"
    yield line(["-" * width for width in widths]) + "\n"
    for values in chain(sampled, cells):
        yield line(values) + "\n"
