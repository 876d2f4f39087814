"""Lines of values between tabs, without a header, to Arrow: neither quotes nor escapes."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dagster_code.lib.landing.batches import (
    Unreadable,
    readable_batch,
    text_array,
    unreadable_batch,
)
from dagster_code.lib.landing.lines import BOM, printable

TAB = "\t"


def tab_line_batches(
    lines: Sequence[str],
    invalid: set[int],
    first_line: int,
    columns: Sequence[str],
    fields: Sequence[str],
    origin: tuple[str, str],
) -> Iterator[pa.RecordBatch]:
    """Read lines of values between tabs, one record each; blank lines are none.

    Args:
        lines: decoded lines.
        invalid: indices of the lines that are not valid UTF-8.
        first_line: 1-based number of the first line.
        columns: names of the values, in order; every line has all of them.
        fields: the known fields.
        origin: path and SHA-256 of the file.

    Yields:
        One batch with the records that could be read, one with the others, if there are any.
    """
    positions: list[int] = []
    rows: list[list[str]] = []
    bad: list[Unreadable] = []
    for index, line in enumerate(lines):
        text = values_text(line)
        if not text.strip():
            continue
        position = first_line + index
        values = text.split(TAB)
        if index in invalid:
            bad.append(Unreadable(position, printable(text), "not valid UTF-8"))
        elif len(values) != len(columns):
            plural = "s" * (len(values) != 1)
            problem = f"{len(values)} value{plural} between tabs instead of {len(columns)}"
            bad.append(Unreadable(position, printable(text), problem))
        else:
            positions.append(position)
            rows.append(values)
    if rows:
        # an empty value is an absent one
        arrays = {
            column: text_array([value or None for value in values])
            for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        }
        yield readable_batch(fields, origin, positions, arrays)
    if bad:
        yield unreadable_batch(fields, origin, bad)


def values_text(line: str) -> str:
    """Take the line end off, and a byte order mark; tabs at its ends are empty values.

    Args:
        line: as it was read.
    """
    return line.strip("\r\n" + BOM)
