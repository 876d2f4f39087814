"""What of a mart has to go to PostgreSQL: nothing, the rows that changed, or all of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException

from dagster_code.lib.publish.columns import as_written, column_definitions
from dagster_code.lib.publish.marts import MartVersion, as_of
from dagster_code.lib.publish.state import Published

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Change:
    """What has to go over.

    Attributes:
        why: in words.
        rows: to be written, in the form of PostgreSQL; ``None``: nothing.
        gone: the rows that were there before and are not any more, likewise; ``None``: all that
            are not among ``rows``.
    """

    why: str
    rows: "DataFrame | None" = None
    gone: "DataFrame | None" = None


def definition(now: MartVersion) -> str:
    """Write a table's columns and keys; when they change, the table is made anew.

    Args:
        now: the mart.
    """
    return f"{column_definitions(now.schema)}; key ({', '.join(now.key_expressions())})"


def change_of(spark: "SparkSession", now: MartVersion, before: Published | None) -> Change:
    """Find out what a mart's published rows lack.

    Args:
        spark: a session on the home's server.
        now: the mart.
        before: what is published of it.
    """
    rows = _as_written(now, as_of(spark, now.mart, now.version))
    if before is None:
        return Change("not published yet", rows)
    if before.definition != definition(now):
        return Change("its columns or keys have changed", rows)
    if now.mart.beneath and before.delta_id != now.delta_id:
        return Change("a table beneath it has changed", rows)
    if before.delta_id != now.delta_id:
        return Change("the table was made anew", rows)
    if before.delta_version == now.version:
        return Change("nothing has changed")
    try:
        then = _as_written(now, as_of(spark, now.mart, before.delta_version))
        # the files of that version may be gone: this asks for their list
        then.inputFiles()
    except PySparkException:
        return Change(f"version {before.delta_version} can no longer be read", rows)
    return Change(
        f"version {now.version} after {before.delta_version}",
        rows.exceptAll(then),
        then.exceptAll(rows),
    )


def _as_written(now: MartVersion, rows: "DataFrame") -> "DataFrame":
    return rows.selectExpr(*(as_written(field) for field in now.schema.fields))
