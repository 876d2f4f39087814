"""What a command leaves on standard output, and how it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from dagster_code.lib.errors import UserError
from dagster_code.lib.terminal import printable

_INTERRUPTED = 130


def print_lines(lines: Iterator[str]) -> None:
    """Print lines as they come.

    Args:
        lines: with their line ends.
    """
    for line in lines:
        sys.stdout.write(line)
    sys.stdout.flush()


@contextmanager
def exit_codes() -> Iterator[None]:
    """End every foreseeable trouble in one line and an exit code."""
    try:
        yield
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # The reader, like `head`, has what it wanted. Python flushes once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        if os.environ.get("ATTRIBUTION_DEBUG"):
            raise
        _end(f"error: {printable(' '.join(str(error).split()))}", error.exit_code)


def _end(message: str, exit_code: int) -> None:
    click.echo(f"attribution: {message}", err=True)
    sys.exit(exit_code)
