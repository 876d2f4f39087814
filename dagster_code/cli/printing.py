"""What a command leaves on standard output, and how it ends."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import click

from dagster_code.lib.errors import UserError
from dagster_code.lib.json_text import json_document
from dagster_code.lib.style import bad
from dagster_code.lib.terminal import printable
from dagster_code.lib.told import Told

_INTERRUPTED = 130


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they come, until the reader, like `head`, has what it wanted.

    Args:
        lines: with their line ends.
    """
    try:
        for line in lines:
            sys.stdout.write(line)
        sys.stdout.flush()
    except BrokenPipeError:
        # Here, since click would end with 1. Python flushes once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document.

    Args:
        document: all of it.
    """
    print_lines([json_document(document)])


def print_told(told: Told, as_json: bool) -> None:
    """Print a command's result; an error is a part of the document, and ends the command.

    Args:
        told: the result.
        as_json: for a program.

    Raises:
        UserError: the result's failure.
    """
    if not as_json:
        print_lines(told.lines)
    elif told.failure is None:
        print_document(told.document)
    else:
        print_document({**told.document, **_error(str(told.failure), told.failure.exit_code)})
        _answered.append(told.failure)
    if told.failure is not None:
        raise told.failure


def wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether a command was to answer in JSON, also where its arguments are no good.

    Args:
        arguments: of the command line.
    """
    return "--json" in takewhile(lambda argument: argument != "--", arguments)


@contextmanager
def exit_codes(as_json: bool = False) -> Iterator[None]:
    """End every foreseeable trouble in one line and an exit code.

    Args:
        as_json: whether standard output gets the error as a document.
    """
    try:
        yield
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        if as_json:
            print_document(_error(error.format_message(), error.exit_code))
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        if as_json:
            print_document(_error("interrupted", _INTERRUPTED))
        _end("interrupted", _INTERRUPTED)
    except UserError as error:
        if os.environ.get("ATTRIBUTION_DEBUG"):
            raise
        if as_json and error not in _answered:
            print_document(_error(str(error), error.exit_code))
        _end(f"{bad('error', 'error')}: {_in_one_line(str(error))}", error.exit_code)


# Failures that standard output has already told.
_answered: list[UserError] = []


def _error(message: str, exit_code: int) -> dict[str, Any]:
    return {"error": _in_one_line(message), "exit_code": exit_code}


def _in_one_line(message: str) -> str:
    return printable(" ".join(message.split()))


def _end(message: str, exit_code: int) -> None:
    # Not through click, which would take the colours out again where they were asked for.
    sys.stderr.write(f"attribution: {message}\n")
    sys.exit(exit_code)
