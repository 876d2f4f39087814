"""Bring new files into the raw tables, each file's content exactly once.

Nothing is remembered outside the two Delta tables. A landing takes the next number, commits its
records under it, then registers its files; whoever dies in between leaves records ahead of the
register, which the next landing mends first. Delta lets one commit per number through, so the
statement of a killed client that still runs on the server either lands before us, and we notice,
or never.
"""

import datetime as dt
import json
import logging
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dagster_code.lib.errors import RunFailedError, ServerError
from dagster_code.lib.landing.discover import STILL_GROWING, FileNote, Progress, discover
from dagster_code.lib.landing.lock import landing_lock
from dagster_code.lib.landing.pieces import Piece, failed_piece, packed
from dagster_code.lib.landing.reading import Reading
from dagster_code.lib.landing.recognise import SourceFile
from dagster_code.lib.landing.register import (
    LandedFile,
    append_once,
    greatest_number,
    landed_files,
    landed_sums,
    mend_register,
    write_register,
)
from dagster_code.lib.landing.report import LandingPlan, LandingReport, PlannedFile
from dagster_code.lib.landing.schema import (
    FIELDS,
    REGISTER_TABLE,
    Kind,
    checked_kind,
    create_statements,
    record_columns,
    records_table,
)
from dagster_code.lib.landing.survey import Survey, survey
from dagster_code.lib.landing.watch import LandingWatch, watching
from dagster_code.lib.mapping.mapping import EventMapping
from dagster_code.lib.mapping.sql import check_sql
from dagster_code.lib.progress import prefixed
from dagster_code.lib.settings import Settings
from dagster_code.lib.spark_errors import damage, is_gone

_LOG = logging.getLogger(__name__)

# A task also becomes a file of the table: more, smaller tasks would make small files.
_TASK_BYTES = 64 * 1024 * 1024
_LOCK_WAIT_SECONDS = 600.0
# Each lost number means that a killed client's statement came in; there cannot be many.
_MAX_ATTEMPTS = 5
# Far more commits than can come between ours and the look at the history.
_HISTORY_LIMIT = 50
# So many mapped records are shown before anything lands.
_EXAMPLES = 3


@dataclass(frozen=True)
class _Landing:
    """One attempt to land: a number and what identifies the commit as ours."""

    kind: Kind
    batch: int
    landed_at: dt.datetime
    note: str
    reading: Reading


def landing_paths(kind: Kind, paths: Sequence[str], settings: Settings) -> list[Path]:
    """Say where a landing looks.

    Args:
        kind: ``events``, ``clients`` or ``spend``.
        paths: as given; none means the kind's folder below the landing folder, which is made.
        settings: whose home.
    """
    if paths:
        return [Path(path) for path in paths]
    folder = settings.landing_dir / kind
    folder.mkdir(parents=True, exist_ok=True)
    return [folder]


def create_raw_tables(spark: SparkSession) -> None:
    """Create the schema ``raw`` and its tables, so that dbt's sources exist.

    Args:
        spark: Spark Connect session.
    """
    spark.sql("create schema if not exists raw")
    # Asked once: each statement that finds its table there takes a fifth of a second all the same.
    there = {f"raw.{row['tableName']}" for row in spark.sql("show tables in raw").collect()}
    for table, statement in create_statements().items():
        if table not in there:
            spark.sql(statement)


def plan(
    spark: SparkSession,
    kind: str,
    paths: Sequence[Path],
    settings: Settings,
    progress: Progress = _LOG.info,
    mapping: EventMapping | None = None,
) -> LandingPlan:
    """Tell what would land, without writing anything.

    Args:
        spark: Spark Connect session.
        kind: ``events``, ``clients`` or ``spend``.
        paths: files and folders.
        settings: for ``settle_seconds``.
        progress: takes progress lines.
        mapping: turns records of another form into events.

    Raises:
        UserError: a path does not exist, there is no such kind, or the mapping has a mistake.
    """
    checked = checked_kind(kind)
    reading = Reading(checked, mapping)
    if mapping is not None:
        check_sql(spark, mapping)
    has_register = spark.catalog.tableExists(REGISTER_TABLE)
    find = partial(landed_sums, spark, checked) if has_register else _nothing_landed
    found = survey(paths, reading.fields, settings.settle_seconds, find, progress, reading.foreign)
    counts, examples = _preview(spark, reading, found, settings)
    return LandingPlan(
        kind=checked,
        files=tuple(
            PlannedFile(file.source_file, file.format, file.size_bytes) for file in found.files
        ),
        skipped=found.skipped,
        refused=found.refused,
        ignored=found.ignored,
        growing=found.growing,
        notes=_notes(found.files) + counts,
        size_bytes=found.size_bytes,
        examples=examples,
    )


def _preview(
    spark: SparkSession, reading: Reading, found: Survey, settings: Settings
) -> tuple[tuple[FileNote, ...], tuple[str, ...]]:
    """Map without landing: what would be kept by name, and the first records."""
    if reading.mapping is None or not found.files:
        return (), ()
    with reading.session(spark), _readable_errors(reading.kind):
        records = reading.records(spark, _tasks(found.files, settings))
        first = reading.as_landed(records).where("problem is null").limit(_EXAMPLES)
        columns = [*FIELDS[reading.kind], "extra"]
        texts = first.select(F.to_json(F.struct(*columns)).alias("record")).collect()
        return reading.notes(records), tuple(row["record"] for row in texts)


def land(
    spark: SparkSession,
    kind: str,
    paths: Sequence[Path],
    settings: Settings,
    progress: Progress = _LOG.info,
    mapping: EventMapping | None = None,
) -> LandingReport:
    """Bring what is new under the paths into ``raw.<kind>``, exactly once.

    Args:
        spark: Spark Connect session of the server that owns the tables.
        kind: ``events``, ``clients`` or ``spend``.
        paths: files and folders.
        settings: for the home, whose landings exclude each other, and ``settle_seconds``.
        progress: takes progress lines.
        mapping: turns records of another form into events.

    Raises:
        UserError: a path does not exist, there is no such kind, the mapping has a mistake, or
            another landing never ends.
        ServerError: the server went away; nothing is lost or doubled, run again.
        RunFailedError: Spark could not write; nothing of this landing is committed.
    """
    checked = checked_kind(kind)
    started = time.monotonic()
    # Looked at before anything else, so that a wrong path is told before anything is written.
    discover(paths)

    tell = prefixed(progress, f"landing {checked}: ")
    with landing_lock(settings.home, tell, _LOCK_WAIT_SECONDS), _readable_errors(checked):
        if mapping is not None:
            check_sql(spark, mapping)
        create_raw_tables(spark)
        report = _landed(spark, Reading(checked, mapping), paths, settings, tell, started)
    tell(_summary(report))
    return report


def _landed(
    spark: SparkSession,
    reading: Reading,
    paths: Sequence[Path],
    settings: Settings,
    tell: Progress,
    started: float,
) -> LandingReport:
    lost, kind = 0, reading.kind
    for _ in range(_MAX_ATTEMPTS):
        landing = _next_landing(spark, reading, lost)
        # After the number: whatever a ghost commits from here on takes the number from us.
        find = partial(landed_sums, spark, kind)
        found = survey(paths, reading.fields, settings.settle_seconds, find, tell, reading.foreign)
        done, found, notes = _write_records(spark, landing, found, settings, tell)
        if not found.files:
            return _report(kind, None, (), found, started, ())
        if done:
            offered = {file.sha256: file for file in found.files}
            files = landed_files(spark, kind, landing.batch, offered)
            _register(spark, landing, files)
            return _report(kind, landing.batch, tuple(files), found, started, notes)
        tell("another writer was faster: looking again")
        lost = max(landing.batch, greatest_number(spark, kind))
    raise RunFailedError(f"landing {kind}: other writers keep interfering; run again")


def _next_landing(spark: SparkSession, reading: Reading, lost: int) -> _Landing:
    """Mend the register and take the next number, greater than the one that was lost."""
    kind = reading.kind
    try:
        numbers = mend_register(spark, kind)
    except PySparkException as error:
        if not _is_conflict(error):
            raise
        # The ghost of the landing that owed these rows wrote them itself just now.
        numbers = mend_register(spark, kind)
    batch = max(numbers.records, numbers.register, lost) + 1
    note = json.dumps({"landing": str(uuid.uuid4()), "kind": kind, "batch": batch})
    return _Landing(kind, batch, dt.datetime.now(dt.UTC), note, reading)


def _register(spark: SparkSession, landing: _Landing, files: Sequence[LandedFile]) -> None:
    try:
        write_register(spark, landing.kind, landing.batch, landing.landed_at, files)
    except PySparkException as error:
        if not _is_conflict(error):
            raise
        # A ghost of ours (a statement that Spark Connect sent twice) wrote the same rows.
        _LOG.info("landing %s of %s was registered already", landing.batch, landing.kind)


def _write_records(
    spark: SparkSession, landing: _Landing, found: Survey, settings: Settings, tell: Progress
) -> tuple[bool, Survey, tuple[FileNote, ...]]:
    """Commit the records of all files that hold still; without those that do not.

    Returns:
        Whether the commit is ours, what was found less the files that failed, and what a mapping
        left out.
    """
    notes: tuple[FileNote, ...] = ()
    while found.files:
        tell(f"{_count(len(found.files), 'file')}, {_megabytes(found.size_bytes)}")
        try:
            title = f"landing {landing.kind}"
            with (
                watching(spark, len(found.files), found.size_bytes, tell, title) as watch,
                landing.reading.session(spark),
            ):
                notes = _append_records(spark, landing, found.files, settings, watch)
        except PySparkException as error:
            if _is_conflict(error):
                return False, found, ()
            found = _without_failed(found, error)
        else:
            return _is_ours(spark, landing), found, notes
    return False, found, ()


def _append_records(
    spark: SparkSession,
    landing: _Landing,
    files: Sequence[SourceFile],
    settings: Settings,
    watch: LandingWatch,
) -> tuple[FileNote, ...]:
    reading, tasks = landing.reading, _tasks(files, settings)
    records = reading.records(spark, tasks)
    # Before the commit: a file that fails here is left out as one that fails there.
    notes = reading.notes(records)
    watch.task_count = len(tasks)
    frame = reading.as_landed(records).transform(partial(_with_landing, landing))
    table = records_table(landing.kind)
    append_once(frame, table, table, landing.batch, landing.note)
    return notes


def _tasks(files: Sequence[SourceFile], settings: Settings) -> list[tuple[Piece, ...]]:
    pieces = [piece for file in files for piece in file.pieces]
    # Twice the cores, so that one slow task does not leave the others idle for long.
    at_least = 2 * (settings.cores or os.cpu_count() or 1)
    return packed(pieces, _TASK_BYTES, at_least)


def _with_landing(landing: _Landing, records: DataFrame) -> DataFrame:
    return (
        records.withColumn("landed_at", F.lit(landing.landed_at))
        .withColumn("batch", F.lit(landing.batch).cast("bigint"))
        .select(*record_columns(landing.kind))
    )


def _is_ours(spark: SparkSession, landing: _Landing) -> bool:
    """Whether our commit went through, or its number had been taken and Delta skipped it."""
    history = spark.sql(f"describe history {records_table(landing.kind)} limit {_HISTORY_LIMIT}")
    return not history.where(F.col("userMetadata") == landing.note).isEmpty()


def _without_failed(found: Survey, error: PySparkException) -> Survey:
    """Leave out the file that made the job fail, and those that changed by now.

    Raises:
        PySparkException: the job failed for another reason.
    """
    failure = failed_piece(str(error))
    if failure is None:
        raise error
    growing = list(found.growing)
    refused = list(found.refused)
    files: list[SourceFile] = []
    for file in found.files:
        is_culprit = file.sha256 == failure.sha256
        if is_culprit and not failure.is_changed:
            refused.append(FileNote(file.source_file, f"broken: {failure.reason}"))
        elif is_culprit or _has_changed(file):
            growing.append(FileNote(file.source_file, STILL_GROWING))
        else:
            files.append(file)
    return Survey(tuple(files), found.skipped, tuple(refused), found.ignored, tuple(growing))


def _has_changed(file: SourceFile) -> bool:
    try:
        state = file.path.stat()
    except OSError:
        return True
    seen = {(piece.size, piece.mtime_ns) for piece in file.pieces}
    return bool(seen) and (state.st_size, state.st_mtime_ns) not in seen


def _report(
    kind: Kind,
    batch: int | None,
    files: tuple[LandedFile, ...],
    found: Survey,
    started: float,
    notes: tuple[FileNote, ...],
) -> LandingReport:
    empty = tuple(
        FileNote(file.source_file, "no records in it")
        for file, source in zip(files, found.files, strict=True)
        if not file.record_count and source.pieces
    )
    return LandingReport(
        kind=kind,
        batch=batch,
        landed=files,
        skipped=found.skipped,
        refused=found.refused,
        ignored=found.ignored,
        growing=found.growing,
        notes=_notes(found.files) + empty + notes,
        record_count=sum(file.record_count for file in files),
        unreadable_count=sum(file.unreadable_count for file in files),
        size_bytes=found.size_bytes,
        seconds=time.monotonic() - started,
    )


def _notes(files: Iterable[SourceFile]) -> tuple[FileNote, ...]:
    return tuple(FileNote(file.source_file, file.note) for file in files if file.note)


def _summary(report: LandingReport) -> str:
    parts = [
        f"{report.record_count:,} records of {_count(len(report.landed), 'file')} "
        f"in {report.seconds:.1f} s"
    ]
    for count, what in (
        (report.unreadable_count, "unreadable records"),
        (len(report.skipped), "skipped"),
        (len(report.refused), "refused"),
        (len(report.growing), "still growing"),
    ):
        if count:
            parts.append(f"{count:,} {what}")
    return ", ".join(parts)


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _nothing_landed(sums: Iterable[str]) -> set[str]:
    del sums
    return set()


def _is_conflict(error: PySparkException) -> bool:
    text = str(error)
    return "DELTA_CONCURRENT" in text or "ConcurrentTransactionException" in text


@contextmanager
def _readable_errors(kind: Kind) -> Iterator[None]:
    """Turn what Spark raises into one line for the user; the log has the rest.

    Raises:
        ServerError: the server went away.
        RunFailedError: Spark failed.
    """
    try:
        yield
    except PySparkException as error:
        _LOG.debug("landing %s failed", kind, exc_info=error)
        text = str(error)
        if is_gone(text):
            raise ServerError(
                f"the Spark server went away while landing {kind}: run again, "
                "nothing is lost or doubled"
            ) from error
        lost = damage(text)
        if lost is not None:
            raise RunFailedError(f"landing {kind}: {lost}") from error
        first = next((line.strip() for line in text.splitlines() if line.strip()), "no message")
        raise RunFailedError(f"landing {kind} failed in Spark: {first[:500]}") from error
