"""Staging to marts: every seed, model and data test of the dbt project."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets
from pydantic import Field

from dagster_code.defs.reports.steps import write_missing_report
from dagster_code.defs.resources import AttributionHome, LeanDbtCliResource
from dagster_code.defs.transform.steps import build_models, inputs_of_build, is_nothing_new
from dagster_code.defs.transform.translator import TRANSLATOR
from dagster_code.lib import build_state
from dagster_code.lib.dbt import build_arguments, prepare_manifest
from dagster_code.lib.progress import also_to, announce
from dagster_code.lib.settings import DBT_PROJECT_DIR, load_settings


class BuildConfig(dg.Config):
    """How a run builds.

    Attributes:
        full_refresh: build incremental models from nothing, also when nothing is new.
        variables: dbt variables that differ from ``dbt_project.yml``.
    """

    full_refresh: bool = Field(
        default=False, description="Build every table from nothing, also when nothing is new."
    )
    variables: dict[str, Any] = Field(
        default={},
        description="Rules for this run that differ from `vars` in dbt_spark/dbt_project.yml,"
        " like `attribution_window_days: 7`.",
    )


# Only files are needed to define the assets: no server, no network.
_settings = load_settings()
PROJECT = DbtProject(
    project_dir=DBT_PROJECT_DIR,
    profiles_dir=DBT_PROJECT_DIR,
    target_path=_settings.dbt_target_dir,
)
MANIFEST = prepare_manifest(_settings, announce)


@dbt_assets(
    manifest=MANIFEST.path,
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    pool="spark_thrift",
    name="attribution_models",
)
def attribution_models(
    context: dg.AssetExecutionContext,
    config: BuildConfig,
    home: AttributionHome,
    dbt: LeanDbtCliResource,
) -> Iterator[Any]:
    """Staging to marts: one dbt build over what has landed, or nothing if nothing is new."""
    progress = also_to(context.log.info)
    spark = home.connect(progress)
    inputs = inputs_of_build(spark, config.variables, MANIFEST)
    is_forced = config.full_refresh or context.is_subset
    if not is_forced and is_nothing_new(home.settings, inputs, progress):
        write_missing_report(home, context)
        return
    has_new_rules = is_forced or not build_state.has_same_rules(
        home.settings, inputs, build_state.rule_versions(spark)
    )
    arguments = build_arguments(config.variables, config.full_refresh, has_new_rules)
    yield from build_models(context, home, dbt, inputs, arguments, has_new_rules)
