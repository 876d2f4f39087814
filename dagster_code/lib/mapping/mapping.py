"""Mapping files: how records of another form become events of this project.

A mapping is data, one YAML file: which columns of a record are read, which of its events are kept
and as what, and for each field of an event the Spark SQL expressions that are tried in order. The
shipped ones are in ``forms/``; docs/bring_your_own_events.md tells how to write one.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.schema import EVENT_FIELDS, record_columns
from dagster_code.lib.mapping.document import Document, Items, Pairs, Text, Value, read_document
from dagster_code.lib.rules import EVENT_TYPES
from dagster_code.lib.terminal import printable

FORMS_DIR = Path(__file__).parent / "forms"
VERSION = "1"

Form = Literal["records", "tab_lines"]
_FORMS: tuple[Form, ...] = ("records", "tab_lines")

_KEYS = (
    "version",
    "form",
    "columns",
    "recognised_by",
    "values",
    "event_name",
    "event_types",
    "fields",
    "extra",
)
_DEMANDED_KEYS = ("version", "form", "columns", "recognised_by", "event_name", "event_types")
_DEMANDED_FIELDS = ("client_id", "event_time")
# event_type follows from `event_types`
_FIELDS = tuple(field for field in EVENT_FIELDS if field != "event_type")
# What the landing writes beside the fields.
_TAKEN_NAMES = frozenset(record_columns("events")) - frozenset(EVENT_FIELDS)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The same file has to give the same events whenever it is read.
_UNSTEADY = re.compile(
    r"\b(uuid|rand|randn|random|randstr|shuffle|now|current_timestamp|current_date|current_time"
    r"|localtimestamp|curdate|monotonically_increasing_id|spark_partition_id|input_file_name)\b",
    re.IGNORECASE,
)
# A record becomes an event by itself, whatever lands beside it.
_OF_OTHERS = re.compile(r"\bselect\b|\bover\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`")


@dataclass(frozen=True)
class Expression:
    """A Spark SQL expression of a mapping file.

    Attributes:
        sql: the expression.
        line: where it stands.
        purpose: what it is for, like ``field revenue``.
    """

    sql: str
    line: int
    purpose: str


@dataclass(frozen=True)
class Column:
    """A column of the records that are mapped.

    Attributes:
        name: as in the file.
        type: its Spark type; what is nested arrives as JSON and is read into it.
        line: where the mapping names it.
    """

    name: str
    type: str
    line: int


@dataclass(frozen=True)
class EventMapping:
    """A mapping file that was read and holds no mistake but in its SQL.

    Attributes:
        name: as it was asked for: a shipped name or a path.
        shown: how the file is named in messages.
        form: ``records`` (JSON Lines, Parquet or CSV, found out by content) or ``tab_lines``.
        columns: what is read of a record; for ``tab_lines`` all columns, in order.
        recognised_by: columns that a record of this form has for certain.
        values: named expressions that later ones may use, in order.
        event_name: the name of a record's event.
        event_types: for each event name that is kept, in lower case, what it is here.
        fields: for each field of an event the expressions tried in order.
        extra: further values that are kept under a name.
    """

    name: str
    shown: str
    form: Form
    columns: tuple[Column, ...]
    recognised_by: tuple[str, ...]
    values: tuple[tuple[str, Expression], ...]
    event_name: Expression
    event_types: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, tuple[Expression, ...]], ...]
    extra: tuple[tuple[str, Expression], ...]

    def refuse(self, expression: Expression, reason: str) -> NoReturn:
        """Refuse the mapping for one of its expressions.

        Args:
            expression: the culprit.
            reason: what is wrong with it.

        Raises:
            UserError: always; one line that names file, line and field.
        """
        raise UserError(f"{self.shown}, line {expression.line}, {expression.purpose}: {reason}")


def shipped_mappings() -> tuple[str, ...]:
    """Name the mappings that come with the project."""
    return tuple(sorted(path.stem for path in FORMS_DIR.glob("*.yml")))


def load_mapping(name_or_path: str) -> EventMapping:
    """Read a mapping.

    Args:
        name_or_path: a shipped one's name, or the path of a file.

    Raises:
        UserError: there is none, or it holds a mistake; one line with file and line.
    """
    if name_or_path in shipped_mappings():
        path = FORMS_DIR / f"{name_or_path}.yml"
    else:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            raise UserError(
                f"there is no mapping {printable(name_or_path)}: give the path of a file, or one of"
                f" {', '.join(shipped_mappings())}"
            )
    shown = printable(path.name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{shown}: the file is not UTF-8") from error
    except OSError as error:
        raise UserError(f"{shown}: {error.strerror}") from error
    return parsed_mapping(text, name_or_path, shown)


def parsed_mapping(text: str, name: str, shown: str) -> EventMapping:
    """Read the text of a mapping file.

    Args:
        text: of the file.
        name: as it was asked for.
        shown: how to name the file in messages.

    Raises:
        UserError: it holds a mistake; one line with file and line.
    """
    document = read_document(text, shown)
    entries = _entries(document)
    form = _form(document, entries)
    columns = _columns(document, entries["columns"])
    names = [column.name for column in columns]
    values = _named(document, entries.get("values"), "value")
    for value_name, expression in values:
        if value_name in names or value_name in _TAKEN_NAMES:
            document.refuse(expression.line, f"values: the name {value_name} is taken")
    return EventMapping(
        name=name,
        shown=shown,
        form=form,
        columns=columns,
        recognised_by=_recognised_by(document, entries["recognised_by"], names),
        values=values,
        event_name=_expression(document, entries["event_name"], "event_name"),
        event_types=_event_types(document, entries["event_types"]),
        fields=_fields(document, entries["fields"]),
        extra=_named(document, entries.get("extra"), "extra"),
    )


def _entries(document: Document) -> dict[str, Value]:
    entries: dict[str, Value] = {}
    for key, value in document.root.pairs:
        if key.text not in _KEYS:
            document.refuse(key.line, f"unknown key {key.text}; known: {', '.join(_KEYS)}")
        entries[key.text] = value
    for name in (*_DEMANDED_KEYS, "fields"):
        if name not in entries:
            document.refuse(1, f"the key {name} is missing")
    version = _text(document, entries["version"], "version")
    if version != VERSION:
        document.refuse(entries["version"].line, f"version {version}: this program reads {VERSION}")
    return entries


def _form(document: Document, entries: dict[str, Value]) -> Form:
    given = _text(document, entries["form"], "form")
    for form in _FORMS:
        if given == form:
            return form
    document.refuse(entries["form"].line, f"form {given} is not one of {', '.join(_FORMS)}")


def _columns(document: Document, value: Value) -> tuple[Column, ...]:
    """Read a mapping from names to types, or a list of names, which are texts."""
    if isinstance(value, Items):
        texts = [_plain(document, item, "columns") for item in value.items]
        columns = [Column(item.text, "string", item.line) for item in texts]
    else:
        pairs = _pairs(document, value, "columns")
        columns = [
            Column(key.text, _text(document, kind, f"columns: {key.text}"), key.line)
            for key, kind in pairs
        ]
    seen: set[str] = set()
    for column in columns:
        if not _NAME.fullmatch(column.name):
            document.refuse(column.line, f"columns: {column.name!r} is no name of a column")
        if column.name in _TAKEN_NAMES:
            document.refuse(column.line, f"columns: the name {column.name} is taken")
        # Spark's names know no case
        if column.name.lower() in seen:
            document.refuse(column.line, f"columns: {column.name} is there twice")
        seen.add(column.name.lower())
    if not columns:
        document.refuse(value.line, "columns: there is none")
    return tuple(columns)


def _recognised_by(document: Document, value: Value, names: list[str]) -> tuple[str, ...]:
    items = value.items if isinstance(value, Items) else (value,)
    texts = [_plain(document, item, "recognised_by") for item in items]
    for text in texts:
        if text.text not in names:
            document.refuse(text.line, f"recognised_by: {text.text} is not one of the columns")
    if not texts:
        document.refuse(value.line, "recognised_by: name at least one column")
    return tuple(text.text for text in texts)


def _event_types(document: Document, value: Value) -> tuple[tuple[str, str], ...]:
    types: list[tuple[str, str]] = []
    for key, kind in _pairs(document, value, "event_types"):
        given = _text(document, kind, f"event_types: {key.text}")
        if given not in EVENT_TYPES:
            known = ", ".join(sorted(EVENT_TYPES))
            document.refuse(kind.line, f"event_types: {given} is not one of {known}")
        types.append((key.text.lower(), given))
    if not types:
        document.refuse(value.line, "event_types: no event is kept")
    return tuple(types)


def _fields(document: Document, value: Value) -> tuple[tuple[str, tuple[Expression, ...]], ...]:
    fields: list[tuple[str, tuple[Expression, ...]]] = []
    pairs = _pairs(document, value, "fields")
    for key, tried in pairs:
        if key.text == "event_type":
            document.refuse(key.line, "fields: event_type follows from event_types")
        if key.text not in _FIELDS:
            known = ", ".join(_FIELDS)
            document.refuse(key.line, f"fields: there is no field {key.text}; known: {known}")
        items = tried.items if isinstance(tried, Items) else (tried,)
        expressions = tuple(_expression(document, item, f"field {key.text}") for item in items)
        if not expressions:
            document.refuse(key.line, f"fields: {key.text} has no expression")
        fields.append((key.text, expressions))
    for name in _DEMANDED_FIELDS:
        if name not in dict(fields):
            document.refuse(value.line, f"fields: {name} is missing; an event needs it")
    return tuple(fields)


def _named(
    document: Document, value: Value | None, section: str
) -> tuple[tuple[str, Expression], ...]:
    named: list[tuple[str, Expression]] = []
    for key, item in () if value is None else _pairs(document, value, section):
        if not _NAME.fullmatch(key.text):
            document.refuse(key.line, f"{section}: {key.text!r} is not a name")
        named.append((key.text, _expression(document, item, f"{section} {key.text}")))
    return tuple(named)


def _expression(document: Document, value: Value, purpose: str) -> Expression:
    text = _text(document, value, purpose)
    code = _QUOTED.sub("''", text)
    unsteady = _UNSTEADY.search(code)
    if unsteady is not None:
        document.refuse(
            value.line,
            f"{purpose}: {unsteady[0]} gives something else each time; an event has to stay the"
            " same",
        )
    if _OF_OTHERS.search(code):
        document.refuse(value.line, f"{purpose}: an expression sees nothing but its own record")
    return Expression(text, value.line, purpose)


def _pairs(document: Document, value: Value, section: str) -> tuple[tuple[Text, Value], ...]:
    if not isinstance(value, Pairs):
        document.refuse(value.line, f"{section}: give `name: value` pairs")
    return value.pairs


def _plain(document: Document, value: Value, purpose: str) -> Text:
    if not isinstance(value, Text):
        document.refuse(value.line, f"{purpose}: give a single text here")
    if not value.text:
        document.refuse(value.line, f"{purpose}: there is nothing here")
    return value


def _text(document: Document, value: Value, purpose: str) -> str:
    return _plain(document, value, purpose).text
