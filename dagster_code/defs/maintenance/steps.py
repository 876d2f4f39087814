"""The step of an upkeep, and what Dagster shows of it."""

from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from dagster_code.defs.resources import AttributionHome
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import also_to
from dagster_code.lib.upkeep import TableUpkeep, keep_up

_COUNTS = (
    "files_before",
    "files_after",
    "bytes_before",
    "bytes_after",
    "files_vacuumed",
    "bytes_vacuumed",
)


def keep_home_up(home: AttributionHome, context: dg.AssetExecutionContext) -> list[TableUpkeep]:
    """Do what pays, on the server of the home.

    Args:
        home: whose tables; its writer lock is held.
        context: of the step.

    Raises:
        dagster.Failure: says in one line what went wrong.
    """
    progress = also_to(context.log.info)
    try:
        spark = home.connect(progress)
        return keep_up(spark, home.lock, home.settings.vacuum_retention_hours, progress)
    except UserError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def upkeep_result(done: Sequence[TableUpkeep]) -> dg.MaterializeResult:
    """Report an upkeep: totals, which Dagster draws over time, and a row for each table.

    Args:
        done: what was done to each table.
    """
    columns = [
        dg.TableColumn("table", "string"),
        dg.TableColumn("done", "string"),
        *(dg.TableColumn(count, "int") for count in _COUNTS),
        dg.TableColumn("seconds", "float"),
    ]
    records = [
        dg.TableRecord(
            {**asdict(upkeep), "done": ", ".join(upkeep.done), "seconds": round(upkeep.seconds, 1)}
        )
        for upkeep in done
    ]
    return dg.MaterializeResult(
        metadata={
            "tables": dg.MetadataValue.table(records, schema=dg.TableSchema(columns)),
            "tables_changed": sum(bool(upkeep.done) for upkeep in done),
            **{count: sum(getattr(upkeep, count) for upkeep in done) for count in _COUNTS},
            "duration_seconds": round(sum(upkeep.seconds for upkeep in done), 1),
        }
    )
