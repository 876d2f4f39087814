"""Parquet to texts: one plain notation for every type."""

import datetime as dt
from decimal import Decimal
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_code.lib.landing.parquet_rows import parquet_batches, text_column
from dagster_code.lib.landing.schema import EVENT_FIELDS

# What Parquet gives for a timestamp without a zone.
NAIVE = dt.datetime(2026, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001  without a zone on purpose
PARIS = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", "", None]), ["a", "", None]),
        (pa.array([1, None, 2**62]), ["1", None, str(2**62)]),
        (pa.array([1.5, 1e20, 1e-7, 123456789012.5]),
         ["1.5", "100000000000000000000", "0.0000001", "123456789012.5"]),
        (pa.array([float("nan"), float("inf")]), ["nan", "inf"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([Decimal("12.50")], pa.decimal128(18, 2)), ["12.50"]),
        (pa.array([Decimal("0.0000001")], pa.decimal128(18, 7)), ["0.0000001"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([NAIVE]), ["2026-01-02T03:04:05.000006Z"]),
        (pa.array([dt.datetime(2026, 1, 2, 3, tzinfo=PARIS)], pa.timestamp("ns", "Europe/Paris")),
         ["2026-01-02T01:00:00.000000Z"]),
        (pa.array([0], pa.timestamp("s")), ["1970-01-01T00:00:00.000000Z"]),
        (pa.array([dt.date(2026, 1, 2)]), ["2026-01-02"]),
        (pa.array([b"abc", b"\xff"]), ["abc", "/w=="]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.nulls(2), [None, None]),
        (pa.array([[1, None], None]), ["[1,null]", None]),
        (pa.array([{"a": Decimal("1.50"), "b": ["x"]}]), ['{"a":1.50,"b":["x"]}']),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['{"k":1}']),
        (pa.array([{"t": NAIVE}]), ['{"t":"2026-01-02T03:04:05.000006Z"}']),
    ],
)  # fmt: skip
def test_every_type_has_one_notation(column, expected):
    assert text_column(column).to_pylist() == expected


def read(table: pa.Table, row_groups: list[int], first_row: int) -> list[dict[str, object]]:
    file = BytesIO()
    pq.write_table(table, file, row_group_size=2)
    file.seek(0)
    batches = parquet_batches(file, row_groups, first_row, EVENT_FIELDS, ("/f", "0" * 64))
    return [row for batch in batches for row in batch.to_pylist()]


def test_row_groups_give_their_rows_with_their_numbers():
    table = pa.table({"CLIENT_ID": [1, 2, 3, 4, 5], "color": ["r", None, "g", "b", None]})
    rows = read(table, [1, 2], 3)
    assert [(row["client_id"], row["source_position"]) for row in rows] == [
        ("3", 3),
        ("4", 4),
        ("5", 5),
    ]
    assert [row["extra"] for row in rows] == [[("color", "g")], [("color", "b")], None]


def test_two_columns_of_one_name_give_the_first_value_that_is_not_empty():
    table = pa.Table.from_arrays(
        [pa.array(["", "a"]), pa.array(["b", "c"])], ["user_id", "User_Id"]
    )
    rows = read(table, [0], 1)
    assert [row["user_id"] for row in rows] == ["b", "a"]
    assert [row["extra"] for row in rows] == [[("user_id#2", "")], [("user_id#2", "c")]]
