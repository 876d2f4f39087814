"""The first rows of a table as Dagster's history keeps them: few, short, or none."""

import pytest

from dagster_code.lib.glimpse import SAMPLE_ROWS, glimpses


@pytest.fixture
def table(spark):
    """A table of more rows than are shown; values are long, missing, or steer a terminal."""
    spark.range(SAMPLE_ROWS + 2).selectExpr(
        "concat('client-', id) as client_id",
        "repeat('x', 200) as campaign",
        "cast(null as decimal(18,2)) as revenue",
        "'a\\u001bb' as source",
    ).createOrReplaceTempView("glimpsed")
    yield "glimpsed"
    spark.catalog.dropTempView("glimpsed")


def test_few_rows_are_kept_and_long_values_cut(spark, table):
    found = glimpses(spark, {table: spark.table(table).schema}, shows_rows=True)
    rows = [record.data for record in found[table]["sample_rows"].records]
    assert len(rows) == SAMPLE_ROWS
    assert {row["campaign"] for row in rows} == {"x" * 120 + "…"}
    assert {row["revenue"] for row in rows} == {"NULL"}
    assert {row["source"] for row in rows} == {r"a\x1bb"}


def test_no_row_is_kept_where_that_is_not_wanted(spark, table):
    assert glimpses(spark, {table: spark.table(table).schema}, shows_rows=False) == {table: {}}
