"""A home's tables: can each be opened by this Delta, are its files there and whole."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from dagster_code.lib.doctor.findings import Finding, ill, noted, well
from dagster_code.lib.upkeep import SCHEMAS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TABLES_AT_ONCE = 4
_PARQUET_MARK = b"PAR1"
# What the pinned Delta reads and writes; a table that asks for more was made by another engine.
_READER_VERSION, _WRITER_VERSION = 3, 7
_NAMED_FILES = 3


@dataclass(frozen=True)
class TableLook:
    """What was seen of a table.

    Attributes:
        table: with its schema.
        file_count: how many files it has now.
        ills: what is wrong with it, in words.
    """

    table: str
    file_count: int = 0
    ills: Sequence[str] = ()


def table_findings(spark: "SparkSession") -> Iterator[Finding]:
    """Look at every table of the schemas that the pipeline writes.

    Args:
        spark: a session on the home's server.
    """
    tables = [
        f"{schema}.{table.name}"
        for schema in SCHEMAS
        if spark.catalog.databaseExists(schema)
        for table in spark.catalog.listTables(schema)
        # Temporary views have no namespace.
        if table.namespace and table.tableType != "VIEW"
    ]
    if not tables:
        yield noted("tables", "none", "`attribution run` makes them")
        return
    with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
        looks = list(pool.map(lambda table: _look(spark, table), tables))
    for look in looks:
        for seen in look.ills:
            yield ill(look.table, seen, _remedy(look.table))
    whole = [look for look in looks if not look.ills]
    files = sum(look.file_count for look in whole)
    yield well("tables", f"{len(whole)} of {len(looks)} are whole, with {files:,} files")


def _look(spark: "SparkSession", table: str) -> TableLook:
    from pyspark.errors import PySparkException

    try:
        detail = spark.sql(f"describe detail {table}").first()
        files = spark.table(table).inputFiles()
    except PySparkException as error:
        return TableLook(table, ills=[f"cannot be opened: {_first_line(error)}"])
    ills = [] if detail is None else list(protocol_ills(detail.asDict()))
    return TableLook(table, len(files), [*ills, *file_ills(files)])


def protocol_ills(detail: Mapping[str, Any]) -> Iterator[str]:
    """Say what of a table's protocol is beyond the pinned Delta.

    Args:
        detail: as ``describe detail`` gives it.
    """
    versions = detail["minReaderVersion"], detail["minWriterVersion"]
    if versions[0] > _READER_VERSION or versions[1] > _WRITER_VERSION:
        yield (
            f"asks for reader version {versions[0]} and writer version {versions[1]}; this Delta"
            f" has {_READER_VERSION} and {_WRITER_VERSION}"
        )


def file_ills(uris: Sequence[str]) -> Iterator[str]:
    """Say which of a table's files are lost or cut off; those of an object store are not opened.

    Args:
        uris: of Parquet files.
    """
    lost, cut_off = [], []
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme not in ("", "file"):
            continue
        path = Path(unquote(parts.path))
        try:
            with path.open("rb") as file:
                file.seek(-len(_PARQUET_MARK), 2)
                is_whole = file.read() == _PARQUET_MARK
        except FileNotFoundError:
            lost.append(path)
        except OSError:
            # shorter than its mark, or it cannot be read
            cut_off.append(path)
        else:
            if not is_whole:
                cut_off.append(path)
    for what, paths in (("lost", lost), ("cut off or unreadable", cut_off)):
        if paths:
            named = ", ".join(str(path) for path in sorted(paths)[:_NAMED_FILES])
            more = f" and {len(paths) - _NAMED_FILES} more" if len(paths) > _NAMED_FILES else ""
            yield f"{len(paths)} of {len(uris)} files are {what}: {named}{more}"


def _remedy(table: str) -> str:
    if table.startswith("raw."):
        return "put it back from a backup, or see `docs/runbook.md`, A lost file"
    return "`attribution run --full-refresh` makes it anew from raw.*"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason is given"])[0]
