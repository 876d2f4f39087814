"""Facts across the tables: money, keys, windows, completeness."""

from collections.abc import Iterator
from itertools import chain

import dagster as dg

from dagster_code.defs.resources import AttributionHome
from dagster_code.lib import build_state
from dagster_code.lib.progress import also_to
from dagster_code.lib.quality import Outcome, QualityCheck, last_checked_batch, run_checks
from dagster_code.lib.quality_checks import CHECKS
from dagster_code.lib.quality_ranges import RANGE_CHECKS, RangeCheck, run_ranges
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
STAGING = ("stg_events", "stg_clients", "stg_ad_spend", "rejected_events")
_READ_TABLES = [
    *(dg.AssetKey(["marts", table]) for table in MARTS),
    *(dg.AssetKey(["staging", table]) for table in STAGING),
]


Check = QualityCheck | RangeCheck
ALL_CHECKS: tuple[Check, ...] = (*CHECKS, *RANGE_CHECKS)


def _spec(check: Check) -> dg.AssetCheckSpec:
    own = dg.AssetKey(list(check.table))
    return dg.AssetCheckSpec(
        check.name,
        asset=own,
        description=check.description,
        blocking=check.is_blocking,
        additional_deps=[key for key in _READ_TABLES if key != own],
    )


def as_check_result(check: Check, outcome: Outcome, sql: str) -> dg.AssetCheckResult:
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
        description=outcome.message,
        metadata={
            "observed": str(outcome.observed),
            "expected": str(outcome.expected),
            "spark_query": sql_note(sql),
            **{
                name: dg.MetadataValue.float(float(number))
                for name, number in outcome.numbers.items()
            },
        },
    )


@dg.multi_asset_check(
    name="attribution_quality_check",
    specs=[_spec(check) for check in ALL_CHECKS],
    description=(
        "Facts that hold across the tables, of which money and keys stop the run when they fail;"
        " and whether the newest day is like the days before it."
    ),
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
    variables = build_state.variables_of_tables(home.settings)
    state = build_state.latest(home.settings)
    selected = {key.name for key in context.selected_asset_check_keys}
    facts = [check for check in CHECKS if check.name in selected]
    ranges = [check for check in RANGE_CHECKS if check.name in selected]
    is_increment = state is not None and state.run_id == context.run.run_id and state.is_on_checked
    can_look_at_less = is_increment and any(check.increment_sql is not None for check in facts)
    checked_batch = last_checked_batch(spark) if can_look_at_less else None
    has_failed = False
    outcomes: Iterator[tuple[Check, Outcome, str]] = chain(
        run_checks(spark, facts, variables, checked_batch), run_ranges(spark, ranges, variables)
    )
    for check, outcome, sql in outcomes:
        has_failed |= not outcome.passed and not check.is_warning
        yield as_check_result(check, outcome, sql)
    if not has_failed and len(selected) == len(ALL_CHECKS):
        rules = build_state.rule_versions(spark)
        build_state.complete(home.settings, context.run.run_id, rules)
