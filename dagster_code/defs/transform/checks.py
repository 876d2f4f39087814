"""Facts across the tables: money, keys, windows, completeness."""

from collections.abc import Iterator

import dagster as dg

from dagster_code.defs.resources import AttributionHome
from dagster_code.lib import build_state
from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.progress import also_to
from dagster_code.lib.quality import CHECKS, Outcome, QualityCheck, run_checks
from dagster_code.lib.tables import sql_note

# A check of one table still waits for all that it reads.
MARTS = (
    "first_touch_attribution",
    "last_touch_attribution",
    "conversion_paths",
    "client_journeys",
    "channel_performance",
    "attribution_explain",
    "rejected_events_summary",
)
STAGING = ("stg_events", "stg_clients", "rejected_events")
_READ_TABLES = [
    *(dg.AssetKey(["marts", table]) for table in MARTS),
    *(dg.AssetKey(["staging", table]) for table in STAGING),
]


def _spec(check: QualityCheck) -> dg.AssetCheckSpec:
    own = dg.AssetKey(list(check.table))
    return dg.AssetCheckSpec(
        check.name,
        asset=own,
        description=check.description,
        blocking=check.is_blocking,
        additional_deps=[key for key in _READ_TABLES if key != own],
    )


def as_check_result(check: QualityCheck, outcome: Outcome, sql: str) -> dg.AssetCheckResult:
    """Report an outcome with the statement that shows it.

    Args:
        check: the check.
        outcome: what it found.
        sql: its statement.
    """
    severity = dg.AssetCheckSeverity.WARN if check.is_warning else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=dg.AssetKey(list(check.table)),
        check_name=check.name,
        severity=severity,
        description=f"observed {outcome.observed}, expected {check.rule} {outcome.expected}",
        metadata={
            "observed": str(outcome.observed),
            "expected": str(outcome.expected),
            "spark_query": sql_note(sql),
        },
    )


@dg.multi_asset_check(
    name="attribution_quality_check",
    specs=[_spec(check) for check in CHECKS],
    description="Facts that hold across the tables; money and keys stop the run when they fail.",
    can_subset=True,
    pool="spark_thrift",
)
def attribution_quality_check(
    context: dg.AssetCheckExecutionContext, home: AttributionHome
) -> Iterator[dg.AssetCheckResult]:
    """Run the selected checks; when all hold, the build that they looked at is complete."""
    progress = also_to(context.log.info)
    progress("checking the tables")
    spark = home.connect(progress)
    state = build_state.latest(home.settings)
    variables = declared_variables() if state is None else state.inputs.variables
    selected = {key.name for key in context.selected_asset_check_keys}
    wanted = [check for check in CHECKS if check.name in selected]
    has_failed = False
    for check, outcome, sql in run_checks(spark, wanted, variables):
        has_failed |= not outcome.passed and not check.is_warning
        yield as_check_result(check, outcome, sql)
    if not has_failed and len(wanted) == len(CHECKS):
        build_state.complete(home.settings, context.run.run_id)
