"""The marts in a database for BI tools: an asset that is there when the environment names one."""

import dagster as dg

from dagster_code.defs.publishing.steps import publication_result, publish_marts
from dagster_code.defs.resources import AttributionHome
from dagster_code.lib.dbt import prepare_manifest
from dagster_code.lib.progress import announce
from dagster_code.lib.publish.marts import marts_of
from dagster_code.lib.settings import load_settings


@dg.definitions
def publishing() -> dg.Definitions:
    """Give the asset, if ``ATTRIBUTION_PUBLISH_URL`` is set."""
    settings = load_settings()
    if settings.publish_to is None:
        return dg.Definitions()
    marts = list(marts_of(prepare_manifest(settings, announce).path, settings.publishes_events))

    # A blocking check of a mart that fails keeps this from running.
    @dg.asset(
        key=["published", "marts"],
        deps=[dg.AssetKey([mart.schema, mart.name]) for mart in marts],
        group_name="publishing",
        owners=["team:data-platform"],
        kinds={"postgres"},
        pool="spark_thrift",
    )
    def published_marts(
        context: dg.AssetExecutionContext, home: AttributionHome
    ) -> dg.MaterializeResult:
        """The marts, and the events, in PostgreSQL: keyed, indexed, all changed at one instant.

        Only what changed since the last publication goes over. Every column is read back and held
        against the mart before it counts.
        """
        return publication_result(publish_marts(home, marts, context))

    return dg.Definitions(assets=[published_marts])
