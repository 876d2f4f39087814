"""Colour for a person's eyes; to a file or another program texts stay as they are."""

from collections.abc import Mapping
from typing import TextIO

import click

_on = {"output": False, "error": False}


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether a stream is to get colours.

    Args:
        stream: standard output, or standard error.
        environment: of the process: NO_COLOR forbids, FORCE_COLOR (but not 0) wants them also
            where there is no terminal, and a TERM of ``dumb`` knows none.
    """
    if environment.get("NO_COLOR"):
        return False
    forced = environment.get("FORCE_COLOR")
    if forced:
        return forced != "0"
    return environment.get("TERM") != "dumb" and stream.isatty()


def use_colour(*, output: bool, error: bool) -> None:
    """Switch colours on or off in this process; off until then.

    Args:
        output: for what is made for standard output.
        error: for what is made for standard error.
    """
    _on.update(output=output, error=error)


def heading(text: str) -> str:
    """Write a heading, or the names of a table's columns.

    Args:
        text: without its line end.
    """
    return click.style(text, bold=True) if _on["output"] else text


def good(text: str) -> str:
    """Write what is well, like passed checks.

    Args:
        text: the words.
    """
    return _coloured(text, "green", "output")


def warning(text: str, stream: str = "output") -> str:
    """Write what warns, but stops nothing.

    Args:
        text: the words.
        stream: ``output`` or ``error``, where it goes.
    """
    return _coloured(text, "yellow", stream)


def bad(text: str, stream: str = "output") -> str:
    """Write what failed.

    Args:
        text: the words.
        stream: ``output`` or ``error``, where it goes.
    """
    return _coloured(text, "red", stream)


def _coloured(text: str, colour: str, stream: str) -> str:
    return click.style(text, fg=colour) if _on[stream] else text
