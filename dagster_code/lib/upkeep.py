"""Upkeep of the Delta tables: small files, deleted rows, files that no kept version needs.

What pays is decided from each table's log alone, before anything is changed; no row is read for
it. Every statement is one that Delta allows beside readers: rewritten files become a new version
with the same rows, the former ones stay for the retention, and a statement that dies leaves the
table as it was. So upkeep may be killed at any moment and repeated.
"""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dagster_code.lib.errors import RunFailedError, ServerError
from dagster_code.lib.lock import WriterLock
from dagster_code.lib.progress import Progress
from dagster_code.lib.query import as_user_error
from dagster_code.lib.settings import DELTA_RETENTION_HOURS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMAS = ("raw", "seeds", "builds", "staging", "intermediate", "marts")
# What upkeep leaves in a table's history: each such version has the rows of the one before it.
OPERATIONS = frozenset({"OPTIMIZE", "REORG", "SET TBLPROPERTIES", "VACUUM START", "VACUUM END"})

# --- When it pays -------------------------------------------------------------------------------
# A file below this is small: opening it costs about as much as reading it. (One of the bounds of
# the histogram that Delta keeps of a table's files, so that they can be counted exactly.)
SMALL_FILE_BYTES = 32 * 1024**2
# What OPTIMIZE makes of them: one row group, one task of a scan. Delta's own default, 1 GiB, would
# make one file of a table of this pipeline, which two cores then read and rewrite as a whole.
TARGET_FILE_BYTES = 128 * 1024**2
# Fewer files than this are not worth a version more. A daily run leaves one to a few files a table.
MIN_FILES_SAVED = 8
# Deleted rows are read and left out again by every reader until the files are rewritten.
MAX_DELETED_SHARE = 0.1

# VACUUM lists a folder with 10,000 tasks unless told otherwise: a minute for an empty table.
_LISTING_TASKS = 4
_TABLES_AT_ONCE = 4
_RETENTION_PROPERTY = "delta.deletedFileRetentionDuration"
_INTERVAL = re.compile(r"(?:interval )?(\d+) (hour|day|week)s?", re.IGNORECASE)
_HOURS = {"hour": 1, "day": 24, "week": 168}
_SESSION = {
    "spark.databricks.delta.optimize.minFileSize": SMALL_FILE_BYTES,
    "spark.databricks.delta.optimize.maxFileSize": TARGET_FILE_BYTES,
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": _LISTING_TASKS,
    # What was removed is read from the log. Safe everywhere, since one driver does every write.
    "spark.databricks.delta.vacuum.logging.enabled": "true",
}


@dataclass(frozen=True)
class TableFiles:
    """The files of a table's newest version.

    Attributes:
        file_count: all of them.
        size_bytes: of all of them.
        small_file_count: those below ``SMALL_FILE_BYTES``.
        small_bytes: of those.
        partition_count: folders that the files lie in; files of two are never made one.
        deleted_rows: rows that are in the files, and deleted.
        row_count: rows that are not; only known where rows are deleted.
        retention_hours: how long the table keeps files of former versions; ``None`` when its
            property is written in a way that this module does not read.
    """

    file_count: int
    size_bytes: int
    small_file_count: int
    small_bytes: int
    partition_count: int = 1
    deleted_rows: int = 0
    row_count: int = 0
    retention_hours: int | None = DELTA_RETENTION_HOURS


@dataclass(frozen=True)
class TablePlan:
    """What upkeep would do to a table, and why; ``None`` where there is nothing to do.

    Attributes:
        table: like ``raw.events``.
        files: what the decision was made from.
        purge: why deleted rows are taken out of the files.
        compact: why small files are made large ones.
        lengthen: why the table's retention is made longer.
        vacuum: why files are removed.
    """

    table: str
    files: TableFiles
    purge: str | None = None
    compact: str | None = None
    lengthen: str | None = None
    vacuum: str | None = None

    @property
    def reasons(self) -> dict[str, str]:
        """Each thing to do with its reason, in the order in which they are done."""
        every = {
            "purge": self.purge,
            "optimize": self.compact,
            "lengthen": self.lengthen,
            "vacuum": self.vacuum,
        }
        return {name: reason for name, reason in every.items() if reason is not None}


@dataclass(frozen=True)
class TableUpkeep:
    """What upkeep did to a table.

    Attributes:
        table: like ``raw.events``.
        done: what was done, as in ``TablePlan.reasons``; empty when there was nothing to do.
        files_before: files of its newest version before.
        files_after: and after.
        bytes_before: their size before.
        bytes_after: and after.
        files_vacuumed: files of former versions, or of no version, that were removed.
        bytes_vacuumed: their size.
        seconds: what it took.
    """

    table: str
    done: tuple[str, ...]
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    files_vacuumed: int
    bytes_vacuumed: int
    seconds: float


def reason_to_purge(files: TableFiles) -> str | None:
    """Decide whether deleted rows are to be taken out of the files.

    Args:
        files: of the table.

    Returns:
        Why; ``None`` when it does not pay.
    """
    stored = files.row_count + files.deleted_rows
    share = files.deleted_rows / stored if stored else 0.0
    if share <= MAX_DELETED_SHARE:
        return None
    return f"{share:.0%} of the stored rows are deleted"


def reason_to_compact(files: TableFiles) -> str | None:
    """Decide whether small files are to be made large ones.

    Args:
        files: of the table.

    Returns:
        Why; ``None`` when it does not pay.
    """
    needed = max(files.partition_count, math.ceil(files.small_bytes / TARGET_FILE_BYTES))
    if files.small_file_count - needed < MIN_FILES_SAVED:
        return None
    return f"{files.small_file_count} files below {SMALL_FILE_BYTES // 1024**2} MiB"


def reason_to_lengthen(files: TableFiles, retention_hours: int) -> str | None:
    """Decide whether the table has to be told to keep its former files for longer.

    Delta removes files by the table's own retention. ``retain … hours`` would not do: Delta 4.4
    does not heed it, and forgets after the table's own retention which files it removed when.

    Args:
        files: of the table.
        retention_hours: as set; Delta's own default leaves each table what it has.

    Returns:
        Why; ``None`` when the table keeps them for as long, or longer.
    """
    own = files.retention_hours
    if retention_hours <= DELTA_RETENTION_HOURS or own is None or own >= retention_hours:
        return None
    return f"former files are kept for {own} hours, not {retention_hours}"


def retention_of(properties: Mapping[str, str]) -> int | None:
    """Read from a table's properties how long it keeps the files of former versions.

    Args:
        properties: as in ``describe detail``.

    Returns:
        Hours; ``None`` when the property is not a number of hours, days or weeks.
    """
    text = properties.get(_RETENTION_PROPERTY)
    if text is None:
        return DELTA_RETENTION_HOURS
    told = _INTERVAL.fullmatch(text.strip())
    return None if told is None else int(told[1]) * _HOURS[told[2].lower()]


def files_of(detail: Mapping[str, Any], checksum: Mapping[str, Any] | None) -> TableFiles:
    """Put together what is known of a table's files.

    Args:
        detail: its row of ``describe detail``.
        checksum: what Delta wrote beside its newest commit; without it small files are guessed
            from the average, and deleted rows are not seen.
    """
    count, size = int(detail["numFiles"]), int(detail["sizeInBytes"])
    known = checksum or {}
    histogram = known.get("fileSizeHistogram")
    if histogram is not None:
        bounds = histogram["sortedBinBoundaries"]
        # The last bin that begins below the limit also ends at it.
        bins = sum(bound < SMALL_FILE_BYTES for bound in bounds)
        small_count = sum(histogram["fileCounts"][:bins])
        small_bytes = sum(histogram["totalBytes"][:bins])
    else:
        is_small = size < count * SMALL_FILE_BYTES
        small_count, small_bytes = (count, size) if is_small else (0, 0)
    return TableFiles(
        file_count=count,
        size_bytes=size,
        small_file_count=small_count,
        small_bytes=small_bytes,
        deleted_rows=int(known.get("numDeletedRecordsOpt") or 0),
        retention_hours=retention_of(detail["properties"]),
    )


def plan_upkeep(spark: "SparkSession", retention_hours: int, progress: Progress) -> list[TablePlan]:
    """Say what upkeep would do to each Delta table of the pipeline; changes nothing.

    Args:
        spark: a session of one's own on the home's server.
        retention_hours: how long files of former versions are kept at least.
        progress: told what is looked at.

    Raises:
        RunFailedError: Spark refused a statement.
        ServerError: the server went away.
    """
    for key, value in _SESSION.items():
        spark.conf.set(key, str(value))
    with _told_in_one_line("looking at the tables"):
        tables = _tables(spark)
        progress(f"looking at {len(tables)} tables")
        with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
            plans = pool.map(lambda table: _plan(spark, table, retention_hours), tables)
            return [plan for plan in plans if plan is not None]


def keep_up(
    spark: "SparkSession", lock: WriterLock, retention_hours: int, progress: Progress
) -> list[TableUpkeep]:
    """Do what pays, table after table.

    Args:
        spark: a session of one's own on the home's server.
        lock: the home's writer lock, held by this process.
        retention_hours: how long files of former versions are kept at least.
        progress: told what is being done.

    Returns:
        What was done to each table, also where it was nothing.

    Raises:
        RunFailedError: a statement failed; the tables before it are done.
        ServerError: the server went away; a statement may still run.
    """
    plans = plan_upkeep(spark, retention_hours, progress)
    with lock.writing(settled=(RunFailedError,)):
        done = [_keep_table_up(spark, plan, retention_hours, progress) for plan in plans]
    if not any(upkeep.done for upkeep in done):
        progress("nothing to do")
    return done


def plan_table(plans: Sequence[TablePlan]) -> tuple[tuple[str, ...], tuple[str, ...], list[Any]]:
    """Lay plans out for printing.

    Args:
        plans: of all tables.

    Returns:
        Names, kinds and rows, as ``query.lines`` takes them.
    """
    names = ("table", "files", "size", "would", "why")
    rows = [
        (
            plan.table,
            plan.files.file_count,
            _size(plan.files.size_bytes),
            ", ".join(plan.reasons) or "-",
            "; ".join(plan.reasons.values()) or "-",
        )
        for plan in plans
    ]
    return names, ("text", "number", "number", "text", "text"), rows


def upkeep_table(done: Sequence[TableUpkeep]) -> tuple[tuple[str, ...], tuple[str, ...], list[Any]]:
    """Lay results out for printing.

    Args:
        done: of all tables.

    Returns:
        Names, kinds and rows, as ``query.lines`` takes them.
    """
    names = (
        "table",
        "done",
        "files",
        "after",
        "size",
        "size_after",
        "vacuumed",
        "freed",
        "seconds",
    )
    rows = [
        (
            upkeep.table,
            ", ".join(upkeep.done) or "-",
            upkeep.files_before,
            upkeep.files_after,
            _size(upkeep.bytes_before),
            _size(upkeep.bytes_after),
            upkeep.files_vacuumed,
            _size(upkeep.bytes_vacuumed),
            f"{upkeep.seconds:.1f}",
        )
        for upkeep in done
    ]
    return names, ("text", "text", *["number"] * 7), rows


def _tables(spark: "SparkSession") -> list[str]:
    return [
        f"{schema}.{table.name}"
        for schema in SCHEMAS
        if spark.catalog.databaseExists(schema)
        for table in spark.catalog.listTables(schema)
        # Temporary views have no namespace.
        if table.namespace and table.tableType != "VIEW"
    ]


def _plan(spark: "SparkSession", table: str, retention_hours: int) -> TablePlan | None:
    detail = _detail(spark, table)
    if detail["format"] != "delta":
        return None
    files = _files(spark, table, detail)
    # Listing is all that a dry run does. It spares the log two entries where nothing is to go.
    unneeded = len(spark.sql(f"vacuum {_quoted(table)} dry run").collect())
    return TablePlan(
        table=table,
        files=files,
        purge=reason_to_purge(files),
        compact=reason_to_compact(files),
        lengthen=reason_to_lengthen(files, retention_hours),
        vacuum=f"{unneeded} files that no kept version needs" if unneeded else None,
    )


def _files(spark: "SparkSession", table: str, detail: Mapping[str, Any]) -> TableFiles:
    files = files_of(detail, _checksum(spark, table, detail["location"]))
    if files.deleted_rows:
        # Delta counts from its metadata.
        files = replace(files, row_count=spark.table(_quoted(table)).count())
    if detail["partitionColumns"]:
        paths = spark.table(_quoted(table)).inputFiles()
        folders = {path.rpartition("/")[0] for path in paths}
        files = replace(files, partition_count=max(1, len(folders)))
    return files


def _detail(spark: "SparkSession", table: str) -> dict[str, Any]:
    return dict(spark.sql(f"describe detail {_quoted(table)}").collect()[0].asDict())


def _checksum(spark: "SparkSession", table: str, location: str) -> dict[str, Any] | None:
    """Read Delta's summary of the newest version; a commit that is cut off may leave none."""
    from pyspark.errors import AnalysisException

    version = _history(spark, table, 1)[0]["version"]
    path = f"{location}/_delta_log/{version:020d}.crc"
    try:
        line = spark.read.text(path).first()
    except AnalysisException:
        return None
    return None if line is None else dict(json.loads(line[0]))


def _history(spark: "SparkSession", table: str, limit: int) -> list[Any]:
    return spark.sql(f"describe history {_quoted(table)} limit {limit}").collect()


def _keep_table_up(
    spark: "SparkSession", plan: TablePlan, retention_hours: int, progress: Progress
) -> TableUpkeep:
    before = plan.files
    done = TableUpkeep(
        table=plan.table,
        done=tuple(plan.reasons),
        files_before=before.file_count,
        files_after=before.file_count,
        bytes_before=before.size_bytes,
        bytes_after=before.size_bytes,
        files_vacuumed=0,
        bytes_vacuumed=0,
        seconds=0.0,
    )
    if not plan.reasons:
        return done
    started = time.monotonic()
    for name, reason in plan.reasons.items():
        progress(f"{name} {plan.table}: {reason}")
        with _told_in_one_line(f"{name} {plan.table}"):
            spark.sql(_statement(name, plan.table, retention_hours)).collect()
    with _told_in_one_line(plan.table):
        after = _detail(spark, plan.table)
        files, size = _vacuumed(spark, plan.table) if plan.vacuum else (0, 0)
    return replace(
        done,
        files_after=after["numFiles"],
        bytes_after=after["sizeInBytes"],
        files_vacuumed=files,
        bytes_vacuumed=size,
        seconds=time.monotonic() - started,
    )


def _statement(name: str, table: str, retention_hours: int) -> str:
    name_in_sql = _quoted(table)
    statements = {
        "purge": f"reorg table {name_in_sql} apply (purge)",
        "optimize": f"optimize {name_in_sql}",
        "lengthen": (
            f"alter table {name_in_sql} set tblproperties"
            f" ('{_RETENTION_PROPERTY}' = 'interval {retention_hours} hours')"
        ),
        # Without `retain`: by the table's own retention, which Delta's time travel follows too.
        "vacuum": f"vacuum {name_in_sql}",
    }
    return statements[name]


def _quoted(table: str) -> str:
    schema, _, name = table.partition(".")
    return f"{schema}.`{name}`"


def _vacuumed(spark: "SparkSession", table: str) -> tuple[int, int]:
    """Read from the log what the last VACUUM removed: files and bytes."""
    metrics = {row["operation"]: row["operationMetrics"] or {} for row in _history(spark, table, 2)}
    ended, started = metrics.get("VACUUM END", {}), metrics.get("VACUUM START", {})
    return int(ended.get("numDeletedFiles", 0)), int(started.get("sizeOfDataToDelete", 0))


@contextmanager
def _told_in_one_line(doing: str) -> Iterator[None]:
    """Tell Spark's refusal, after which nothing runs on, from a server that went away."""
    import grpc
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, grpc.RpcError) as error:
        told = as_user_error(error)
        if isinstance(told, ServerError):
            raise told from error
        raise RunFailedError(f"{doing}: {told}") from error


def _size(size_bytes: int) -> str:
    """Write a size as a person reads it, like ``12.3 MiB``."""
    return f"{size_bytes / 1024**2:,.1f} MiB"
