"""What the commands do that only read: `demo`'s answers, `query`, `explain`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster_code.lib import build_state
from dagster_code.lib.answers import QUESTIONS
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import Progress
from dagster_code.lib.session import spark_session
from dagster_code.lib.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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


def _table(spark: "SparkSession", sql: str) -> Iterator[str]:
    from dagster_code.lib.query import lines, run_statement

    result = run_statement(spark, sql)
    return lines(result.names, result.kinds, result.rows(), "table")
