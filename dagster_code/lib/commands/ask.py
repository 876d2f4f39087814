"""What the commands do that only read: `demo`'s answers, `query`, `explain`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from dagster_code.lib import build_state
from dagster_code.lib.answers import QUESTIONS, Question
from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import Progress
from dagster_code.lib.session import spark_session
from dagster_code.lib.settings import Settings
from dagster_code.lib.style import heading
from dagster_code.lib.told import Told


@dataclass(frozen=True)
class Answer:
    """A question with its answer.

    Attributes:
        question: one of the brief's.
        names: of the answer's columns.
        kinds: of the columns, as in ``query.Result``.
        rows: a line for each channel, day or pair of channels.
    """

    question: Question
    names: Sequence[str]
    kinds: Sequence[str]
    rows: Sequence[Sequence[Any]]


def answers(
    settings: Settings, progress: Progress, questions: Sequence[Question] = QUESTIONS
) -> Told:
    """Answer the four questions of the brief.

    Args:
        settings: whose home.
        progress: told when the server has to be started.
        questions: which; the brief's when left out.

    Returns:
        Each question with its answer as a table.
    """
    from dagster_code.lib.query import run_statement

    answered = []
    with spark_session(settings, progress) as spark:
        for question in questions:
            result = run_statement(spark, question.sql)
            answered.append(Answer(question, result.names, result.kinds, list(result.rows())))
    return Told(
        chain.from_iterable(map(_answer_lines, answered)),
        {"answers": [_answer_document(answer) for answer in answered]},
    )


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


def _answer_lines(answer: Answer) -> Iterator[str]:
    from dagster_code.lib.query import lines

    yield f"\n{heading(answer.question.title)}\n\n"
    yield from lines(answer.names, answer.kinds, answer.rows, "table")


def _answer_document(answer: Answer) -> dict[str, Any]:
    return {
        "name": answer.question.name,
        "question": answer.question.title,
        "rows": [dict(zip(answer.names, row, strict=True)) for row in answer.rows],
    }
