"""The steps of a build: what it is made from, dbt itself, what Dagster shows of each table."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from pyspark.sql import SparkSession

from dagster_code.defs.resources import AttributionHome, LeanDbtCliResource
from dagster_code.lib import build_state
from dagster_code.lib.build_progress import (
    BuildProgress,
    former_seconds,
    keep_former_results,
    planned_nodes,
)
from dagster_code.lib.build_state import BuildInputs
from dagster_code.lib.dbt import (
    Manifest,
    declared_variables,
    failed_build_message,
    failed_test_message,
    failures,
    project_checksum,
    run_target_dir,
    server_environment,
)
from dagster_code.lib.errors import UserError
from dagster_code.lib.glimpse import glimpses
from dagster_code.lib.progress import Progress, also_to, aside, watched
from dagster_code.lib.rules import check_rules
from dagster_code.lib.settings import Settings
from dagster_code.lib.tables import TableFact, column_schema, sql_note, table_facts
from dagster_code.lib.time_left import human_time

_DBT_GRACE_SECONDS = 5.0
# Tables whose first rows are shown: what others than the models read.
_SHOWN = re.compile(r"marts\.|staging\.(stg|rejected)_")


def inputs_of_build(
    spark: SparkSession, variables: Mapping[str, Any], manifest: Manifest
) -> BuildInputs:
    """Put together all that a build from now would be made from.

    Args:
        spark: a session on the home's server.
        variables: what differs from the project's defaults.
        manifest: what the assets were defined from.

    Raises:
        dagster.Failure: a rule seed has a mistake in it; or someone edited the dbt project since
            then: dbt would build models that Dagster does not know.
    """
    _refuse_wrong_rules()
    if project_checksum() != manifest.project_checksum:
        raise dg.Failure(
            description="the dbt project has changed since it was loaded; run this again"
            " (in Dagster's UI: reload the code location first)",
            allow_retries=False,
        )
    return BuildInputs(
        raw_versions=build_state.raw_versions(spark),
        project_checksum=manifest.project_checksum,
        variables={**declared_variables(), **variables},
    )


def is_nothing_new(settings: Settings, inputs: BuildInputs, progress: Progress) -> bool:
    """Tell, and say, whether the tables are already what a build would make of them.

    Args:
        settings: whose home.
        inputs: what a build would be made from.
        progress: told when there is nothing to do.
    """
    if not build_state.is_up_to_date(settings, inputs):
        return False
    progress("nothing new since the last build: the tables stay as they are")
    return True


def build_models(
    context: dg.AssetExecutionContext,
    home: AttributionHome,
    dbt: LeanDbtCliResource,
    inputs: BuildInputs,
    arguments: Sequence[str],
    has_new_rules: bool = True,
) -> Iterator[Any]:
    """Run dbt and pass on its outputs and check results, with what Dagster shows of each table.

    Args:
        context: of the step.
        home: the home to build in.
        dbt: dbt's command line.
        inputs: what the build is made from.
        arguments: dbt's.
        has_new_rules: whether the arguments leave nothing out.

    Raises:
        dagster.Failure: a model or a test failed; names them.
    """
    progress = also_to(context.log.info)
    _note_begin(context, home.settings, inputs)
    os.environ.update(server_environment(home.thrift_port(progress)))
    target = _target_with_parse(home.settings)
    progress("building the tables with dbt")
    # Held back until all is built: asking Spark about each table meanwhile slowed the build down.
    events: list[Any] = []
    try:
        with _running_dbt(dbt, arguments, target, home, context) as invocation:
            planned = {} if context.is_subset else planned_nodes(invocation.manifest, has_new_rules)
            build = BuildProgress(planned, *former_seconds(target))
            with watched(build.describe):
                for event in invocation.stream():
                    _tell(event, progress, build)
                    events.append(_with_message(event, invocation, target))
    except DagsterDbtCliRuntimeError as error:
        yield from events
        raise _failure(target, error) from error
    progress(f"the tables are built: {build.counts()}, in {human_time(build.seconds)}")
    # Another session: the server ends one that was idle for as long as a large build takes.
    spark = home.connect(progress)
    yield from _described(events, spark, invocation, home.settings.shows_sample_rows)


@contextmanager
def _running_dbt(
    dbt: LeanDbtCliResource,
    arguments: Sequence[str],
    target: Path,
    home: AttributionHome,
    context: dg.AssetExecutionContext,
) -> Iterator[DbtCliInvocation]:
    """Start dbt, and leave no dbt behind however this ends."""
    with home.lock.writing(settled=(DagsterDbtCliRuntimeError,)):
        invocation = dbt.cli(arguments, context=context, target_path=target)
        invocation.termination_timeout_seconds = _DBT_GRACE_SECONDS
        home.lock.note_child(invocation.process.pid)
        try:
            yield invocation
        except subprocess.TimeoutExpired as error:
            # dbt waits for its statement even when interrupted.
            raise dg.DagsterExecutionInterruptedError from error
        finally:
            # An interrupt may come between two events, where dagster-dbt does not pass it on.
            if invocation.process.poll() is None:
                invocation.process.kill()


def _refuse_wrong_rules() -> None:
    try:
        check_rules()
    except UserError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _note_begin(context: dg.AssetExecutionContext, settings: Settings, inputs: BuildInputs) -> None:
    if context.is_subset:
        # Some tables will be newer than others: only a whole build makes a state again.
        build_state.invalidate(settings)
    else:
        build_state.begin(settings, inputs, context.run_id)


def _target_with_parse(settings: Settings) -> Path:
    """Give dbt's folder for a run, with the parse that made the manifest to start from."""
    parsed = settings.dbt_target_dir / "partial_parse.msgpack"
    target = run_target_dir(settings)
    target.mkdir(parents=True, exist_ok=True)
    # What an earlier run left would be taken for this one's when dbt does not get to write.
    keep_former_results(target)
    if parsed.is_file():
        shutil.copy(parsed, target / parsed.name)
    return target


def _failure(target: Path, error: DagsterDbtCliRuntimeError) -> dg.Failure:
    named = failures(target / "run_results.json")
    text = failed_build_message(named) if named else f"dbt: {' '.join(str(error).split())[-500:]}"
    # dbt's own retries are in profiles.yml: what fails here fails again.
    return dg.Failure(description=text, allow_retries=False)


def _tell(event: object, progress: Progress, build: BuildProgress) -> None:
    if isinstance(event, dg.AssetCheckResult | dg.AssetObservation | dg.Output):
        build.finished(_unique_id(event))
    if isinstance(event, dg.AssetCheckResult) and not event.passed:
        is_warning = event.severity == dg.AssetCheckSeverity.WARN
        progress(f"{'warning' if is_warning else 'failed'}: {event.check_name}")
    if isinstance(event, dg.Output):
        seconds = event.metadata.get("Execution Duration")
        took = f" ({seconds.value:.1f} s)" if isinstance(seconds, dg.FloatMetadataValue) else ""
        aside(progress, f"built {'.'.join(_unique_id(event).split('.')[2:])}{took}")


def _with_message(event: object, invocation: DbtCliInvocation, target: Path) -> object:
    """Add to a failed test what was observed, what was expected and where to look."""
    if not isinstance(event, dg.AssetCheckResult) or event.passed:
        return event
    node = invocation.manifest["nodes"][_unique_id(event)]
    failed = event.metadata.get("dagster_dbt/failed_row_count")
    failed_count = failed.value if isinstance(failed, dg.MetadataValue) else failed
    return dg.AssetCheckResult(
        passed=False,
        asset_key=event.asset_key,
        check_name=event.check_name,
        severity=event.severity,
        metadata=event.metadata,
        description=failed_test_message(node, failed_count, target),
    )


def _described(
    events: Sequence[Any], spark: SparkSession, invocation: DbtCliInvocation, shows_rows: bool
) -> Iterator[Any]:
    """Add rows, columns and SQL to the outputs among dbt's events."""
    nodes = {
        _unique_id(event): invocation.manifest["nodes"][_unique_id(event)]
        for event in events
        if isinstance(event, dg.Output)
    }
    are_views = {
        f"{node['schema']}.{node['alias']}": node["config"].get("materialized") == "view"
        for node in nodes.values()
    }
    facts = table_facts(spark, are_views)
    stored = {table: fact.schema for table, fact in facts.items() if fact.row_count is not None}
    shown = glimpses(
        spark,
        {table: schema for table, schema in stored.items() if _SHOWN.match(table)},
        shows_rows,
    )
    for event in events:
        if not isinstance(event, dg.Output):
            yield event
            continue
        node = nodes[_unique_id(event)]
        table = f"{node['schema']}.{node['alias']}"
        extra = _table_metadata(node, facts[table], invocation.target_path)
        yield event.with_metadata({**event.metadata, **extra, **shown.get(table, {})})


def _table_metadata(node: Mapping[str, Any], fact: TableFact, target: Path) -> dict[str, Any]:
    descriptions = {name: column["description"] for name, column in node["columns"].items()}
    metadata: dict[str, Any] = {
        "dagster/column_schema": column_schema(fact.schema, descriptions),
        "dagster/relation_identifier": f"{node['schema']}.{node['alias']}",
    }
    if fact.row_count is not None:
        metadata["dagster/row_count"] = fact.row_count
    compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
    if node["resource_type"] == "model" and compiled.is_file():
        metadata["spark_query"] = sql_note(compiled.read_text(encoding="utf-8"))
    return metadata


def _unique_id(event: dg.Output[Any] | dg.AssetCheckResult | dg.AssetObservation) -> str:
    value = event.metadata["unique_id"]
    return str(value.value if isinstance(value, dg.MetadataValue) else value)
