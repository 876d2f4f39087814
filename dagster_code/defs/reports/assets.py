"""What people read: the marts as one page."""

from collections.abc import Iterator

import dagster as dg

from dagster_code.defs.reports.steps import REPORT_KEY, report_metadata, write_home_report
from dagster_code.defs.resources import AttributionHome
from dagster_code.defs.transform import assets as transform

_READ = {
    "staging": ("stg_events", "stg_clients", "stg_rule_version", "rejected_events"),
    "marts": (
        "first_touch_attribution",
        "last_touch_attribution",
        "multi_touch_attribution",
        "model_comparison",
        "conversion_paths",
        "client_journeys",
        "channel_performance",
    ),
}


# Blocking checks of what it reads come before it, and keep it from showing wrong money.
@dg.asset(
    key=REPORT_KEY,
    deps=[dg.AssetKey([schema, table]) for schema, tables in _READ.items() for table in tables],
    group_name="reports",
    owners=["team:marketing-analytics"],
    kinds={"spark", "html"},
    pool="spark_thrift",
    output_required=False,
)
def attribution_report(
    context: dg.AssetExecutionContext, home: AttributionHome
) -> Iterator[dg.MaterializeResult]:
    """One self-contained HTML page of the marts, for those who decide by them.

    Revenue by channel under every model, first against last touch, journeys, paths, costs, and
    what to know of the data's quality.

    Every run that builds writes it to `reports/attribution.html` of the home; with nothing new it
    stays, unless it is missing. `attribution report` writes it at any time; with
    `ATTRIBUTION_REPORT=no` nothing else does.
    """
    if home.settings.writes_report:
        written = write_home_report(home, context, transform.attribution_models)
        yield dg.MaterializeResult(metadata=report_metadata(written))
