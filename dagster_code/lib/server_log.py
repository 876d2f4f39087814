"""The logs of drivers: kept over a few starts, and read for the reason of a failure."""

import os
import re
from pathlib import Path

from dagster_code.lib.settings import Settings

SERVER_LOG = "spark-server.log"
BACKFILL_LOG = "backfill.log"

_LOGS_KEPT = 3
# the log's end that is searched for the reason of a failure
_LOG_TAIL_BYTES = 64 * 1024
# Parts of a stack trace, what a JVM says before the reason, and what each JVM of Spark says.
_SAYS_NOTHING = (
    "at ",
    "... ",
    "Error occurred during initialization of VM",
    "WARNING: Using incubator modules",
)
_TROUBLE = re.compile(r"\bERROR\b|\bFATAL\b|Exception|\bError\b|error:")


def log_path(settings: Settings, name: str = SERVER_LOG) -> Path:
    """Say where the log of the last start is.

    Args:
        settings: whose home.
        name: which log.
    """
    return settings.logs_dir / name


def fresh_log(settings: Settings, name: str = SERVER_LOG) -> Path:
    """Move the logs of former starts up by one number and return the path of a new one.

    Args:
        settings: whose home.
        name: which log.
    """
    path = log_path(settings, name)
    for number in range(_LOGS_KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        if newer.exists():
            newer.replace(older)
    return path


def log_tail(settings: Settings, name: str = SERVER_LOG) -> str:
    """Read the log's end; nothing when there is no log.

    Args:
        settings: whose home.
        name: which log.
    """
    try:
        with log_path(settings, name).open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _LOG_TAIL_BYTES))
            return log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def failure_reason(log_text: str) -> str:
    """The line of a log that says most about why a driver died.

    That is the innermost cause of the last stack trace, else the last line that speaks of an
    error, else the last line.

    Args:
        log_text: the end of the log.

    Returns:
        One line, empty when the log is.
    """
    lines = [line.strip() for line in log_text.splitlines() if line.strip()]
    # a JVM that cannot begin says that it cannot, and why in the next line
    spoken = [line for line in lines if not line.startswith(_SAYS_NOTHING)]
    causes = [line for line in spoken if line.startswith("Caused by:")]
    troubles = [line for line in spoken if _TROUBLE.search(line)]
    chosen = (causes or troubles or spoken or [""])[-1]
    return chosen.removeprefix("Caused by: ")
