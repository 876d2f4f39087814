"""``raw.landed_files``: which files have landed, and with which number."""

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dagster_code.lib.landing.discover import suffix_hint
from dagster_code.lib.landing.recognise import SourceFile
from dagster_code.lib.landing.schema import (
    REGISTER_SCHEMA,
    REGISTER_TABLE,
    Kind,
    records_table,
)

_LOG = logging.getLogger(__name__)

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORMAT_BY_HINT = {
    "json_lines": "jsonl",
    "json": "jsonl",
    "csv": "csv",
    "tsv": "csv",
    "parquet": "parquet",
}


@dataclass(frozen=True)
class Numbers:
    """The last numbers given to landings of a kind; 0 before the first.

    Attributes:
        records: the greatest in the table of records.
        register: the greatest in the register.
    """

    records: int
    register: int


@dataclass(frozen=True)
class LandedFile:
    """A row of the register.

    Attributes:
        source_file: path of the file.
        sha256: SHA-256 of its bytes, hexadecimal.
        format: ``jsonl``, ``csv`` or ``parquet``; ``None`` if it cannot be known any more.
        size_bytes: size of the file; ``None`` likewise.
        record_count: records it brought, unreadable ones included.
        unreadable_count: those that could not be read.
    """

    source_file: str
    sha256: str
    format: str | None
    size_bytes: int | None
    record_count: int
    unreadable_count: int


def landing_numbers(spark: SparkSession, kind: Kind) -> Numbers:
    """Read the last numbers, from the metadata of the records and from the register.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.
    """
    # Without a filter Delta answers max() from its statistics, however many records there are.
    records = spark.table(records_table(kind)).agg(F.max("batch")).first()
    register = spark.table(REGISTER_TABLE).where(F.col("kind") == kind).agg(F.max("batch")).first()
    return Numbers((records and records[0]) or 0, (register and register[0]) or 0)


def greatest_number(spark: SparkSession, kind: Kind) -> int:
    """Read from Delta's history the greatest number that a landing was ever given.

    Where the table was restored to an earlier version its records no longer tell it, but Delta
    still lets no number through that it has seen.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.
    """
    history = spark.sql(f"describe history {records_table(kind)}")
    noted = F.get_json_object("userMetadata", "$.batch").cast("bigint")
    found = history.agg(F.max(noted)).first()
    return (found and found[0]) or 0


def landed_sums(spark: SparkSession, kind: Kind, sums: Iterable[str]) -> set[str]:
    """Find which files have landed already.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.
        sums: SHA-256 sums of files, hexadecimal.
    """
    offered = spark.createDataFrame([(text,) for text in sums], "source_sha256 string")
    register = spark.table(REGISTER_TABLE).where(F.col("kind") == kind)
    # One short row a file: the answer is as small as what was asked.
    rows = offered.join(register, "source_sha256", "left_semi").collect()
    return {row["source_sha256"] for row in rows}


def write_register(
    spark: SparkSession,
    kind: Kind,
    batch: int,
    landed_at: dt.datetime,
    files: Sequence[LandedFile],
) -> None:
    """Add files to the register; a second call with the same kind and number adds nothing.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.
        batch: number of the landing.
        landed_at: when it began, with a time zone.
        files: its files.
    """
    rows = [
        (
            kind,
            file.sha256,
            file.source_file,
            file.format,
            file.size_bytes,
            file.record_count,
            file.unreadable_count,
            batch,
            landed_at,
        )
        for file in files
    ]
    frame = spark.createDataFrame(rows, REGISTER_SCHEMA).coalesce(1)
    append_once(frame, REGISTER_TABLE, f"{REGISTER_TABLE}.{kind}", batch, f"{kind} {batch}")


def append_once(frame: DataFrame, table: str, application: str, batch: int, note: str) -> None:
    """Append to a Delta table in one commit, unless this number has been used before.

    Args:
        frame: what to append.
        table: name of the table.
        application: ``txnAppId``: the numbers of each are counted apart.
        batch: ``txnVersion``: Delta lets only one commit with it through, and none below it.
        note: kept in the commit's ``userMetadata``.
    """
    writer = frame.write.format("delta").mode("append")
    numbered = writer.option("txnAppId", application).option("txnVersion", batch)
    numbered.option("userMetadata", note).saveAsTable(table)


def landed_files(
    spark: SparkSession, kind: Kind, batch: int, offered: Mapping[str, SourceFile]
) -> list[LandedFile]:
    """Count what a landing brought, file by file, from its committed records.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.
        batch: number of the landing.
        offered: its files by SHA-256, those without a record too; empty when they are not known
            any more.
    """
    counted = (
        spark.table(records_table(kind))
        .where(F.col("batch") == batch)
        .groupBy("source_sha256", "source_file")
        .agg(F.count("*").alias("records"), F.count("problem").alias("unreadable"))
        .collect()
    )
    counts = {row["source_sha256"]: (row["records"], row["unreadable"]) for row in counted}
    found = [
        LandedFile(
            file.source_file, sha256, file.format, file.size_bytes, *counts.get(sha256, (0, 0))
        )
        for sha256, file in offered.items()
    ]
    forgotten = [row for row in counted if row["source_sha256"] not in offered]
    return found + [
        _remembered(row["source_file"], row["source_sha256"], row["records"], row["unreadable"])
        for row in forgotten
    ]


def mend_register(spark: SparkSession, kind: Kind) -> Numbers:
    """Write the rows that a landing owes which died after its records were committed.

    Args:
        spark: session.
        kind: ``events``, ``clients`` or ``spend``.

    Returns:
        The last numbers, after mending.
    """
    numbers = landing_numbers(spark, kind)
    if numbers.records <= numbers.register:
        return numbers
    # Every landing begins with this, so there is never more than one number missing; the range
    # costs nothing and does not depend on that.
    owed = (
        spark.table(records_table(kind))
        .where(F.col("batch") > numbers.register)
        .groupBy("batch")
        .agg(F.unix_micros(F.max("landed_at")).alias("landed_at"))
        .orderBy("batch")
        .collect()
    )
    for row in owed:
        landed_at = _EPOCH + dt.timedelta(microseconds=row["landed_at"])
        files = landed_files(spark, kind, row["batch"], {})
        write_register(spark, kind, row["batch"], landed_at, files)
        _LOG.info("registered %d files of unfinished landing %s", len(files), row["batch"])
    return landing_numbers(spark, kind)


def _remembered(source_file: str, sha256: str, records: int, unreadable: int) -> LandedFile:
    """Describe a file as well as its name and the disk still can."""
    path = Path(source_file)
    hint = suffix_hint(path)
    try:
        size: int | None = path.stat().st_size
    except OSError:
        size = None
    return LandedFile(
        source_file, sha256, _FORMAT_BY_HINT.get(hint or ""), size, records, unreadable
    )
