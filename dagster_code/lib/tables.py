"""What Dagster shows of a table: its columns, its size, where it is."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

_TABLES_AT_ONCE = 4


@dataclass(frozen=True)
class TableFact:
    """What is known of a table or view without reading it.

    Attributes:
        schema: its columns in Spark.
        row_count: its rows; ``None`` for a view, which would have to be computed.
    """

    schema: "StructType"
    row_count: int | None


def table_facts(spark: "SparkSession", tables: Mapping[str, bool]) -> dict[str, TableFact]:
    """Look at many tables at once.

    Args:
        spark: a session on the home's server.
        tables: names like ``marts.client_journeys``, each with whether it is a view.
    """
    stored = [table for table, is_view in tables.items() if not is_view]
    counts: dict[str, int] = {}
    if stored:
        # One statement for all: Delta counts from its metadata, planning is what takes time.
        each = (f"select '{table}' as name, count(*) as n from {table}" for table in stored)
        rows = spark.sql(" union all ".join(each)).toLocalIterator()
        counts = {row["name"]: row["n"] for row in rows}
    with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
        schemas = pool.map(lambda table: spark.table(table).schema, tables)
        return {
            table: TableFact(schema, counts.get(table))
            for table, schema in zip(tables, schemas, strict=True)
        }


def column_schema(
    schema: "StructType", descriptions: Mapping[str, str] | None = None
) -> dg.TableSchema:
    """Describe a table's columns as they are in Spark.

    Args:
        schema: the columns.
        descriptions: text by column name.
    """
    texts = descriptions or {}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                field.name,
                field.dataType.simpleString(),
                texts.get(field.name),
                constraints=dg.TableColumnConstraints(nullable=field.nullable),
            )
            for field in schema.fields
        ]
    )


def row_count(spark: "SparkSession", table: str) -> int:
    """Count a Delta table's rows, which Delta answers from its metadata.

    Args:
        spark: a session on the home's server.
        table: like ``marts.client_journeys``.
    """
    return spark.table(table).count()


def table_uri(spark: "SparkSession", table: str) -> str:
    """Give the folder of a Delta table as a URI.

    Args:
        spark: a session on the home's server.
        table: like ``raw.events``.
    """
    detail = spark.sql(f"describe detail {table}").first()
    return "" if detail is None else str(detail["location"])


def sql_note(sql: str) -> dg.MarkdownMetadataValue:
    """Show a statement as Dagster shows code.

    Args:
        sql: the statement.
    """
    return dg.MetadataValue.md(f"```sql\n{sql.strip()}\n```")
