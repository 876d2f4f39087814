"""What `attribution run` does, and what it would do."""

import importlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dagster_code.lib import build_plan, build_state, server
from dagster_code.lib.answers import REJECTED_BY_FILE, REJECTED_BY_REASON
from dagster_code.lib.dbt import code_version, declared_variables, project_checksum
from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.landing.schema import KINDS, Kind
from dagster_code.lib.progress import Progress
from dagster_code.lib.report import (
    failure_line,
    plan_lines,
    rejected_file_lines,
    rejected_lines,
    run_lines,
)
from dagster_code.lib.rules import check_rules
from dagster_code.lib.session import spark_session, writing_home
from dagster_code.lib.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dagster_code.lib.pipeline import RunReport, RunRequest


def run_pipeline(
    settings: Settings,
    paths: Mapping[Kind, tuple[str, ...]],
    variables: Mapping[str, Any],
    is_full_refresh: bool,
    progress: Progress,
) -> Iterator[str]:
    """Land, build and check through the Dagster job.

    Args:
        settings: whose home.
        paths: what to land, by kind; no path at all means the landing folder.
        variables: dbt variables that differ from the project's.
        is_full_refresh: build every table from nothing.
        progress: told what is being done.

    Yields:
        The lines of the report.

    Raises:
        RunFailedError: after the report, if not all of it worked.
        ServerError: the server cannot be started, or went away.
        UserError: a rule seed has a mistake in it; nothing is started.
    """
    check_rules()
    # Importing Dagster, dbt and Spark keeps one core busy for about 10 s; so does a starting JVM.
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(_load_pipeline)
        with writing_home(settings, progress, "attribution run"):
            server.ensure_running(settings, progress)
            pipeline = importing.result()
            request: RunRequest = pipeline.RunRequest(paths, variables, is_full_refresh)
            report: RunReport = pipeline.execute(settings, request)
    yield from run_lines(report)
    if not report.errors:
        yield from _rejected(settings, progress)
    failure = failure_line(report)
    if failure is not None:
        raise RunFailedError("; ".join(filter(None, (failure, shortage(settings)))))


def dry_run_lines(
    settings: Settings,
    paths: Mapping[Kind, tuple[str, ...]],
    variables: Mapping[str, Any],
    is_full_refresh: bool,
    progress: Progress,
) -> Iterator[str]:
    """Say what a run would land and build, and why, without doing it.

    Args:
        settings: whose home.
        paths: as for ``run_pipeline``.
        variables: as for ``run_pipeline``.
        is_full_refresh: as for ``run_pipeline``.
        progress: told what is being done.

    Yields:
        A line for each offered file, then what would be built.

    Raises:
        UserError: a rule seed has a mistake in it.
    """
    check_rules()
    is_landing_folder = not any(paths.values())
    new_file_count = 0
    with spark_session(settings, progress) as spark:
        from dagster_code.lib.landing.land import plan

        for kind in KINDS:
            given = paths.get(kind, ())
            if given or is_landing_folder:
                offered = [Path(path) for path in given] or _landing_folder(settings, kind)
                planned = plan(spark, kind, offered, settings, progress)
                new_file_count += len(planned.files)
                yield from plan_lines(planned)
        last = build_plan.read_last_build(spark)
        # What the last build saw is known as well where it did not end.
        seen = build_state.latest(settings)
        wanted = build_plan.Wanted(
            is_full_refresh,
            code_version(),
            {**declared_variables(), **variables},
            is_unfinished=build_state.last_complete(settings) is None,
            is_project_edited=seen is not None
            and seen.inputs.project_checksum != project_checksum(),
            is_landed_more=seen is not None
            and seen.inputs.raw_versions != build_state.raw_versions(spark),
            new_file_count=new_file_count,
        )
    yield from build_plan.plan_of_build(last, wanted)


def _landing_folder(settings: Settings, kind: str) -> list[Path]:
    folder = settings.landing_dir / kind
    return [folder] if folder.is_dir() else []


def _load_pipeline() -> ModuleType:
    pipeline = importlib.import_module("dagster_code.lib.pipeline")
    pipeline.load_job()
    return pipeline


def _rejected(settings: Settings, progress: Progress) -> Iterator[str]:
    with spark_session(settings, progress) as spark:
        counts = [
            (row["raw_table"], row["reason"], row["record_count"])
            for row in _rows(spark, REJECTED_BY_REASON)
        ]
        files = [row.asDict() for row in _rows(spark, REJECTED_BY_FILE)] if counts else []
    yield from rejected_lines(counts)
    yield from rejected_file_lines(files)


def _rows(spark: "SparkSession", sql: str) -> Iterator[Any]:
    return iter(spark.sql(sql).toLocalIterator())
