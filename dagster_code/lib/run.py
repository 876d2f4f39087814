"""What the commands do, between their arguments and the lines they print."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from dagster_code.lib import build_plan, build_state, server
from dagster_code.lib.answers import QUESTIONS, REJECTED_BY_FILE, REJECTED_BY_REASON
from dagster_code.lib.dbt import (
    code_version,
    declared_variables,
    parse_variables,
    prepare_manifest,
    project_checksum,
)
from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.landing.schema import KINDS, Kind
from dagster_code.lib.lock import other_writer
from dagster_code.lib.progress import Progress
from dagster_code.lib.report import (
    failure_line,
    plan_lines,
    rejected_file_lines,
    rejected_lines,
    run_lines,
)
from dagster_code.lib.rules import check_rules
from dagster_code.lib.session import session_on, writing_home
from dagster_code.lib.settings import DELTA_RETENTION_HOURS, MAX_RETENTION_HOURS, Settings
from dagster_code.lib.terminal import shortened

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dagster_code.lib.pipeline import RunReport, RunRequest


def checked_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Make paths absolute, before anything is started for them.

    Args:
        paths: as typed.

    Raises:
        UserError: a path is not there; names it.
    """
    absolute = []
    for text in paths:
        path = _from_home(Path(text))
        try:
            is_there = path.exists()
        except OSError as error:
            # a name too long, a folder that may not be looked into
            raise UserError(f"{shortened(text)}: {error.strerror}") from error
        if not is_there:
            raise UserError(f"{text}: there is no such file or folder")
        absolute.append(str(path.absolute()))
    return tuple(absolute)


def checked_delivery(
    events: Sequence[str], clients: Sequence[str], spend: Sequence[str]
) -> dict[Kind, tuple[str, ...]]:
    """Make all paths of a delivery absolute.

    Args:
        events: paths as typed.
        clients: likewise.
        spend: likewise.

    Raises:
        UserError: one is not there; names it.
    """
    return {
        "events": checked_paths(events),
        "clients": checked_paths(clients),
        "spend": checked_paths(spend),
    }


def checked_client(text: str, standard_input: BinaryIO) -> str:
    """Take a client's id as it was typed, or from standard input.

    Args:
        text: as typed; ``-`` means standard input.
        standard_input: where the id is then; white space around it does not count.

    Raises:
        UserError: what came in is no UTF-8.
    """
    if text != "-":
        return text
    try:
        return standard_input.read().decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UserError("CLIENT from standard input is not UTF-8") from error


def checked_variables(text: str | None) -> dict[str, Any]:
    """Read the value of ``--vars``.

    Args:
        text: a YAML mapping or a file's path; ``None`` when not given.

    Raises:
        UserError: it cannot be read, or holds an unknown name or a value of the wrong type.
    """
    return {} if text is None else parse_variables(text, declared_variables())


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


def answer_lines(settings: Settings, progress: Progress) -> Iterator[str]:
    """Answer the four questions of the brief.

    Args:
        settings: whose home.
        progress: told when the server has to be started.

    Yields:
        Each question with its answer as a table.
    """
    with spark_session(settings, progress) as spark:
        for question in QUESTIONS:
            yield f"\n{question.title}\n\n"
            yield from _table(spark, question.sql)


def query_lines(
    settings: Settings, sql: str, output_format: str, progress: Progress
) -> Iterator[str]:
    """Run one statement.

    Args:
        settings: whose home.
        sql: the statement.
        output_format: ``table``, ``csv`` or ``json``.
        progress: told when the server has to be started.

    Yields:
        The result as text, read row by row.

    Raises:
        UserError: Spark does not accept the statement, or it failed.
    """
    from dagster_code.lib.query import lines, run_statement

    with spark_session(settings, progress) as spark:
        result = run_statement(spark, sql)
        yield from lines(result.names, result.kinds, result.rows(), output_format)


def explain_lines(
    settings: Settings,
    client_id: str,
    event_time: str | None,
    output_format: str,
    progress: Progress,
) -> Iterator[str]:
    """Tell why a client's conversions are credited as they are.

    Args:
        settings: whose home.
        client_id: the client, exactly as in the tables.
        event_time: of one conversion, as typed; ``None`` for all of them.
        output_format: ``text`` or ``json``.
        progress: told when the server has to be started.

    Yields:
        The story of each conversion.

    Raises:
        UserError: there is nothing to explain, or the tables are not built.
    """
    from dagster_code.lib.explain.read import as_explained_error, parse_event_time, read_explanation
    from dagster_code.lib.explain.tell import explanation_lines

    instant = None if event_time is None else parse_event_time(event_time)
    try:
        with spark_session(settings, progress) as spark:
            variables = build_state.variables_of_tables(settings)
            explanation = read_explanation(spark, client_id, instant, variables)
    except UserError as error:
        raise as_explained_error(error) from error
    yield from explanation_lines(explanation, output_format)


def checked_retention(settings: Settings, hours: int | None) -> Settings:
    """Put the value of ``--retention-hours`` in the place of the setting.

    Args:
        settings: of the environment.
        hours: as typed; ``None`` when not given.

    Raises:
        UserError: it is shorter than what Delta holds safe, or longer than Delta keeps its log.
    """
    if hours is None:
        return settings
    if not DELTA_RETENTION_HOURS <= hours <= MAX_RETENTION_HOURS:
        raise UserError(
            f"--retention-hours {hours}: give {DELTA_RETENTION_HOURS} to {MAX_RETENTION_HOURS};"
            " readers and time travel need the files of the last week, and Delta's log has 30 days"
        )
    return replace(settings, vacuum_retention_hours=hours)


def upkeep_plan_lines(settings: Settings, progress: Progress) -> Iterator[str]:
    """Say what upkeep would do, and why, without doing it.

    Args:
        settings: whose home, and the retention.
        progress: told what is being done.

    Yields:
        A table with a line for each Delta table.
    """
    from dagster_code.lib import upkeep
    from dagster_code.lib.query import lines

    with spark_session(settings, progress) as spark:
        plans = upkeep.plan_upkeep(spark, settings.vacuum_retention_hours, progress)
    yield from lines(*upkeep.plan_table(plans), "table")


def upkeep_lines(settings: Settings, progress: Progress) -> Iterator[str]:
    """Keep the Delta tables up, if nobody else writes to the home.

    Args:
        settings: whose home, and the retention.
        progress: told what is being done.

    Yields:
        A table with a line for each Delta table.

    Raises:
        RunFailedError: another process writes; or a statement failed.
        ServerError: the server cannot be started, or went away.
    """
    from dagster_code.lib import upkeep
    from dagster_code.lib.query import lines

    # A run waits for its turn; upkeep has time until another day.
    other = other_writer(settings)
    if other is not None:
        raise RunFailedError(f"{other} writes to {settings.home}; upkeep can wait until it ended")
    with (
        writing_home(settings, progress, "attribution upkeep") as lock,
        spark_session(settings, progress) as spark,
    ):
        done = upkeep.keep_up(spark, lock, settings.vacuum_retention_hours, progress)
    yield from lines(*upkeep.upkeep_table(done), "table")


def publish_lines(settings: Settings, progress: Progress) -> Iterator[str]:
    """Publish the marts to the configured database, while nobody changes them.

    Args:
        settings: whose marts, and where to.
        progress: told what is being done.

    Yields:
        A table with a line for each mart.

    Raises:
        RunFailedError: the database cannot be reached, or has something else afterwards.
        ServerError: the server cannot be started, or went away.
    """
    from dagster_code.lib.publish.marts import marts_of
    from dagster_code.lib.publish.run import publication_table, publish
    from dagster_code.lib.query import lines

    marts = list(marts_of(prepare_manifest(settings, progress).path, settings.publishes_events))
    with (
        writing_home(settings, progress, "attribution publish"),
        spark_session(settings, progress) as spark,
    ):
        done = publish(spark, settings, marts, progress)
    yield from lines(*publication_table(done), "table")


@contextmanager
def spark_session(settings: Settings, progress: Progress) -> Iterator["SparkSession"]:
    """Open a session on the home's server, started if it is down; Spark's errors become one line.

    Args:
        settings: whose home.
        progress: told when the server has to be started.

    Raises:
        UserError: what Spark did not like.
        ServerError: the server cannot be started, or went away.
    """
    state = server.ensure_running(settings, progress)
    import grpc
    from pyspark.errors import PySparkException

    from dagster_code.lib.query import as_user_error, silence_pyspark

    silence_pyspark()
    try:
        with session_on(settings, state.connect_port) as spark:
            yield spark
    except (PySparkException, grpc.RpcError) as error:
        raise as_user_error(error) from error


def _from_home(path: Path) -> Path:
    """Replace a leading ``~``, unless it is part of a file's own name."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


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


def _table(spark: "SparkSession", sql: str) -> Iterator[str]:
    from dagster_code.lib.query import lines, run_statement

    result = run_statement(spark, sql)
    return lines(result.names, result.kinds, result.rows(), "table")
