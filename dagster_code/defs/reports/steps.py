"""The step that writes the attribution report, and what Dagster shows of it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import dagster as dg
import grpc
from pyspark.errors import PySparkException

from dagster_code.defs.ingestion import assets as ingestion
from dagster_code.defs.resources import AttributionHome
from dagster_code.defs.transform import checks as transform_checks
from dagster_code.lib.attribution_report.checks import last_results
from dagster_code.lib.attribution_report.preview import preview
from dagster_code.lib.attribution_report.write import (
    Written,
    checked_output,
    facts,
    is_current,
    write_report,
)
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import also_to
from dagster_code.lib.query import as_user_error

REPORT_KEY = dg.AssetKey(["reports", "attribution_report"])


def check_specs(models: dg.AssetsDefinition) -> Iterator[dg.AssetCheckSpec]:
    """Give every check that there is.

    Args:
        models: the dbt models, whose own step writes a missing report, and so knows of this one.
    """
    for checked in (
        ingestion.raw_events,
        ingestion.raw_clients,
        ingestion.raw_ad_spend,
        models,
        transform_checks.attribution_quality_check,
    ):
        yield from checked.check_specs


def write_home_report(
    home: AttributionHome, context: dg.AssetExecutionContext, models: dg.AssetsDefinition
) -> Written:
    """Write the page of the home.

    Args:
        home: whose marts; its writer lock is held, so they do not change meanwhile.
        context: of the step.
        models: the dbt models, for their checks.

    Raises:
        dagster.Failure: says in one line what went wrong.
    """
    progress = also_to(context.log.info)
    try:
        spark = home.connect(progress)
        checks = last_results(context.instance, check_specs(models))
        path = checked_output(None, home.settings)
        return write_report(spark, home.settings, checks, path, progress)
    except (PySparkException, grpc.RpcError) as error:
        raise dg.Failure(description=str(as_user_error(error))) from error
    except UserError as error:
        raise dg.Failure(description=str(error)) from error


def write_missing_report(home: AttributionHome, context: dg.AssetExecutionContext) -> None:
    """Write the page where it is missing, or older than the tables, and runs are to write it.

    With nothing new the tables stay as they are, and no step behind the models runs, the report's
    own included.

    Args:
        home: as for ``write_home_report``.
        context: of the models' step, which reports it in the place of the report's own.
    """
    if home.settings.writes_report and not is_current(home.settings):
        written = write_home_report(home, context, context.assets_def)
        context.log_event(dg.AssetMaterialization(REPORT_KEY, metadata=report_metadata(written)))


def report_metadata(written: Written) -> dict[str, Any]:
    """Tell of a page where it is, how big it is, and the numbers at its top.

    Args:
        written: the page.
    """
    numbers = {
        name: float(number) if isinstance(number, Decimal) else number
        for name, number in facts(written).items()
    }
    return {
        "path": dg.MetadataValue.path(written.path),
        "duration_seconds": round(written.seconds, 1),
        **numbers,
        "preview": dg.MetadataValue.md(preview(written.report)),
    }
