"""JSON Lines, and small JSON documents, to Arrow: every value as it was written.

Spark's own reader turns 1.50 into 1.5 and long identifiers into doubles; here numbers keep
their text.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any

import pyarrow as pa

from dagster_code.lib.landing.batches import (
    Unreadable,
    known_name,
    numbered_names,
    readable_batch,
    text_array,
    unreadable_batch,
)
from dagster_code.lib.landing.lines import BOM, printable

# Values are what the decoder below gives: str, Number, bool, None, list for an array, and a tuple
# of (name, value) pairs for an object. JSON's own types are recursive, hence Any.
Value = Any
Record = dict[str, Value]
Pairs = tuple[tuple[str, Value], ...]

_SPACE = " \t\r\n" + BOM


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def new_decoder() -> json.JSONDecoder:
    """Make a decoder that keeps the text of numbers and every pair of an object.

    ``tuple`` as the hook for objects costs no Python call and keeps repeated names. Control
    characters inside texts are accepted: they do no harm.
    """
    return json.JSONDecoder(
        object_pairs_hook=tuple,
        parse_float=Number,
        parse_int=Number,
        parse_constant=Number,
        strict=False,
    )


def json_line_batches(
    lines: Sequence[str],
    invalid: set[int],
    first_line: int,
    fields: Sequence[str],
    origin: tuple[str, str],
    *,
    keeps_others: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Read lines of JSON, one record each; blank lines are none.

    Args:
        lines: decoded lines.
        invalid: indices of the lines that are not valid UTF-8.
        first_line: 1-based number of the first line.
        fields: the known fields.
        origin: path and SHA-256 of the file.
        keeps_others: whether other fields are read too.

    Yields:
        One batch with the records that could be read, one with the others, if there are any.
    """
    good = _Records()
    bad: list[Unreadable] = []
    decode, add = new_decoder().raw_decode, good.add
    for position, line in enumerate(lines, first_line):
        text = line.strip(_SPACE)
        if not text:
            continue
        try:
            value, end = decode(text)
        except (ValueError, RecursionError) as error:
            bad.append(_unreadable(position, line, error, invalid, first_line))
            continue
        is_invalid = bool(invalid) and position - first_line in invalid
        if type(value) is not tuple or end != len(text) or is_invalid:
            bad.append(_unreadable(position, line, None, invalid, first_line))
        else:
            add(position, value)
    yield from _batches(good, bad, fields, origin, keeps_others)


def document_batches(
    text: str,
    fields: Sequence[str],
    origin: tuple[str, str],
    *,
    keeps_others: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Read a whole JSON document: an array of records, or records over several lines.

    Args:
        text: the document.
        fields: the known fields.
        origin: path and SHA-256 of the file.
        keeps_others: whether other fields are read too.

    Yields:
        One batch with the records that could be read, one with the others, if there are any.

    Raises:
        ValueError: it is not such a document.
    """
    good = _Records()
    bad: list[Unreadable] = []
    for position, value, written in document_values(text):
        if type(value) is tuple:
            good.add(position, value)
        else:
            bad.append(Unreadable(position, written, "not a JSON object"))
    yield from _batches(good, bad, fields, origin, keeps_others)


def document_values(text: str) -> Iterator[tuple[int, Value, str]]:
    """Take a JSON document apart.

    Args:
        text: one array, or values one after the other.

    Yields:
        Line where a value begins (1-based), the value, and its text.

    Raises:
        ValueError: the text is neither.
    """
    decode = new_decoder().raw_decode
    at = _skip_space(text, 0)
    in_array = text[at : at + 1] == "["
    at = _skip_space(text, at + in_array)
    line, counted = 1, 0
    while at < len(text) and not (in_array and text[at] == "]"):
        try:
            value, end = decode(text, at)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        line += text.count("\n", counted, at)
        counted = at
        yield line, value, text[at:end]
        at = _skip_space(text, end)
        if in_array and text[at : at + 1] == ",":
            at = _skip_space(text, at + 1)
        elif in_array and text[at : at + 1] != "]":
            raise ValueError(f"expected , or ] after the value that begins in line {line}")
    if in_array and text[at:].strip(_SPACE) != "]":
        raise ValueError("the array does not end, or something follows it")


def json_text(value: Value) -> str:
    """Write a value as text: texts and numbers as they are, arrays and objects as compact JSON.

    Args:
        value: any value but null.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    # Iterative, because the decoder accepts nesting deeper than Python calls can go.
    parts: list[str] = []
    stack: list[Value] = [value]
    while stack:
        item = stack.pop()
        if type(item) is _Raw:
            parts.append(item.text)
        elif type(item) is list:
            stack.extend(reversed(_array_tokens(item)))
        elif type(item) is tuple:
            stack.extend(reversed(_object_tokens(item)))
        else:
            parts.append(_scalar_text(item))
    return "".join(parts)


class _Raw:
    """Punctuation among the values still to be written."""

    def __init__(self, text: str) -> None:
        self.text = text


def _array_tokens(items: list[Value]) -> list[Value]:
    tokens: list[Value] = [_Raw("[")]
    for number, item in enumerate(items):
        tokens += [_Raw(","), item] if number else [item]
    return [*tokens, _Raw("]")]


def _object_tokens(pairs: tuple[tuple[str, Value], ...]) -> list[Value]:
    tokens: list[Value] = [_Raw("{")]
    for number, (name, item) in enumerate(pairs):
        tokens += [_Raw("," * bool(number) + encode_basestring(name) + ":"), item]
    return [*tokens, _Raw("}")]


def _scalar_text(value: Value) -> str:
    if type(value) is Number:
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode_basestring(value)


def _unreadable(
    position: int, line: str, error: Exception | None, invalid: set[int], first_line: int
) -> Unreadable:
    if position - first_line in invalid:
        problem = "not valid UTF-8"
    elif isinstance(error, json.JSONDecodeError):
        problem = f"not valid JSON: {error.msg} (character {error.colno})"
    elif isinstance(error, RecursionError):
        problem = "not valid JSON: nested too deeply"
    elif error is not None:
        problem = f"not valid JSON: {error}"
    elif line.strip(_SPACE).startswith("{"):
        problem = "not valid JSON: something follows the object"
    else:
        problem = "not a JSON object"
    return Unreadable(position, line.rstrip("\r\n"), problem)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


class _Records:
    """Objects that could be read, and their lines."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.records: list[Record] = []
        # Pairs of the objects in which a name occurs twice, by index.
        self.repeated: dict[int, Pairs] = {}

    def add(self, position: int, pairs: Pairs) -> None:
        # Tuples kept by the hundred thousand make Python's garbage collector cost more than the
        # parsing; it does not look into dictionaries of texts.
        record = dict(pairs)
        if len(record) != len(pairs):
            self.repeated[len(self.records)] = pairs
        self.records.append(record)
        self.positions.append(position)


def _batches(
    good: _Records,
    bad: Sequence[Unreadable],
    fields: Sequence[str],
    origin: tuple[str, str],
    keeps_others: bool,
) -> Iterator[pa.RecordBatch]:
    if good.records:
        columns = _columns(good, frozenset(fields), keeps_others)
        yield readable_batch(fields, origin, good.positions, columns)
    if bad:
        yield unreadable_batch(fields, origin, bad)


def _columns(good: _Records, fields: frozenset[str], keeps_others: bool) -> dict[str, pa.Array]:
    """Turn records into columns, only for the names that occur."""
    records = good.records
    spellings = {name: known_name(name, fields) for name in set().union(*records)}
    if good.repeated or len(set(spellings.values())) < len(spellings):
        records = [
            _settled(good.repeated.get(index) or tuple(record.items()), spellings)
            for index, record in enumerate(records)
        ]
        spellings = {name: name for name in set().union(*records)}
    names = [name for name in spellings if keeps_others or spellings[name] in fields]
    return {
        printable(spellings[name]): _text_column(values)
        for name, values in zip(names, _values_by_name(records, names), strict=True)
    }


def _values_by_name(records: Sequence[Record], names: Sequence[str]) -> Iterable[Sequence[Value]]:
    if len(names) > 1:
        try:
            # Several times faster than looking up one by one; but every record must have all.
            return list(zip(*map(itemgetter(*names), records), strict=True))
        except KeyError:
            pass
    return [[record.get(name) for record in records] for name in names]


def _settled(pairs: Pairs, spellings: dict[str, str]) -> Record:
    """Give every pair its own name: the first that is not empty is the field, others name#2."""
    grouped: dict[str, list[Value]] = {}
    for name, value in pairs:
        # Null is absent, also beside another value of the same name.
        if value is not None:
            grouped.setdefault(spellings[name], []).append(value)
    settled: list[tuple[str, Value]] = []
    for name, values in grouped.items():
        first = next((at for at, value in enumerate(values) if value != ""), 0)
        settled += [(name, values[first])]
        settled += [(name, value) for at, value in enumerate(values) if at != first]
    names = numbered_names(name for name, _ in settled)
    return {name: value for name, (_, value) in zip(names, settled, strict=True)}


def _text_column(values: Sequence[Value]) -> pa.Array:
    try:
        return text_array(values)
    except pa.ArrowTypeError:
        # Arrow takes texts alone: there are booleans, arrays or objects among them.
        return text_array([None if value is None else json_text(value) for value in values])
