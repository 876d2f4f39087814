"""Dagster's home inside ours: its configuration comes from ``deploy/dagster*.yaml``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import RunFailedError, ServerError
from dagster_code.lib.postgres import check_reachable
from dagster_code.lib.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    import dagster as dg

DEPLOY_DIR = PROJECT_ROOT / "deploy"


def prepare_dagster_home(settings: Settings) -> Path:
    """Put the instance's configuration where Dagster looks for it.

    Args:
        settings: whose home.

    Returns:
        The folder for ``DAGSTER_HOME``.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    files = ["dagster.yaml"]
    if settings.dagster_database is not None:
        # names the variable with the address, which thus is in no file
        files.append("dagster-postgres.yaml")
    wanted = "\n".join((DEPLOY_DIR / file).read_text(encoding="utf-8") for file in files)
    target = home / "dagster.yaml"
    if not target.is_file() or target.read_text(encoding="utf-8") != wanted:
        scratch = home / f"dagster.yaml.{os.getpid()}"
        scratch.write_text(wanted, encoding="utf-8")
        # Another process may be reading it.
        scratch.replace(target)
    return home


@contextmanager
def dagster_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """Open Dagster's history of a home; what its database does is one line for a person.

    Args:
        settings: whose home.

    Raises:
        RunFailedError: the database went away, or its disk is full.
        ServerError: it cannot be reached.
    """
    import dagster as dg
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    if settings.dagster_database is not None:
        check_dagster_database(settings.dagster_database)
    os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except (DagsterPostgresException, SQLAlchemyError) as error:
        reason = shortage(settings) or str(error).strip().splitlines()[0]
        raise RunFailedError(f"Dagster's database failed: {reason}; then run again") from error


def check_dagster_database(url: str) -> None:
    """Make sure that the database of Dagster's history answers.

    Args:
        url: of it.

    Raises:
        ServerError: it does not.
    """
    check_reachable(url, "Dagster's database (ATTRIBUTION_DAGSTER_DATABASE_URL)", ServerError)
