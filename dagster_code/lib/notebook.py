"""What a notebook needs beyond Spark itself: a session in one line, and a table as it once was."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING

from dagster_code.lib import server
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import announce, show_progress
from dagster_code.lib.session import open_session
from dagster_code.lib.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def connect() -> "SparkSession":
    """Open a session on the Spark server of ATTRIBUTION_HOME, which is started if it is down.

    The session's time zone is UTC. ``dagster dev``, dbt and other notebooks may use the server at
    the same time: a reader sees a table as it is before or after a commit.

    Raises:
        ServerError: the server cannot be started.
    """
    settings = load_settings()
    show_progress(sys.stderr)
    state = server.ensure_running(settings, announce)
    return open_session(settings, state.connect_port)


def as_of(spark: "SparkSession", table: str, instant: datetime) -> "DataFrame":
    """Read a Delta table as it was at an instant, or as it first was if it is younger.

    Args:
        spark: a session on the home's server.
        table: like ``marts.channel_performance``; a table, not a view.
        instant: with a time zone.

    Raises:
        UserError: the instant has no time zone, or the table has no version left.
    """
    if instant.tzinfo is None:
        raise UserError(f"{instant}: say in which time zone, like datetime.now(UTC)")
    from pyspark.sql import functions as F

    versions = history(spark, table)
    is_then = F.col("timestamp") <= F.lit(instant.isoformat()).cast("timestamp")
    row = versions.agg(
        F.coalesce(F.max(F.when(is_then, F.col("version"))), F.min("version")).alias("version")
    ).first()
    if row is None or row["version"] is None:
        raise UserError(f"{table}: no version of it can be read any more")
    return spark.sql(f"select * from {table} version as of {row['version']}")


def history(spark: "SparkSession", table: str) -> "DataFrame":
    """List the versions of a Delta table that can still be read, the newest first.

    Args:
        spark: a session on the home's server.
        table: like ``marts.channel_performance``; a table, not a view.
    """
    return spark.sql(f"describe history {table}").select(
        "version", "timestamp", "operation", "operationMetrics"
    )
