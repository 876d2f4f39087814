"""Where the tables of two homes differ: rows one has and the other has not, counted both ways.

Rows are compared whole, as in `except all`: a row that is there twice must be there twice. Columns
that tell of the landing itself, not of what landed, are left out. Of small tables whose numbers are
sums of doubles, the last digits may differ.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tests.oracle.compare import KEYS

# When and with which landing a record came.
IGNORED_COLUMNS = frozenset({"landed_at", "landed_date", "batch"})

# Tables that hold the history of runs: two ways to the same records rightly differ in them.
RUN_TABLES = frozenset({"attribution_changes"})

# Tables by channel and model, whose doubles are sums in any order.
TABLES_OF_DOUBLES = frozenset({"model_comparison", "int_markov_credits", "int_shapley_credits"})
RELATIVE = 1e-9

SHOWN_EXAMPLES = 3
SHOWN_COLUMNS = 4

# What tells rows of other tables apart, as far as they have it.
OTHER_KEYS = ("client_id", "event_id", "event_time", "source_sha256", "source_position", "channel")

Tables = Mapping[str, pa.Table]
Cells = tuple[object, ...]


@dataclass(frozen=True)
class Difference:
    """A table that differs.

    Attributes:
        table: like `marts.client_journeys`.
        missing: rows that should be there and are not.
        unexpected: rows that are there and should not be.
        examples: some of them, one line each.
        client_id: whose row the first example is.
    """

    table: str
    missing: int
    unexpected: int
    examples: Sequence[str]
    client_id: str | None = None

    @property
    def row_count(self) -> int:
        """How many rows differ."""
        return self.missing + self.unexpected

    def __str__(self) -> str:
        """The difference on a few lines."""
        head = f"{self.table}: {self.missing} rows missing, {self.unexpected} unexpected"
        return "\n".join([head, *(f"    {line}" for line in self.examples)])


def differences(expected: Tables, actual: Tables) -> list[Difference]:
    """Hold each table against its like.

    Args:
        expected: name with schema -> rows, by a full refresh.
        actual: the same, by increments.

    Returns:
        One for each table that differs, or that only one side has.
    """
    found = []
    for name in sorted({*expected, *actual}):
        if name not in actual:
            found.append(Difference(name, expected[name].num_rows, 0, ["there is no such table"]))
        elif name not in expected:
            found.append(
                Difference(name, 0, actual[name].num_rows, ["a full refresh makes no such table"])
            )
        else:
            difference = table_difference(name, expected[name], actual[name])
            found += [difference] if difference is not None else []
    return found


def table_difference(name: str, expected: pa.Table, actual: pa.Table) -> Difference | None:
    """Hold a table against its like; None if they are equal."""
    kinds, other_kinds = _kinds(expected), _kinds(actual)
    if kinds != other_kinds:
        lines = [
            f"column {one}: expected {kinds.get(one)}, actual {other_kinds.get(one)}"
            for one in sorted({*kinds, *other_kinds})
            if kinds.get(one) != other_kinds.get(one)
        ]
        return Difference(name, expected.num_rows, actual.num_rows, lines)
    columns = sorted(kinds)
    rows, other_rows = _rows(expected, columns), _rows(actual, columns)
    missing, unexpected = rows - other_rows, other_rows - rows
    if name.partition(".")[2] in TABLES_OF_DOUBLES:
        doubles = [one for one in columns if pa.types.is_floating(expected.schema.field(one).type)]
        missing, unexpected = without_close_pairs(missing, unexpected, columns, doubles)
    if not missing and not unexpected:
        return None
    examples = _examples(name, columns, missing, unexpected)
    return Difference(
        name,
        missing.total(),
        unexpected.total(),
        [line for _, line in examples],
        next((client_id for client_id, _ in examples if client_id is not None), None),
    )


def without_close_pairs(
    missing: Counter[Cells],
    unexpected: Counter[Cells],
    columns: Sequence[str],
    doubles: Sequence[str],
) -> tuple[Counter[Cells], Counter[Cells]]:
    """Leave out pairs of rows that are equal but for the last digits of their doubles."""
    places = [columns.index(one) for one in doubles]
    left: dict[Cells, list[Cells]] = defaultdict(list)
    for row in unexpected.elements():
        left[_without(row, places)].append(row)
    alone: Counter[Cells] = Counter()
    for row in missing.elements():
        others = left[_without(row, places)]
        near = next((one for one in others if _are_close(row, one, places)), None)
        if near is None:
            alone[row] += 1
        else:
            others.remove(near)
    return alone, Counter(row for rows in left.values() for row in rows)


def _without(row: Cells, places: Sequence[int]) -> Cells:
    """The row's exact cells, and which of the others are null or no number."""
    return tuple(
        isinstance(cell, float) if place in places else cell for place, cell in enumerate(row)
    )


def _are_close(row: Cells, other: Cells, places: Sequence[int]) -> bool:
    pairs = ((row[place], other[place]) for place in places)
    return all(
        one == two
        or (
            isinstance(one, float)
            and isinstance(two, float)
            and math.isclose(one, two, rel_tol=RELATIVE, abs_tol=RELATIVE * 1e-6)
        )
        for one, two in pairs
    )


def _kinds(table: pa.Table) -> dict[str, str]:
    """The columns that count, with their types."""
    return {one.name: str(one.type) for one in table.schema if one.name not in IGNORED_COLUMNS}


def _rows(table: pa.Table, columns: Sequence[str]) -> Counter[Cells]:
    """How often each row is there."""
    values = []
    for name in columns:
        kind = table.schema.field(name).type
        column = table.column(name)
        # Python's years end at 1 and 9999; a rejected record's do not
        cells = (column.cast(pa.string()) if pa.types.is_timestamp(kind) else column).to_pylist()
        if pa.types.is_map(kind):
            # entries have no order
            cells = [None if cell is None else sorted(cell) for cell in cells]
        is_plain = not (pa.types.is_nested(kind) or pa.types.is_floating(kind))
        values.append(cells if is_plain else [_frozen(cell) for cell in cells])
    # a table without columns has rows all the same
    return Counter(zip(*values, strict=True)) if values else Counter({(): table.num_rows})


def _frozen(value: object) -> object:
    """A value that can be counted; NaN equals itself."""
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case dict():
            return tuple((name, _frozen(one)) for name, one in value.items())
        case list() | tuple():
            return tuple(_frozen(one) for one in value)
    return value


# --- Examples -------------------------------------------------------------------------------------


def _examples(
    name: str, columns: Sequence[str], missing: Counter[Cells], unexpected: Counter[Cells]
) -> list[tuple[str | None, str]]:
    """Some rows with their clients; the cells that differ where a key has one row on each side."""
    keys = _key_columns(name, columns)
    by_key: dict[Cells, tuple[list[Cells], list[Cells]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((missing, unexpected)):
        for row in rows.elements():
            key = tuple(row[columns.index(one)] for one in keys)
            by_key[key][side].append(row)
    lines: list[tuple[str | None, str]] = []
    for key, (lacking, surplus) in sorted(by_key.items(), key=lambda one: repr(one[0]))[
        :SHOWN_EXAMPLES
    ]:
        told = ", ".join(f"{one}={cell}" for one, cell in zip(keys, key, strict=True))
        owner = key[keys.index("client_id")] if "client_id" in keys else None
        shown = f"[{told}] {_told(columns, lacking, surplus)}"
        lines.append((owner if isinstance(owner, str) else None, shown))
    return lines


def _told(columns: Sequence[str], lacking: Sequence[Cells], surplus: Sequence[Cells]) -> str:
    if len(lacking) != 1 or len(surplus) != 1:
        return f"{len(lacking)} missing, {len(surplus)} unexpected"
    cells = [
        f"{one}: expected {_short(cell)}, actual {_short(other)}"
        for one, cell, other in zip(columns, lacking[0], surplus[0], strict=True)
        if cell != other
    ]
    more = [f"and {len(cells) - SHOWN_COLUMNS} columns more"] if len(cells) > SHOWN_COLUMNS else []
    return "; ".join([*cells[:SHOWN_COLUMNS], *more])


def _short(cell: object) -> str:
    text = str(cell)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _key_columns(name: str, columns: Sequence[str]) -> list[str]:
    """What tells the table's rows apart."""
    known = KEYS.get(name.partition(".")[2], OTHER_KEYS)
    return [one for one in known if one in columns] or list(columns[:SHOWN_COLUMNS])
