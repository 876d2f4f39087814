"""A glimpse of a table for who looks at it in Dagster: its first rows, the channels that lead."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_code.lib.terminal import markdown_cell, printable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

SAMPLE_ROWS = 5
# Longer values are cut: a record or a list of touches can have megabytes.
_SHOWN_LETTERS = 120
_BAR_WIDTH = 20
_AT_ONCE = 4

_LEADING = {
    "marts.channel_performance": """\
select
    left(channel, 200) as channel,
    first_touch_revenue as `first touch`,
    last_touch_revenue as `last touch`,
    unattributed_revenue as unattributed,
    cost
from marts.channel_performance
order by greatest(first_touch_revenue, last_touch_revenue) desc, channel
limit 10""",
    "marts.model_comparison": """\
select
    left(channel, 200) as channel,
    max(revenue) filter (where model = 'first_touch') as `first touch`,
    max(revenue) filter (where model = 'last_touch') as `last touch`,
    max(revenue) filter (where model = 'linear') as linear,
    max(revenue) filter (where model = 'position_based') as `position based`,
    max(revenue) filter (where model = 'time_decay') as `time decay`,
    max(revenue) filter (where model = 'markov') as markov,
    max(revenue) filter (where model = 'shapley') as shapley
from marts.model_comparison
group by 1
order by max(revenue) desc, channel
limit 10""",
}


def glimpses(
    spark: "SparkSession", tables: Mapping[str, "StructType"], shows_rows: bool
) -> dict[str, dict[str, Any]]:
    """Look into stored tables, all at once, each by a statement with a limit.

    Args:
        spark: a session on the home's server.
        tables: names like ``marts.client_journeys`` with their columns; a view would have to be
            computed.
        shows_rows: whether their first rows may be shown.

    Returns:
        By table, its metadata for Dagster.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        shown = tables if shows_rows else {}
        samples = pool.map(lambda table: sample(spark, table, tables[table]), shown)
        leading = {
            table: pool.submit(_rows, spark, sql)
            for table, sql in _LEADING.items()
            if table in tables
        }
        found: dict[str, dict[str, Any]] = {table: {} for table in tables}
        for table, rows in zip(shown, samples, strict=True):
            found[table]["sample_rows"] = rows
        for table, channels in leading.items():
            found[table]["leading_channels"] = dg.MetadataValue.md(bars(channels.result()))
    return found


def sample(spark: "SparkSession", table: str, columns: "StructType") -> dg.TableMetadataValue:
    """Read a table's first rows, as text of bounded length.

    Args:
        spark: a session on the home's server.
        table: like ``marts.client_journeys``.
        columns: its columns, which are known by now: asking again takes as long as the rows.
    """
    from pyspark.sql import functions as F

    # Spark cuts the values: whole ones need not come here.
    cut = [
        F.left(F.col(f"`{field.name}`").cast("string"), F.lit(_SHOWN_LETTERS + 1)).alias(field.name)
        for field in columns.fields
    ]
    rows = spark.table(table).limit(SAMPLE_ROWS).select(*cut).toArrow().to_pylist()
    return dg.MetadataValue.table(
        [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows],
        schema=dg.TableSchema(
            [dg.TableColumn(field.name, field.dataType.simpleString()) for field in columns.fields]
        ),
    )


def bars(rows: Iterable[Mapping[str, Any]]) -> str:
    """Draw the first number of each row as a bar, beside all of its numbers.

    Args:
        rows: a name first, then numbers.

    Returns:
        A table in Markdown.
    """
    shown = [list(row.items()) for row in rows]
    if not shown:
        return "No channels yet."
    titles = [title for title, _ in shown[0]]
    numbers = [[float(value or 0) for _, value in row[1:]] for row in shown]
    most = max((row[0] for row in numbers), default=0.0)
    lines = [
        f"| {titles[0]} | {titles[1]} | {' | '.join(titles[1:])} |",
        f"| --- | --- |{' ---: |' * len(titles[1:])}",
    ]
    for row, values in zip(shown, numbers, strict=True):
        bar = "█" * round(_BAR_WIDTH * values[0] / most) if most > 0 else ""
        cells = " | ".join(f"{value:,.2f}" for value in values)
        lines.append(f"| {markdown_cell(str(row[0][1]))} | {bar} | {cells} |")
    return "\n".join(lines)


def _rows(spark: "SparkSession", sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = spark.sql(sql).toArrow().to_pylist()
    return rows


def _cell(value: str | None) -> str:
    if value is None:
        return "NULL"
    text = printable(value[:_SHOWN_LETTERS])
    return f"{text}…" if len(value) > _SHOWN_LETTERS else text
