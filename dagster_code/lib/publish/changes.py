"""What of a mart has to go to PostgreSQL: nothing, the rows that changed, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyspark.errors import PySparkException

from dagster_code.lib.publish.columns import as_written, column_definitions
from dagster_code.lib.publish.state import Published

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Manner = Literal["nothing", "changes", "everything"]


@dataclass(frozen=True)
class Mart:
    """A mart as it is in the warehouse.

    Attributes:
        name: without its schema.
        keys: columns, or expressions of columns, of which each row has its own values.
        delta_id: of the Delta table.
        version: of the Delta table.
    """

    name: str
    keys: Sequence[str]
    delta_id: str
    version: int


@dataclass(frozen=True)
class Plan:
    """What has to go over.

    Attributes:
        manner: how much.
        why: in words.
        rows: to be written, in the form of PostgreSQL; ``None`` for nothing.
        gone: the keys of rows that are to be deleted first; ``None`` where no row can be gone.
    """

    manner: Manner
    why: str
    rows: "DataFrame | None" = None
    gone: "DataFrame | None" = None


def definition(spark: "SparkSession", mart: Mart) -> str:
    """Write a table's columns and keys, as a change of them makes it anew.

    Args:
        spark: a session on the home's server.
        mart: which one.
    """
    columns = column_definitions(spark.table(f"marts.{mart.name}").schema)
    return f"{columns}; key ({', '.join(mart.keys)})"
