"""What a dbt test says, in words: how Dagster shows it beside its result."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN_VALUES = 8
# How a key says that a missing part is a value like others.
_BLANK_FOR_NULL = re.compile(r"coalesce\((\w+), ''\)")


def sentence(node: Mapping[str, Any]) -> str:
    """Say what a test holds its table to.

    Args:
        node: the test in dbt's manifest.

    Returns:
        The test's own description, else a sentence made of its kind and arguments.

    Raises:
        KeyError: it has no description, and is of a kind that has no words here.
    """
    own = node.get("description") or node.get("config", {}).get("meta", {}).get("description")
    if own:
        return " ".join(str(own).split())
    metadata = node.get("test_metadata") or {}
    kind = metadata.get("name", "singular test")
    if kind not in _WORDS:
        raise KeyError(f"{node['name']}: a {kind} needs a description in its YAML, or words here")
    said: str = _WORDS[kind](metadata["kwargs"])
    return said


def _key(columns: Sequence[str]) -> str:
    shown = ", ".join(f"`{column}`" for column in columns)
    return shown if len(columns) == 1 else f"({shown})"


def _table(reference: str) -> str:
    """Give the name in a ``ref('name')``."""
    return f"`{reference.split(chr(39))[1]}`"


def _primary_key(arguments: Mapping[str, Any]) -> str:
    columns = [_BLANK_FOR_NULL.sub(r"\1", column) for column in arguments["columns"]]
    alone = f"No two rows have the same {_key(columns)}"
    if columns != arguments["columns"]:
        return f"{alone}; where one is missing that counts as a value."
    return f"{alone}, and none is without {'it' if len(columns) == 1 else 'a part of it'}."


def _accepted_values(arguments: Mapping[str, Any]) -> str:
    values = [f"`{value}`" for value in arguments["values"]]
    shown = ", ".join(values[:_SHOWN_VALUES])
    rest = len(values) - _SHOWN_VALUES
    more = f" or one of {rest} more" if rest > 0 else ""
    return f"Every `{arguments['column_name']}` is one of {shown}{more}."


def _relationships(arguments: Mapping[str, Any]) -> str:
    return (
        f"Every `{arguments['column_name']}` is in {_table(arguments['to'])},"
        f" as its `{arguments['field']}`."
    )


def _conserves_revenue(arguments: Mapping[str, Any]) -> str:
    groups = arguments.get("groups")
    within = f" of each {_key(groups)}" if groups else ""
    of = arguments.get("of")
    whole = f"all revenue in {_table(of)}" if of else "the revenue of all conversions"
    return f"`{arguments['column']}`{within} adds up to {whole}, to the cent."


def _same_keys(arguments: Mapping[str, Any]) -> str:
    columns = arguments["columns"]
    return f"It has exactly the {_key(columns)} that {_table(arguments['to'])} has."


def _parts_add_up(arguments: Mapping[str, Any]) -> str:
    return (
        f"For each {_key(arguments['keys'])} the parts, `{arguments['part']}`, add up to the"
        f" whole, `{arguments['whole']}`, to the cent."
    )


_WORDS = {
    "primary_key": _primary_key,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "conserves_revenue": _conserves_revenue,
    "same_keys": _same_keys,
    "parts_add_up": _parts_add_up,
}
