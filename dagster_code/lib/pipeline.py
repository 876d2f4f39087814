"""One run of the Dagster job in this process, and what came of it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import dagster as dg

from dagster_code.definitions import defs
from dagster_code.defs.automation.jobs import JOB_NAME
from dagster_code.defs.ingestion.assets import EVERY_FILE_LANDED
from dagster_code.lib import build_state
from dagster_code.lib.dagster_home import dagster_instance
from dagster_code.lib.dead_runs import end_dead_runs, process_tags
from dagster_code.lib.landing.schema import KINDS, Kind, records_table
from dagster_code.lib.settings import Settings


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do.

    Attributes:
        paths: files or folders by kind; with no path at all, the landing folder is landed.
        variables: dbt variables that differ from the project's.
        is_full_refresh: build incremental models from nothing.
        mapping: name or path of the mapping that reads the events; ``None``: they need none.
    """

    paths: Mapping[Kind, Sequence[str]] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    is_full_refresh: bool = False
    mapping: str | None = None


@dataclass(frozen=True)
class CheckLine:
    """A check that did not pass.

    Attributes:
        name: of the check.
        table: like ``marts.client_journeys``.
        detail: what was observed.
    """

    name: str
    table: str
    detail: str


@dataclass(frozen=True)
class RunReport:
    """What came of a run.

    Attributes:
        run_id: Dagster's.
        landings: for each raw table the landing's report, as in its metadata.
        passed: how many checks passed.
        warned: checks that only warn.
        failed: checks that failed.
        errors: why the run failed, one line each; empty when it succeeded.
        built_count: tables and views that were built.
        up_to_date_since: set when nothing was new: when the tables were built, ISO 8601 in UTC.
    """

    run_id: str
    landings: Mapping[str, Mapping[str, Any]]
    passed: int
    warned: Sequence[CheckLine]
    failed: Sequence[CheckLine]
    errors: Sequence[str]
    built_count: int
    up_to_date_since: str | None

    @property
    def is_success(self) -> bool:
        """Whether all of it worked, every offered file included."""
        return not self.errors and not self.failed


def execute(settings: Settings, request: RunRequest) -> RunReport:
    """Run the job; its history is what ``dagster dev`` shows.

    The caller holds the home's writer lock.

    Args:
        settings: whose home.
        request: what to do.

    Raises:
        KeyboardInterrupt: the user interrupted the run.
        RunFailedError: the database of Dagster's history went away.
        ServerError: it cannot be reached.
    """
    job = load_job()
    with dagster_instance(settings) as instance:
        end_dead_runs(instance)
        with _console_into(settings):
            result = job.execute_in_process(
                run_config=run_config(request),
                instance=instance,
                raise_on_error=False,
                tags=process_tags(),
            )
    if was_interrupted(result):
        raise KeyboardInterrupt
    return _report(settings, result)


def was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Tell whether a run ended by Ctrl-C, which Dagster turns into a failed step.

    Args:
        result: of the run.
    """
    interrupt = dg.DagsterExecutionInterruptedError.__name__
    errors = (event.step_failure_data.error for event in result.get_step_failure_events())
    return any(error is not None and error.cls_name == interrupt for error in errors)


@cache
def load_job() -> dg.JobDefinition:
    """Load the definitions; needs no server, but dbt parses a project that has changed."""
    return defs().resolve_job_def(JOB_NAME)


def run_config(request: RunRequest) -> dict[str, Any]:
    """Write a request as the job's configuration.

    Args:
        request: what the run is asked to do.
    """
    paths = {kind: list(request.paths.get(kind, ())) for kind in KINDS}
    is_landing_folder = not any(paths.values())
    read_by = {"mapping": request.mapping} if request.mapping else {}
    return {
        "ops": {
            records_table(kind).replace(".", "__"): {
                "config": {"paths": given, "is_skipped": not given and not is_landing_folder}
                | (read_by if kind == "events" else {})
            }
            for kind, given in paths.items()
        }
        | {
            "attribution_models": {
                "config": {
                    "full_refresh": request.is_full_refresh,
                    "variables": dict(request.variables),
                }
            }
        },
        # The command has its own, shorter lines; the event log keeps everything.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


@contextmanager
def _console_into(settings: Settings) -> Iterator[None]:
    """Send what Dagster and dbt print to a log file: standard output is for results.

    Python's own streams are left alone: only the file descriptors change, which children inherit
    too, so the progress that goes to a copy of standard error still shows.
    """
    settings.logs_dir.mkdir(parents=True, exist_ok=True)
    with (settings.logs_dir / "run.log").open("a", encoding="utf-8") as log:
        saved = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in saved:
                os.dup2(log.fileno(), number)
            yield
        finally:
            for number, copy in saved.items():
                os.dup2(copy, number)
                os.close(copy)


def _report(settings: Settings, result: dg.ExecuteInProcessResult) -> RunReport:
    landings, built_count = _materialized(result)
    failed, warned, passed = _checked(result)
    errors = _errors(result)
    state = build_state.last_complete(settings)
    is_untouched = not errors and built_count == 0 and state is not None
    return RunReport(
        run_id=result.run_id,
        landings=landings,
        passed=passed,
        warned=warned,
        failed=failed,
        errors=errors,
        built_count=built_count,
        up_to_date_since=state.finished_at if is_untouched and state is not None else None,
    )


def _materialized(
    result: dg.ExecuteInProcessResult,
) -> tuple[dict[str, Mapping[str, Any]], int]:
    landings: dict[str, Mapping[str, Any]] = {}
    built_count = 0
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        layer, table = materialization.asset_key.path
        landing = materialization.metadata.get("landing")
        if layer == "raw" and isinstance(landing, dg.JsonMetadataValue):
            landings[table] = cast("Mapping[str, Any]", landing.data)
        elif layer != "reports":
            built_count += 1
    return landings, built_count


def _checked(
    result: dg.ExecuteInProcessResult,
) -> tuple[list[CheckLine], list[CheckLine], int]:
    failed: list[CheckLine] = []
    warned: list[CheckLine] = []
    passed = 0
    for evaluation in result.get_asset_check_evaluations():
        if evaluation.passed:
            passed += 1
            continue
        line = CheckLine(
            evaluation.check_name,
            ".".join(evaluation.asset_key.path),
            evaluation.description or "",
        )
        # Refused files are told with the landing, by name and reason.
        if evaluation.check_name == EVERY_FILE_LANDED:
            continue
        is_warning = evaluation.severity == dg.AssetCheckSeverity.WARN
        (warned if is_warning else failed).append(line)
    return failed, warned, passed


def _errors(result: dg.ExecuteInProcessResult) -> list[str]:
    if result.success:
        return []
    errors = []
    is_stopped_by_check = False
    for event in result.get_step_failure_events():
        data = event.step_failure_data
        if data.error is not None and data.error.cls_name == "DagsterAssetCheckFailedError":
            # The blocking check itself is told by name.
            is_stopped_by_check = True
        elif data.user_failure_data is not None and data.user_failure_data.description:
            errors.append(data.user_failure_data.description)
        else:
            errors.append(f"step {event.step_key}: {_root_cause(data)}")
    if not errors and not is_stopped_by_check:
        failure = result.get_run_failure_event().job_failure_data
        told = failure.error.to_string() if failure.error is not None else "the run failed"
        errors.append(_first_line(told))
    return errors


def _root_cause(failure: Any) -> str:  # noqa: ANN401  a type that Dagster does not export
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return _first_line(failure.error_display_string if error is None else error.message)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "unknown error")
