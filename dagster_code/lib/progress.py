"""Progress of long work: short lines for whoever waits.

The command shows them on standard error, a Dagster run in its event log.
"""

import logging
from collections.abc import Callable
from typing import TextIO

from dagster_code.lib.terminal import printable

Progress = Callable[[str], None]

_logger = logging.getLogger("attribution.progress")


def announce(message: str) -> None:
    """Tell the waiting user, if a command shows progress in this process.

    Args:
        message: one short line.
    """
    _logger.info("%s", printable(message))


def also_to(log: Progress) -> Progress:
    """Make a progress function that writes to a log and tells the waiting user.

    Args:
        log: takes a line, like ``context.log.info``.
    """

    def report(message: str) -> None:
        log(message)
        announce(message)

    return report


def hush() -> None:
    """Show no more progress in this process; errors are told all the same."""
    _logger.disabled = True


def show_progress(stream: TextIO) -> None:
    """Show the progress of this process, each line with the local time of day.

    Args:
        stream: where the lines go; the command gives its standard error.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    _logger.handlers = [handler]
    _logger.setLevel(logging.INFO)
    # Dagster and dbt hang their own handlers on the root logger: a line must not come twice.
    _logger.propagate = False
