"""What was typed behind a command, checked before anything is started for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from dagster_code.lib.dbt import declared_variables, parse_variables
from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.schema import Kind
from dagster_code.lib.mapping.mapping import load_mapping, shipped_mappings
from dagster_code.lib.settings import DELTA_RETENTION_HOURS, MAX_RETENTION_HOURS, Settings
from dagster_code.lib.terminal import shortened


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


def checked_mapping(text: str | None, events: Sequence[str]) -> str | None:
    """Read the mapping file that ``--mapping`` names, before anything is started for it.

    Args:
        text: as typed: a shipped mapping's name or a path; ``None`` when not given.
        events: the paths of the events, as typed.

    Returns:
        The name, or the path made absolute.

    Raises:
        UserError: there is no such mapping, it holds a mistake, or there is nothing to map.
    """
    if text is None:
        return None
    if not events:
        raise UserError("--mapping reads the files of --events PATH: give at least one")
    load_mapping(text)
    return text if text in shipped_mappings() else str(_from_home(Path(text)).absolute())


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


def _from_home(path: Path) -> Path:
    """Replace a leading ``~``, unless it is part of a file's own name."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
