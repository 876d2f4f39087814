"""The step of a publication, and what Dagster shows of it."""

from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from dagster_code.defs.resources import AttributionHome
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import also_to
from dagster_code.lib.publish.marts import Mart
from dagster_code.lib.publish.run import Publication, publish


def publish_marts(
    home: AttributionHome, marts: Sequence[Mart], context: dg.AssetExecutionContext
) -> list[Publication]:
    """Publish on the server of the home.

    Args:
        home: whose marts; its writer lock is held, so they do not change meanwhile.
        marts: which ones.
        context: of the step.

    Raises:
        dagster.Failure: says in one line what went wrong.
    """
    progress = also_to(context.log.info)
    try:
        return publish(home.connect(progress), home.settings, marts, progress)
    except UserError as error:
        raise dg.Failure(description=str(error)) from error


def publication_result(done: Sequence[Publication]) -> dg.MaterializeResult:
    """Report a publication: totals, which Dagster draws over time, and a row for each mart.

    Args:
        done: what became of each mart.
    """
    columns = [
        dg.TableColumn("mart", "string"),
        dg.TableColumn("why", "string"),
        dg.TableColumn("rows_written", "int"),
        dg.TableColumn("rows_deleted", "int"),
        dg.TableColumn("row_count", "int"),
    ]
    records = [dg.TableRecord(asdict(publication)) for publication in done]
    return dg.MaterializeResult(
        metadata={
            "rows_written": sum(publication.rows_written for publication in done),
            "rows_deleted": sum(publication.rows_deleted for publication in done),
            "row_count": sum(publication.row_count for publication in done),
            "marts": dg.MetadataValue.table(records, schema=dg.TableSchema(columns)),
        }
    )
