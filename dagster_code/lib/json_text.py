"""JSON with decimals in full, which the standard encoder would make floats."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from dagster_code.lib.terminal import printable_json


def json_document(value: object) -> str:
    """Write a value as one JSON document, which steers no terminal.

    Args:
        value: mappings, sequences, texts, numbers, dates, ``None``.

    Returns:
        One text with its line end.
    """
    return printable_json(_written(value, "\n")) + "\n"


def _written(value: object, indent: str) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        pairs = (f"{json.dumps(key)}: {_written(item, deeper)}" for key, item in value.items())
        return "{" + deeper + f",{deeper}".join(pairs) + indent + "}"
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        items = (_written(item, deeper) for item in value)
        return "[" + deeper + f",{deeper}".join(items) + indent + "]"
    return json.dumps(value, ensure_ascii=False)
