"""The steps of a landing: what it lands from, and what Dagster shows of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from dagster_code.defs.resources import AttributionHome
from dagster_code.lib.errors import ServerError, UserError
from dagster_code.lib.glimpse import sample
from dagster_code.lib.landing.discover import FileNote
from dagster_code.lib.landing.land import create_raw_tables, land, landing_paths
from dagster_code.lib.landing.report import LandingReport, landing_metadata
from dagster_code.lib.landing.schema import Kind, records_table
from dagster_code.lib.mapping.mapping import EventMapping, load_mapping
from dagster_code.lib.progress import also_to
from dagster_code.lib.tables import column_schema, row_count, sql_note, table_uri

RAW_COLUMNS_NOTE = (
    "Known fields as text, unknown ones in `extra`, unreadable records in `unreadable`; each with"
    " its file, position, landing time (UTC) and batch. A file's content lands exactly once."
)


@dataclass(frozen=True)
class Landed:
    """A landing and the table after it.

    Attributes:
        report: what the landing did; ``None`` when the run was not to land this kind.
        row_count: rows of the whole table.
        columns: its columns.
        sample: its first rows; ``None`` where they are not to be shown.
        uri: its folder.
    """

    report: LandingReport | None
    row_count: int
    columns: dg.TableSchema
    sample: dg.TableMetadataValue | None
    uri: str


def land_kind(
    kind: Kind,
    paths: Sequence[str],
    is_skipped: bool,
    home: AttributionHome,
    context: dg.AssetExecutionContext,
    *,
    mapping: str = "",
) -> Landed:
    """Land one kind of records.

    Args:
        kind: ``events``, ``clients`` or ``spend``.
        paths: files or folders; none means the kind's folder below the landing folder.
        is_skipped: land nothing, only see to it that the table is there.
        home: the home to land in.
        context: of the step.
        mapping: name or path of the mapping that reads the events; empty: they need none.

    Raises:
        ServerError: the server went away or did not start; Dagster tries again.
        dagster.Failure: trying again would not help; says what would.
    """
    progress = also_to(context.log.info)
    spark = home.connect(progress)
    # After a lost connection the statement may run on: only what Spark itself ended is settled.
    with home.lock.writing(settled=(dg.Failure,)), _mistakes_are_final():
        offered = landing_paths(kind, paths, home.settings)
        report = None
        if is_skipped:
            create_raw_tables(spark)
        else:
            report = land(spark, kind, offered, home.settings, progress, _mapping(kind, mapping))
    table = records_table(kind)
    schema = spark.table(table).schema
    rows = sample(spark, table, schema) if home.settings.shows_sample_rows else None
    return Landed(
        report, row_count(spark, table), column_schema(schema), rows, table_uri(spark, table)
    )


def _mapping(kind: Kind, name: str) -> EventMapping | None:
    if name and kind != "events":
        raise UserError(f"a mapping makes events: it cannot read {kind}")
    return load_mapping(name) if name else None


@contextmanager
def _mistakes_are_final() -> Iterator[None]:
    try:
        yield
    except ServerError:
        raise
    except UserError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def landing_result(kind: Kind, check_name: str, landed: Landed) -> dg.MaterializeResult:
    """Report a landing.

    Args:
        kind: ``events``, ``clients`` or ``spend``.
        check_name: of the check that every offered file landed.
        landed: the landing and the table after it.
    """
    report = landed.report
    left = [] if report is None else [*report.refused, *report.growing]
    metadata: dict[str, Any] = {
        "dagster/row_count": landed.row_count,
        "dagster/column_schema": landed.columns,
        "dagster/uri": landed.uri,
        "dagster/relation_identifier": records_table(kind),
        "landing": dg.MetadataValue.json(landing_metadata(report)),
        "spark_query": sql_note(batch_query(kind, None if report is None else report.batch)),
    }
    if landed.sample is not None:
        metadata["sample_rows"] = landed.sample
    if report is not None:
        metadata |= {
            "landed_records": report.record_count,
            "landed_bytes": report.size_bytes,
            "duration_seconds": round(report.seconds, 2),
        }
    check = dg.AssetCheckResult(
        passed=not left,
        check_name=check_name,
        metadata={"observed": len(left), "expected": 0, "files": _names(left)},
    )
    return dg.MaterializeResult(metadata=metadata, check_results=[check])


def batch_query(kind: Kind, batch: int | None) -> str:
    """Write the statement that shows a landing's rows.

    Args:
        kind: ``events``, ``clients`` or ``spend``.
        batch: of the landing; ``None`` when nothing landed: the statement shows the latest.
    """
    table = records_table(kind)
    number = f"(select max(batch) from {table})" if batch is None else str(batch)
    return f"select * from {table}\nwhere batch = {number}\norder by source_file, source_position"


def _names(notes: Sequence[FileNote]) -> str:
    return "; ".join(f"{note.path}: {note.reason}" for note in notes)
