"""Says, so that a person can act on it, where the pipeline's tables differ from the oracle's.

Rows are matched by key; columns the oracle does not name are ignored. Actual values may be what
Spark gives (datetime, Decimal, list) or what `attribution query --format json` prints (texts): they
are read as the type the oracle expects.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from tests.oracle.records import RawRecord, is_placeholder, parse_time

Rows = Sequence[Mapping[str, object]]
Key = tuple[object, ...]

ABSENT = "(no such row)"
MISSING_COLUMN = "(no such column)"

# Of floats: relative, or absolute below 1.
LARGEST_DIFFERENCE = Decimal("1e-9")

KEYS: Mapping[str, tuple[str, ...]] = {
    "stg_events": ("client_id", "event_id"),
    "rejected_events": ("client_id", "event_id", "reason"),
    "stg_clients": ("client_id",),
    "stg_ad_spend": ("spend_date", "channel", "source", "medium", "campaign", "cost"),
    "rejected_ad_spend": ("source_sha256", "source_position", "reason"),
    "first_touch_attribution": ("client_id", "event_time"),
    "last_touch_attribution": ("client_id", "event_time"),
    "conversion_paths": ("client_id", "event_time"),
    "client_journeys": ("client_id",),
    "channel_performance": ("channel",),
    "attribution_explain": ("client_id", "event_time", "touch_at", "event_id"),
    "multi_touch_attribution": ("client_id", "event_time", "model", "touch_at", "touch_event_id"),
    "model_comparison": ("channel", "model"),
    "unassigned_sources": ("source", "medium"),
}

# Rows of an event that came without an id: the pipeline's hash stands where the oracle has a
# placeholder, so they are matched by these columns. Such events have an instant of their own.
KEYS_WITHOUT_ID: Mapping[str, tuple[str, ...]] = {
    "stg_events": ("client_id", "event_time"),
    "attribution_explain": ("client_id", "event_time", "touch_at"),
    "multi_touch_attribution": ("client_id", "event_time", "model", "touch_at"),
}

# These models weigh channels by probabilities, which the pipeline computes as doubles: the twelfth
# digit of a share may differ, which only billions show. That no cent is lost is tested apart.
DATA_DRIVEN = frozenset({"markov", "shapley"})
MONEY_BY_WEIGHT = frozenset({"revenue", "revenue_shift"})

# Which of two equal records was rejected does not matter, nor the hash of a record of spend.
MULTISETS = frozenset({"rejected_events", "stg_ad_spend", "rejected_ad_spend"})

# SPEC.md leaves these names open; the first one is the oracle's.
OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "event_id": ("touch_event_id",),
    "age_seconds": ("touch_age_seconds", "age", "touch_age", "seconds_before_conversion"),
    "touch_at": ("event_time", "occurred_at"),
}

# "The events and orders kept as arrays": SPEC.md gives them no order and does not say whether an
# order number is repeated.
SETS = frozenset({"order_ids", "event_ids"})

# An empty path may be null or empty; an id in rejected_events likewise.
EMPTY_IS_NULL = frozenset({"channel_path", "touches", "order_ids"})


@dataclass(frozen=True)
class Difference:
    """One cell, row or column that is not as expected."""

    table: str
    key: Mapping[str, object]
    column: str
    expected: object
    actual: object

    @property
    def client_id(self) -> str | None:
        """The client concerned; None for rows that have none."""
        client_id = self.key.get("client_id")
        return client_id if isinstance(client_id, str) else None

    def __str__(self) -> str:
        """The difference on one line."""
        key = ", ".join(f"{name}={_shown(value)}" for name, value in self.key.items())
        place = f"{self.table}[{key}].{self.column}"
        return f"{place}: expected {_shown(self.expected)}, actual {_shown(self.actual)}"


def compare(table: str, expected_rows: Rows, actual_rows: Rows) -> list[str]:
    """The differences between the oracle's rows of a table and the pipeline's, one line each.

    Args:
        table: Name of the table, without its schema.
        expected_rows: The oracle's rows.
        actual_rows: The pipeline's rows; more columns than the oracle's are fine.

    Returns:
        Readable differences; an empty list if there are none.
    """
    return [str(difference) for difference in differences(table, expected_rows, actual_rows)]


def differences(table: str, expected_rows: Rows, actual_rows: Rows) -> list[Difference]:
    """As `compare`, as values."""
    if table in MULTISETS:
        return _multiset_differences(table, expected_rows, actual_rows)
    renamed = [_with_expected_names(table, expected_rows, row) for row in actual_rows]
    found = _missing_columns(table, expected_rows, renamed)
    absent = {difference.column for difference in found}
    pairs = _matched(table, expected_rows, renamed)
    for expected, actual in pairs:
        found.extend(_row_differences(table, expected, actual, absent))
    return found


def _multiset_differences(table: str, expected_rows: Rows, actual_rows: Rows) -> list[Difference]:
    """Rows are told apart by their key only, and counted."""

    def counted(rows: Rows) -> Counter[Key]:
        return Counter(tuple(_text(row.get(name)) for name in KEYS[table]) for row in rows)

    expected, actual = counted(expected_rows), counted(actual_rows)
    return [
        Difference(
            table,
            dict(zip(KEYS[table], key, strict=True)),
            "row count",
            expected[key],
            actual[key],
        )
        for key in sorted({*expected, *actual}, key=repr)
        if expected[key] != actual[key]
    ]


def _text(value: object) -> str | None:
    """A value as Spark or JSON gives it; nothing and an empty text are one."""
    return None if value in (None, "") else str(value)


def _with_expected_names(
    table: str, expected_rows: Rows, actual: Mapping[str, object]
) -> Mapping[str, object]:
    """The actual row, with names that SPEC.md leaves open turned into the oracle's."""
    row = dict(actual)
    for name in expected_rows[0] if expected_rows else KEYS[table]:
        if name not in row:
            other = next((one for one in OTHER_NAMES.get(name, ()) if one in row), None)
            if other is not None and other not in KEYS[table]:
                row[name] = row[other]
    return row


def _missing_columns(table: str, expected_rows: Rows, actual_rows: Rows) -> list[Difference]:
    """Columns the oracle names and the table does not have."""
    if not expected_rows or not actual_rows:
        return []
    names = [name for name in expected_rows[0] if name not in actual_rows[0]]
    return [Difference(table, {}, name, "a column", MISSING_COLUMN) for name in names]


def _matched(
    table: str, expected_rows: Rows, actual_rows: Rows
) -> list[tuple[Mapping[str, object] | None, Mapping[str, object] | None]]:
    """Pairs of rows with one key; None where the other side has no such row."""
    names = KEYS[table]
    if actual_rows and "event_id" in names and "event_id" not in actual_rows[0]:
        return _matched_without_id(table, expected_rows, actual_rows)
    left: dict[Key, list[Mapping[str, object]]] = defaultdict(list)
    for row in actual_rows:
        left[_key(row, names)].append(row)
    pairs: list[tuple[Mapping[str, object] | None, Mapping[str, object] | None]] = []
    without_id: list[Mapping[str, object]] = []
    for row in expected_rows:
        candidates = left.get(_key(row, names))
        if candidates:
            pairs.append((row, candidates.pop()))
        elif any(is_placeholder(row.get(name)) for name in names):
            without_id.append(row)
        else:
            pairs.append((row, None))
    rest = [row for rows in left.values() for row in rows]
    pairs.extend(_matched_without_id(table, without_id, rest))
    return pairs


def _matched_without_id(
    table: str, expected_rows: Rows, actual_rows: Rows
) -> list[tuple[Mapping[str, object] | None, Mapping[str, object] | None]]:
    """Pairs what is left: expected rows whose id only the pipeline knows, and actual rows."""
    names = KEYS_WITHOUT_ID.get(table, KEYS[table])
    left: dict[Key, list[Mapping[str, object]]] = defaultdict(list)
    for row in actual_rows:
        left[_key(row, names)].append(row)
    pairs: list[tuple[Mapping[str, object] | None, Mapping[str, object] | None]] = []
    for row in expected_rows:
        candidates = left.get(_key(row, names), [])
        # of several at one instant the one that differs least
        candidates.sort(key=lambda one: len(_row_differences(table, row, one, set())), reverse=True)
        pairs.append((row, candidates.pop() if candidates else None))
    pairs.extend((None, row) for rows in left.values() for row in rows)
    return pairs


def _key(row: Mapping[str, object], names: Sequence[str]) -> Key:
    """The row's key, with instants comparable between both sides."""
    return tuple(
        _instant(row.get(name)) if name in ("event_time", "touch_at") else row.get(name)
        for name in names
    )


def _row_differences(
    table: str,
    expected: Mapping[str, object] | None,
    actual: Mapping[str, object] | None,
    absent: set[str],
) -> list[Difference]:
    """The cells of one pair of rows that differ."""
    present = expected if expected is not None else actual
    assert present is not None
    key = {name: present.get(name) for name in KEYS[table]}
    if expected is None or actual is None:
        sides = (ABSENT if expected is None else "a row", ABSENT if actual is None else "a row")
        return [Difference(table, key, "row", *sides)]
    return [
        Difference(table, key, column, value, actual.get(column))
        for column, value in expected.items()
        if column not in absent
        and not equal(column, value, actual.get(column))
        and not _is_equal_by_weight(table, expected, actual, column)
    ]


def _is_equal_by_weight(
    table: str, expected: Mapping[str, object], actual: Mapping[str, object], column: str
) -> bool:
    """Whether a channel's money by a data-driven model is as near as doubles can bring it."""
    if table != "model_comparison" or expected["model"] not in DATA_DRIVEN:
        return False
    if column not in MONEY_BY_WEIGHT or actual.get(column) is None:
        return False
    difference = abs(Decimal(str(actual[column])) - Decimal(str(expected[column])))
    return difference <= abs(Decimal(str(expected["revenue"]))) * LARGEST_DIFFERENCE


# --- Values ---------------------------------------------------------------------------------------


def equal(column: str, expected: object, actual: object) -> bool:
    """Whether an actual value means the expected one."""
    if column in EMPTY_IS_NULL and (expected is None or expected in ("", [])):
        return actual is None or actual in ("", "[]", [])
    if expected is None or actual is None:
        return expected is actual
    try:
        return _equal_values(column, expected, actual)
    except (ValueError, TypeError, InvalidOperation):
        return False


def _equal_values(column: str, expected: object, actual: object) -> bool:
    """As `equal`, for values that are both there; raises when the actual one has no such type."""
    if is_placeholder(expected):
        return isinstance(actual, str) and actual != ""
    match expected:
        case bool():
            return str(actual).lower() == str(expected).lower()
        case datetime():
            return _instant(actual) == expected
        case date():
            return str(actual)[:10] == expected.isoformat()
        case Decimal() if column == "age_seconds":
            # whole seconds are fine: SPEC.md does not give the unit
            number = Decimal(str(actual))
            return number in (expected, expected // 1)
        case Decimal():
            return Decimal(str(actual)) == expected
        case int():
            return Decimal(str(actual)) == expected
        case float():
            limit = float(LARGEST_DIFFERENCE) * max(1.0, abs(expected))
            return abs(float(str(actual)) - expected) <= limit
        case list():
            return _equal_lists(column, expected, _listed(actual))
        case _:
            return str(actual) == str(expected)


def _listed(value: object) -> list[object]:
    """A list from Spark or from its JSON text."""
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _equal_lists(column: str, expected: list[object], actual: list[object]) -> bool:
    """Sets of ids, or lists of touches in order."""
    if column in SETS:
        known = {one for one in expected if not is_placeholder(one)}
        unknown_count = len({*expected} - known)
        return known <= {*actual} and len({*actual} - known) == unknown_count
    return len(expected) == len(actual) and all(
        _equal_touches(one, other) for one, other in zip(expected, actual, strict=True)
    )


def _equal_touches(expected: object, actual: object) -> bool:
    """Two touches of a path, by the fields both have; SPEC.md does not name the fields."""
    if not isinstance(expected, Mapping) or not isinstance(actual, Mapping):
        return False
    names = {name: _name_in(actual, name) for name in expected}
    if names["touch_at"] is None or names["channel"] is None:
        return False
    return all(equal(name, expected[name], actual[other]) for name, other in names.items() if other)


def _name_in(actual: Mapping[str, object], name: str) -> str | None:
    """What a field is called in the actual struct; None if it is not there."""
    return next((one for one in (name, *OTHER_NAMES.get(name, ())) if one in actual), None)


def _instant(value: object) -> object:
    """A timestamp in UTC: from Spark (naive means UTC) or from text."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return parse_time(value) if isinstance(value, str) else value


def _shown(value: object) -> str:
    """A value as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    return repr(value)


# --- The smallest example -------------------------------------------------------------------------


def smallest_client(
    expected: Mapping[str, Rows], actual: Mapping[str, Rows], records: Sequence[RawRecord]
) -> str:
    """Tells the story of the client with the fewest events among those that differ.

    Args:
        expected: The oracle's tables.
        actual: The pipeline's tables; those that are not there are not compared.
        records: The landed events.

    Returns:
        The client's records and its differences, ready to be printed; empty if no client differs.
    """
    by_client: dict[str, list[Difference]] = defaultdict(list)
    for table, rows in actual.items():
        for difference in differences(table, expected[table], rows):
            if difference.client_id is not None:
                by_client[difference.client_id].append(difference)
    if not by_client:
        return ""
    sizes = Counter(record.text("client_id") for record in records)
    client_id = min(by_client, key=lambda one: (sizes[one], len(by_client[one]), one))
    own = [record for record in records if record.text("client_id") == client_id]
    lines = [
        f"{len(by_client)} clients differ; the smallest is {client_id!r} ({len(own)} records):"
    ]
    lines.extend(f"  {_record_shown(record)}" for record in sorted(own, key=_record_order))
    lines.append("differences:")
    lines.extend(f"  {difference}" for difference in by_client[client_id])
    return "\n".join(lines)


def _record_order(record: RawRecord) -> tuple[datetime, str]:
    """By event time, the unparseable first."""
    time = parse_time(record.text("event_time"))
    return time or datetime.min.replace(tzinfo=UTC), record.text("event_id") or ""


def _record_shown(record: RawRecord) -> str:
    """The instant it means, and the record's fields as delivered, without the empty ones."""
    time = parse_time(record.text("event_time"))
    fields = {name: value for name, value in sorted(record.fields.items()) if value}
    return f"{_shown(time) if time else '(no time)'} {json.dumps(fields, ensure_ascii=False)}"
