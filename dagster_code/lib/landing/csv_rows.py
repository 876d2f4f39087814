"""CSV (RFC 4180) to Arrow: one bad quote costs one line, never the rest of the file."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from dagster_code.lib.landing.batches import (
    Unreadable,
    known_name,
    numbered_names,
    readable_batch,
    text_array,
    unreadable_batch,
)
from dagster_code.lib.landing.lines import BOM, decoded_lines

# A quoted field over more lines than this is taken for a quote that was never closed: addresses
# and product texts stay far below, and it bounds what one stray quote makes us read twice.
MAX_RECORD_LINES = 200
_BATCH_ROWS = 32_768
_BATCH_LETTERS = 16 * 1024 * 1024
# Tried in this order when a header has no comma.
_OTHER_DELIMITERS = (";", "\t", "|")


@dataclass(frozen=True)
class Header:
    """The header of a CSV file.

    Attributes:
        names: the column names, trimmed, as delivered otherwise.
        line_count: physical lines up to its end, blank ones before it included.
        delimiter: what separates the fields.
    """

    names: tuple[str, ...]
    line_count: int
    delimiter: str


class Row(NamedTuple):
    """A record that could be split into fields, and the line where it starts (1-based).

    A named tuple, since building a frozen dataclass costs as much as parsing the row.
    """

    position: int
    values: list[str]
    letters: int


class _RunawayQuoteError(Exception):
    """A quoted field goes on for too many lines."""


def raise_field_limit() -> None:
    """Let CSV fields be as long as a line may be; Python's default stops at 128 KiB."""
    csv.field_size_limit(2**31 - 1)


def read_header(text: str) -> Header | None:
    """Read the header at the start of a CSV file.

    Args:
        text: the beginning of the file.

    Returns:
        The header; ``None`` if there is nothing but blank lines, or its quote never ends.
    """
    raise_field_limit()
    lines = text.removeprefix(BOM).split("\n")
    blank = next((number for number, line in enumerate(lines) if line.strip()), None)
    if blank is None:
        return None
    delimiter = _delimiter_of(lines[blank])
    reader = csv.reader((line + "\n" for line in lines[blank:]), strict=True, delimiter=delimiter)
    try:
        names = next(reader)
    except csv.Error:
        return None
    return Header(tuple(name.strip() for name in names), blank + reader.line_num, delimiter)


def csv_batches(
    blocks: Iterator[bytes],
    header: Header,
    first_line: int,
    fields: Sequence[str],
    origin: tuple[str, str],
) -> Iterator[pa.RecordBatch]:
    """Read the rows of a CSV file.

    Args:
        blocks: blocks of whole lines, without the header.
        header: the file's header.
        first_line: 1-based number of the first line in the blocks.
        fields: the known fields.
        origin: path and SHA-256 of the file.

    Yields:
        Batches of records that could be read, and batches of those that could not.
    """
    raise_field_limit()
    columns = _Columns(header.names, frozenset(fields))
    rows: list[Row] = []
    bad: list[Unreadable] = []
    letters = 0
    for row in split_rows(blocks, header, first_line):
        if isinstance(row, Unreadable):
            bad.append(row)
            letters += len(row.text)
        else:
            rows.append(row)
            letters += row.letters
        if len(rows) + len(bad) >= _BATCH_ROWS or letters >= _BATCH_LETTERS:
            yield from _batches(rows, bad, columns, fields, origin)
            rows, bad, letters = [], [], 0
    yield from _batches(rows, bad, columns, fields, origin)


def split_rows(
    blocks: Iterator[bytes], header: Header, first_line: int
) -> Iterator[Row | Unreadable]:
    """Split lines into records; after a bad one, go on at the next physical line.

    Args:
        blocks: blocks of whole lines, without the header.
        header: the file's header.
        first_line: 1-based number of the first line.

    Yields:
        Records, padded to the width of the header, and unreadable ones. Blank lines are neither.
    """
    feed = _Feed(blocks, first_line)
    width = len(header.names)
    while not feed.is_empty():
        reader = csv.reader(feed.lines(), strict=True, delimiter=header.delimiter)
        try:
            for values in reader:
                line_count = len(feed.taken)
                # A record over several lines with the wrong number of fields is most likely an
                # unclosed quote that met a later one: give up one line, not all of them.
                if line_count > 1 and len(values) != width:
                    yield feed.give_up(f"{len(values)} fields, the header has {width}")
                    break
                yield from _checked(values, width, feed)
        except csv.Error as error:
            yield feed.give_up(f"not valid CSV: {error}")
        except _RunawayQuoteError:
            yield feed.give_up(f"a quote is not closed within {MAX_RECORD_LINES} lines")


class _Feed:
    """Lines for a csv reader, which remembers those of the record at hand."""

    def __init__(self, blocks: Iterator[bytes], first_line: int) -> None:
        self.taken: list[str] = []
        self.position = first_line
        self._blocks = blocks
        self._backlog: deque[str] = deque()
        # Line numbers from ``position`` on of lines that are not UTF-8.
        self._invalid: set[int] = set()
        self._next_line = first_line

    def is_empty(self) -> bool:
        """Whether there is no line left."""
        return not self._backlog and not self._fill()

    def lines(self) -> Iterator[str]:
        """Give the lines, one by one, to a csv reader."""
        while self._backlog or self._fill():
            if len(self.taken) >= MAX_RECORD_LINES:
                raise _RunawayQuoteError
            line = self._backlog.popleft()
            self.taken.append(line)
            yield line

    def accept(self) -> None:
        """Leave the lines of the record at hand behind."""
        self.position += len(self.taken)
        self.taken.clear()

    def has_invalid(self) -> bool:
        """Whether a line of the record at hand is not valid UTF-8."""
        return bool(self._invalid) and not self._invalid.isdisjoint(
            range(self.position, self.position + len(self.taken))
        )

    def give_up(self, problem: str) -> Unreadable:
        """Call the first line of the record at hand unreadable, and put the others back."""
        first, *others = self.taken
        if self.position in self._invalid:
            problem = "not valid UTF-8"
        record = Unreadable(self.position, first.rstrip("\r\n"), problem)
        self._backlog.extendleft(reversed(others))
        self.taken = [first]
        self.accept()
        return record

    def _fill(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        lines, invalid = decoded_lines(block)
        self._invalid = {line for line in self._invalid if line >= self.position}
        self._invalid |= {self._next_line + index for index in invalid}
        self._next_line += len(lines)
        self._backlog.extend(lines)
        return True


class _Columns:
    """Which columns of a file belong to which field."""

    def __init__(self, names: Sequence[str], fields: frozenset[str]) -> None:
        matched = [
            known_name(name, fields) or f"column_{number}" for number, name in enumerate(names, 1)
        ]
        self.by_name: dict[str, list[int]] = {}
        for index, name in enumerate(matched):
            self.by_name.setdefault(name, []).append(index)
        # Names of the further columns of one name: the second client_id is client_id#2.
        numbered = numbered_names(name for name, indices in self.by_name.items() for _ in indices)
        labels = iter(numbered)
        self.labels = {
            name: [next(labels) for _ in indices] for name, indices in self.by_name.items()
        }


def _delimiter_of(line: str) -> str:
    if "," in line:
        return ","
    return next((mark for mark in _OTHER_DELIMITERS if mark in line), ",")


def _checked(values: list[str], width: int, feed: _Feed) -> Iterator[Row | Unreadable]:
    position, taken = feed.position, feed.taken
    if feed.has_invalid():
        record: Row | Unreadable = Unreadable(position, _text(taken), "not valid UTF-8")
    elif len(values) > width and any(values[width:]):
        # Which comma is one too many cannot be known; shifted values would be wrong silently.
        problem = f"{len(values)} fields, the header has {width}"
        record = Unreadable(position, _text(taken), problem)
    else:
        values = values[:width] + [""] * (width - len(values))
        record = Row(position, values, sum(map(len, taken)))
    is_blank = not taken[0].strip() and len(taken) == 1
    feed.accept()
    if not is_blank:
        yield record


def _text(lines: Sequence[str]) -> str:
    return "".join(lines).rstrip("\r\n")


def _batches(
    rows: Sequence[Row],
    bad: Sequence[Unreadable],
    columns: _Columns,
    fields: Sequence[str],
    origin: tuple[str, str],
) -> Iterator[pa.RecordBatch]:
    if rows:
        texts = _arranged([row.values for row in rows], columns)
        yield readable_batch(fields, origin, [row.position for row in rows], texts)
    if bad:
        yield unreadable_batch(fields, origin, bad)


def _arranged(rows: list[list[str]], columns: _Columns) -> dict[str, pa.Array]:
    """Turn rows into columns; an empty field is an absent one."""
    by_column = [[value or None for value in column] for column in zip(*rows, strict=True)]
    return {
        label: text_array(column)
        for name, indices in columns.by_name.items()
        for label, column in zip(
            columns.labels[name], _settled([by_column[index] for index in indices]), strict=True
        )
    }


def _settled(columns: list[list[str | None]]) -> list[list[str | None]]:
    """Of several columns of one name, bring the first value that is there to the front."""
    if len(columns) == 1:
        return columns
    rows = [
        sorted(values, key=lambda value: value is None) for values in zip(*columns, strict=True)
    ]
    return [list(column) for column in zip(*rows, strict=True)]
