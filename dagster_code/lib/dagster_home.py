"""Dagster's home inside ours: its configuration comes from ``deploy/dagster*.yaml``."""

import os
from pathlib import Path

from dagster_code.lib.settings import PROJECT_ROOT, Settings

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
