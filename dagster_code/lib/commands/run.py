"""What `attribution run` does, and what it would do."""

import importlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dagster_code.lib import build_plan, build_state, server
from dagster_code.lib.answers import REJECTED_BY_FILE, REJECTED_BY_REASON
from dagster_code.lib.dbt import code_version, declared_variables, project_checksum
from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.landing.schema import KINDS, Kind, records_table
from dagster_code.lib.mapping.mapping import load_mapping
from dagster_code.lib.progress import Progress, watched
from dagster_code.lib.report import (
    Rejected,
    failure_line,
    plan_document,
    plan_lines,
    rejected_file_lines,
    rejected_lines,
    run_document,
    run_lines,
)
from dagster_code.lib.rules import check_rules
from dagster_code.lib.session import spark_session, writing_home
from dagster_code.lib.settings import Settings
from dagster_code.lib.time_left import human_time
from dagster_code.lib.told import Told

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dagster_code.lib.landing.report import LandingPlan
    from dagster_code.lib.pipeline import RunReport, RunRequest


def run_pipeline(
    settings: Settings,
    paths: Mapping[Kind, tuple[str, ...]],
    variables: Mapping[str, Any],
    is_full_refresh: bool,
    progress: Progress,
    *,
    mapping: str | None = None,
) -> Told:
    """Land, build and check through the Dagster job.

    Args:
        settings: whose home.
        paths: what to land, by kind; no path at all means the landing folder.
        variables: dbt variables that differ from the project's.
        is_full_refresh: build every table from nothing.
        progress: told what is being done.
        mapping: name or path of the mapping that reads the events.

    Returns:
        The report, with the failure if not all of it worked.

    Raises:
        ServerError: the server cannot be started, or went away.
        UserError: a rule seed or the mapping has a mistake in it; nothing is landed.
    """
    check_rules()
    # Importing Dagster, dbt and Spark keeps one core busy for about 10 s; so does a starting JVM.
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(_load_pipeline)
        with writing_home(settings, progress, "attribution run"):
            server.ensure_running(settings, progress)
            if mapping is not None:
                _check_mapping(settings, mapping, progress)
            pipeline = importing.result()
            request: RunRequest = pipeline.RunRequest(paths, variables, is_full_refresh, mapping)
            began = time.monotonic()
            # Between landing, building and checks there are steps with nothing to count.
            with watched(lambda: f"at work for {human_time(time.monotonic() - began)}"):
                report: RunReport = pipeline.execute(settings, request)
    rejected = None if report.errors else _rejected(settings, progress)
    return Told(
        _told_lines(report, rejected),
        run_document(report, rejected),
        _failure(settings, report),
    )


def plan_run(
    settings: Settings,
    paths: Mapping[Kind, tuple[str, ...]],
    variables: Mapping[str, Any],
    is_full_refresh: bool,
    progress: Progress,
    *,
    mapping: str | None = None,
) -> Told:
    """Say what a run would land and build, and why, without doing it.

    Args:
        settings: whose home.
        paths: as for ``run_pipeline``.
        variables: as for ``run_pipeline``.
        is_full_refresh: as for ``run_pipeline``.
        progress: told what is being done.
        mapping: name or path of the mapping that reads the events.

    Returns:
        Each offered file, then what would be built.

    Raises:
        UserError: a rule seed or the mapping has a mistake in it.
    """
    check_rules()
    is_landing_folder = not any(paths.values())
    plans: list[LandingPlan] = []
    with spark_session(settings, progress) as spark:
        from dagster_code.lib.landing.land import plan

        for kind in KINDS:
            given = paths.get(kind, ())
            if given or is_landing_folder:
                offered = [Path(path) for path in given] or _landing_folder(settings, kind)
                read_by = load_mapping(mapping) if mapping and kind == "events" else None
                plans.append(plan(spark, kind, offered, settings, progress, read_by))
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
            new_file_count=sum(len(planned.files) for planned in plans),
        )
    reasons = list(build_plan.reasons_to_build(last, wanted))
    return Told(
        chain(*map(plan_lines, plans), build_plan.plan_of_build(reasons)),
        {
            "would_land": {
                records_table(planned.kind).removeprefix("raw."): plan_document(planned)
                for planned in plans
            },
            "would_build": [{"what": what, "why": why} for what, why in reasons],
        },
    )


def _check_mapping(settings: Settings, mapping: str, progress: Progress) -> None:
    with spark_session(settings, progress) as spark:
        from dagster_code.lib.mapping.sql import check_sql

        check_sql(spark, load_mapping(mapping))


def _landing_folder(settings: Settings, kind: str) -> list[Path]:
    folder = settings.landing_dir / kind
    return [folder] if folder.is_dir() else []


def _load_pipeline() -> ModuleType:
    pipeline = importlib.import_module("dagster_code.lib.pipeline")
    pipeline.load_job()
    return pipeline


def _told_lines(report: "RunReport", rejected: Rejected | None) -> Iterator[str]:
    yield from run_lines(report)
    if rejected is not None:
        yield from rejected_lines(rejected.by_reason)
        yield from rejected_file_lines(rejected.by_file)


def _failure(settings: Settings, report: "RunReport") -> RunFailedError | None:
    failure = failure_line(report)
    if failure is None:
        return None
    return RunFailedError("; ".join(filter(None, (failure, shortage(settings)))))


def _rejected(settings: Settings, progress: Progress) -> Rejected:
    with spark_session(settings, progress) as spark:
        counts = _rows(spark, REJECTED_BY_REASON)
        return Rejected(counts, _rows(spark, REJECTED_BY_FILE) if counts else [])


def _rows(spark: "SparkSession", sql: str) -> list[dict[str, Any]]:
    return [row.asDict() for row in spark.sql(sql).toLocalIterator()]
