"""Where things are and how big they are: the one place that reads the environment.

Rules of attribution (windows, timeouts) are not here: they are dbt variables in
``dbt_spark/dbt_project.yml``.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dagster_code.lib.errors import UserError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DBT_PROJECT_DIR = PROJECT_ROOT / "dbt_spark"
SPARK_CONF_DIR = PROJECT_ROOT / "spark_conf"
DATA_DIR = PROJECT_ROOT / "data"
SAMPLE_EVENTS = DATA_DIR / "google_merchandise_store_ga4.csv.gz"

# How long Delta keeps the files of a table's former versions unless the table says otherwise, and
# the longest that it accepts: as long as it keeps its log.
DELTA_RETENTION_HOURS = 168
MAX_RETENTION_HOURS = 720

_MEMORY = re.compile(r"[1-9][0-9]*[mg]", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides.

    Attributes:
        home: folder of all state (landing, warehouse, metastore, Dagster's home, logs).
        jars_dir: folder of what ``jars.lock`` names, shared by all homes, filled by ``make setup``.
        thrift_port: port of the Thrift door; ``None`` means: choose a free one.
        connect_port: port of the Spark Connect door; ``None`` means: choose a free one.
        ui_port: port of Spark's own web page; ``None`` means: choose a free one.
        driver_memory: heap of the Spark driver, like ``6g``; ``None`` follows the machine.
        cores: worker threads of the local Spark; ``None`` means: all of the machine.
        settle_seconds: a file touched within this many seconds is watched until it is quiet.
        start_timeout_seconds: how long a starting server may take.
        vacuum_retention_hours: how long upkeep keeps the files of former versions at least.
    """

    home: Path
    jars_dir: Path
    thrift_port: int | None
    connect_port: int | None
    ui_port: int | None
    driver_memory: str | None
    cores: int | None
    settle_seconds: float
    start_timeout_seconds: float
    vacuum_retention_hours: int

    @property
    def landing_dir(self) -> Path:
        """The folder watched by the sensor: ``events/``, ``clients/``, ``spend/`` below it."""
        return self.home / "landing"

    @property
    def warehouse_dir(self) -> Path:
        """The Delta tables."""
        return self.home / "warehouse"

    @property
    def metastore_dir(self) -> Path:
        """Derby's database."""
        return self.home / "metastore"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: run history and schedules."""
        return self.home / "dagster"

    @property
    def server_dir(self) -> Path:
        """State, effective configuration and scratch space of the Spark server."""
        return self.home / "server"

    @property
    def logs_dir(self) -> Path:
        """Logs of the server and of dbt."""
        return self.home / "logs"

    @property
    def dbt_target_dir(self) -> Path:
        """The target folder of dbt: manifest, compiled SQL, run results."""
        return self.home / "dbt_target"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (``.env.example`` lists them).

    Args:
        environ: the variables; the process's own when left out.

    Raises:
        UserError: a variable holds something unusable.
    """
    env = os.environ if environ is None else environ
    cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Settings(
        home=_directory(env, "ATTRIBUTION_HOME", PROJECT_ROOT / ".attribution"),
        jars_dir=_directory(env, "ATTRIBUTION_JARS_DIR", cache / "attribution" / "jars"),
        thrift_port=_integer(env, "ATTRIBUTION_THRIFT_PORT", 1, 65535),
        connect_port=_integer(env, "ATTRIBUTION_CONNECT_PORT", 1, 65535),
        ui_port=_integer(env, "ATTRIBUTION_UI_PORT", 1, 65535),
        driver_memory=_memory(env, "ATTRIBUTION_DRIVER_MEMORY"),
        cores=_integer(env, "ATTRIBUTION_CORES", 1, 4096),
        settle_seconds=_seconds(env, "ATTRIBUTION_SETTLE_SECONDS", 2.0),
        start_timeout_seconds=_seconds(env, "ATTRIBUTION_START_TIMEOUT_SECONDS", 120.0),
        vacuum_retention_hours=_integer(
            env, "ATTRIBUTION_VACUUM_RETENTION_HOURS", DELTA_RETENTION_HOURS, MAX_RETENTION_HOURS
        )
        or DELTA_RETENTION_HOURS,
    )


def _directory(env: Mapping[str, str], name: str, default: Path) -> Path:
    return Path(env.get(name) or default).expanduser().absolute()


def _integer(env: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not text.isdigit() or not low <= int(text) <= high:
        raise UserError(f"{name}={text!r} is not a whole number from {low} to {high}")
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UserError(f"{name}={text!r} is not a number of seconds")
    return value


def _memory(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not _MEMORY.fullmatch(text):
        raise UserError(f"{name}={text!r} is not a size like 4g or 900m")
    return text.lower()
