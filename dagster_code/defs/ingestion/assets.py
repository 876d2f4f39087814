"""What lands: the raw tables, as delivered."""

import dagster as dg
from pydantic import Field

from dagster_code.defs.ingestion.steps import RAW_COLUMNS_NOTE, land_kind, landing_result
from dagster_code.defs.resources import AttributionHome

# What passes by itself: a busy disk, a server that was just restarted. Mistakes in the input are
# never retried: they come back as dg.Failure(allow_retries=False).
IO_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
EVERY_FILE_LANDED = "every_file_landed"


class LandingConfig(dg.Config):
    """What a run lands into one raw table.

    Attributes:
        paths: files or folders; none means the table's folder below the landing folder.
        is_skipped: land nothing; the table is made if it is missing.
    """

    paths: list[str] = Field(default_factory=list)
    is_skipped: bool = False


def _file_check(table: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        EVERY_FILE_LANDED,
        asset=["raw", table],
        description="No offered file was refused, and none was still growing.",
    )


@dg.asset(
    key=["raw", "events"],
    group_name="raw",
    owners=["team:data-platform"],
    kinds={"spark", "deltalake"},
    pool="spark_thrift",
    retry_policy=IO_RETRIES,
    check_specs=[_file_check("events")],
    description=f"Events, one row per delivered record, uninterpreted. {RAW_COLUMNS_NOTE}",
)
def raw_events(
    context: dg.AssetExecutionContext, config: LandingConfig, home: AttributionHome
) -> dg.MaterializeResult:
    """Land new event files."""
    landed = land_kind("events", config.paths, config.is_skipped, home, context)
    return landing_result("events", EVERY_FILE_LANDED, landed)


@dg.asset(
    key=["raw", "clients"],
    group_name="raw",
    owners=["team:data-platform"],
    kinds={"spark", "deltalake"},
    pool="spark_thrift",
    retry_policy=IO_RETRIES,
    check_specs=[_file_check("clients")],
    description=(
        "What is known of clients, one row per delivered record, uninterpreted; may stay empty."
        f" {RAW_COLUMNS_NOTE}"
    ),
)
def raw_clients(
    context: dg.AssetExecutionContext, config: LandingConfig, home: AttributionHome
) -> dg.MaterializeResult:
    """Land new client files."""
    landed = land_kind("clients", config.paths, config.is_skipped, home, context)
    return landing_result("clients", EVERY_FILE_LANDED, landed)


@dg.asset(
    key=["raw", "ad_spend"],
    group_name="raw",
    owners=["team:data-platform"],
    kinds={"spark", "deltalake"},
    pool="spark_thrift",
    retry_policy=IO_RETRIES,
    check_specs=[_file_check("ad_spend")],
    description=(
        "What was spent on advertising, one row per delivered record, uninterpreted; may stay"
        f" empty. {RAW_COLUMNS_NOTE}"
    ),
)
def raw_ad_spend(
    context: dg.AssetExecutionContext, config: LandingConfig, home: AttributionHome
) -> dg.MaterializeResult:
    """Land new files of ad spend."""
    landed = land_kind("spend", config.paths, config.is_skipped, home, context)
    return landing_result("spend", EVERY_FILE_LANDED, landed)
