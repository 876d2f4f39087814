"""Dagster's home inside ours: its configuration comes from ``deploy/dagster.yaml``."""

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
    wanted = (DEPLOY_DIR / "dagster.yaml").read_text(encoding="utf-8")
    target = home / "dagster.yaml"
    if not target.is_file() or target.read_text(encoding="utf-8") != wanted:
        scratch = home / f"dagster.yaml.{os.getpid()}"
        scratch.write_text(wanted, encoding="utf-8")
        # Another process may be reading it.
        scratch.replace(target)
    return home
