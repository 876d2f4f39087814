"""What lands: the raw tables, as delivered."""

import dagster as dg
from pydantic import Field

from dagster_code.defs.ingestion.steps import RAW_COLUMNS_NOTE, land_kind, landing_result
from dagster_code.defs.resources import AttributionHome
from dagster_code.lib.landing.schema import KINDS, REGISTER_TABLE, Kind, records_table

# What passes by itself: a busy disk, a server that was just restarted. Mistakes in the input are
# never retried: they come back as dg.Failure(allow_retries=False).
IO_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
EVERY_FILE_LANDED = "every_file_landed"


class LandingConfig(dg.Config):
    """What a run lands into one raw table.

    Attributes:
        paths: files or folders; none means the table's folder below the landing folder.
        is_skipped: land nothing; the table is made if it is missing.
        mapping: events alone: a mapping that reads records of another form, shipped (ga4, segment,
            snowplow_table, snowplow_tsv) or the path of a file.
    """

    paths: list[str] = Field(
        default=[],
        description="Files or folders to land; none means the table's folder below the landing"
        " folder of the home.",
    )
    is_skipped: bool = Field(
        default=False, description="Land nothing; the table is made if it is missing."
    )
    mapping: str = Field(
        default="",
        description="Of events alone: the mapping that reads records of another form: ga4, segment,"
        " snowplow_table, snowplow_tsv, or the path of a file; empty: the plain form.",
    )


def _landing_asset(kind: Kind, description: str) -> dg.AssetsDefinition:
    schema, table = records_table(kind).split(".")

    @dg.asset(
        key=[schema, table],
        group_name="raw",
        owners=["team:data-platform"],
        kinds={"spark", "deltalake"},
        pool="spark_thrift",
        retry_policy=IO_RETRIES,
        check_specs=[
            dg.AssetCheckSpec(
                EVERY_FILE_LANDED,
                asset=[schema, table],
                description="No offered file was refused, and none was still growing.",
            )
        ],
        description=f"{description} {RAW_COLUMNS_NOTE}",
    )
    def landing(
        context: dg.AssetExecutionContext, config: LandingConfig, home: AttributionHome
    ) -> dg.MaterializeResult:
        """Land new files of one kind."""
        landed = land_kind(
            kind, config.paths, config.is_skipped, home, context, mapping=config.mapping
        )
        return landing_result(kind, EVERY_FILE_LANDED, landed)

    return landing


raw_events = _landing_asset("events", "Events, one row per delivered record, uninterpreted.")
raw_clients = _landing_asset(
    "clients",
    "What is known of clients, one row per delivered record, uninterpreted; may stay empty.",
)
raw_ad_spend = _landing_asset(
    "spend",
    "What was spent on advertising, one row per delivered record, uninterpreted; may stay empty.",
)

# Every landing writes it along with the records, so no step of its own makes it.
landed_files = dg.AssetSpec(
    key=REGISTER_TABLE.split("."),
    deps=[dg.AssetKey(records_table(kind).split(".")) for kind in KINDS],
    group_name="raw",
    owners=["team:data-platform"],
    kinds={"spark", "deltalake"},
    description="The register of files: one row per file that has landed, with what it brought.",
)
