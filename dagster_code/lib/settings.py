"""Where things are and how big they are: the one place that reads the environment.

Rules of attribution (windows, timeouts) are not here: they are dbt variables in
``dbt_spark/dbt_project.yml``.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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

LOOPBACK = "127.0.0.1"

Target = Literal["local", "cluster"]

_TARGETS: tuple[Target, ...] = ("local", "cluster")
_MEMORY = re.compile(r"[1-9][0-9]*[mg]", re.IGNORECASE)
# The host between `//` and the port; Kubernetes has a URL of its own behind `k8s://`.
_MASTER = re.compile(r"spark://(?P<host>[^:/,\s]+):\d+\S*|yarn|k8s://\S+")
_TRUTHS = {"yes": True, "no": False}
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,49}")
_POSTGRES = re.compile(r"jdbc:postgresql://(?P<place>[^\s?]+)")


@dataclass(frozen=True)
class Database:
    """A database in PostgreSQL: a cluster's metastore, or where the marts are published.

    Attributes:
        place: ``HOST:PORT/DATABASE``.
        user: whose tables they are.
        password: of the user; never shown.
    """

    place: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Cluster:
    """Where a cluster is, and how its parts reach each other.

    Attributes:
        master: who gives out executors: ``spark://HOST:PORT``, ``yarn`` or ``k8s://URL``.
        metastore: what knows the tables.
        driver_host: the address at which executors reach the driver.
        executor_memory: heap of an executor, like ``3g``; ``None`` leaves it to Spark.
        executor_class_path: the jars on the executors' machines; ``None``: as on the driver's.
    """

    master: str
    metastore: Database
    driver_host: str
    executor_memory: str | None
    executor_class_path: str | None


@dataclass(frozen=True)
class Settings:
    """Everything the environment decides.

    Attributes:
        home: folder of all state (landing, warehouse, metastore, Dagster's home, logs).
        other_warehouse: folder, or URL of an object store, of the Delta tables; ``None``: in the
            home.
        cluster: where the work is done; ``None``: in the driver, on this machine.
        more_conf: file with lines of Spark's configuration that come last; ``None``: no more.
        bind_address: where the doors listen.
        publish_to: the database to which the marts are published; ``None``: they are not.
        publish_schema: the schema in it that has the published marts.
        publishes_events: whether ``staging.stg_events`` is published as well.
        writes_report: whether a run that builds writes the report.
        shows_sample_rows: whether Dagster's history keeps the first rows of tables, ids included.
        dagster_database: URL of the PostgreSQL that keeps Dagster's history; ``None``: SQLite.
        jars_dir: folder of what the jars' locks name, for all homes, filled by ``make setup``.
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
    other_warehouse: str | None
    cluster: Cluster | None
    more_conf: Path | None
    bind_address: str
    publish_to: Database | None
    publish_schema: str
    publishes_events: bool
    writes_report: bool
    shows_sample_rows: bool
    dagster_database: str | None = field(repr=False)
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
    def target(self) -> Target:
        """Which overlay of ``spark_conf/`` and which of dbt's targets apply."""
        return "local" if self.cluster is None else "cluster"

    @property
    def warehouse(self) -> str:
        """Folder, or URL of an object store, of the Delta tables."""
        return self.other_warehouse or str(self.home / "warehouse")

    @property
    def warehouse_dir(self) -> Path | None:
        """The folder of the Delta tables; ``None`` in an object store."""
        return None if "://" in self.warehouse else Path(self.warehouse)

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
    cluster = _cluster(env)
    return Settings(
        home=_directory(env, "ATTRIBUTION_HOME", PROJECT_ROOT / ".attribution"),
        other_warehouse=_warehouse(env, cluster),
        cluster=cluster,
        more_conf=_file(env, "ATTRIBUTION_SPARK_CONF"),
        bind_address=_address(env, "ATTRIBUTION_BIND_ADDRESS", LOOPBACK),
        publish_to=_postgres(env, "PUBLISH") if _text(env, "ATTRIBUTION_PUBLISH_URL") else None,
        publish_schema=_name(env, "ATTRIBUTION_PUBLISH_SCHEMA", "marts"),
        publishes_events=_truth(env, "ATTRIBUTION_PUBLISH_EVENTS", default=True),
        writes_report=_truth(env, "ATTRIBUTION_REPORT", default=True),
        shows_sample_rows=_truth(env, "ATTRIBUTION_SAMPLE_ROWS", default=True),
        dagster_database=_database(env, "ATTRIBUTION_DAGSTER_DATABASE_URL"),
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


# --- A cluster ------------------------------------------------------------------------------------


def _cluster(env: Mapping[str, str]) -> Cluster | None:
    target = _text(env, "ATTRIBUTION_TARGET") or "local"
    if target not in _TARGETS:
        raise UserError(f"ATTRIBUTION_TARGET={target!r} is not one of {', '.join(_TARGETS)}")
    if target == "local":
        return None
    master = _demanded(env, "ATTRIBUTION_SPARK_MASTER", "spark://HOST:7077, yarn or k8s://URL")
    matched = _MASTER.fullmatch(master)
    if matched is None:
        raise UserError(
            f"ATTRIBUTION_SPARK_MASTER={master!r} is not like spark://HOST:7077, yarn or k8s://URL"
        )
    return Cluster(
        master=master,
        metastore=_postgres(env, "METASTORE"),
        driver_host=_driver_host(env, matched["host"]),
        executor_memory=_memory(env, "ATTRIBUTION_EXECUTOR_MEMORY"),
        executor_class_path=_text(env, "ATTRIBUTION_EXECUTOR_CLASS_PATH"),
    )


def _postgres(env: Mapping[str, str], purpose: str) -> Database:
    """Read the ``ATTRIBUTION_…_URL``, ``_USER`` and ``_PASSWORD`` of a purpose."""
    form = "jdbc:postgresql://HOST:5432/DATABASE"
    name = f"ATTRIBUTION_{purpose}"
    url = _demanded(env, f"{name}_URL", form)
    matched = _POSTGRES.fullmatch(url)
    if matched is None:
        # not shown: someone may have put a password into it
        raise UserError(f"{name}_URL is not of the form {form}, without parameters")
    return Database(
        place=matched["place"],
        user=_text(env, f"{name}_USER") or "attribution",
        password=_secret(env, f"{name}_PASSWORD"),
    )


def _driver_host(env: Mapping[str, str], master_host: str | None) -> str:
    given = _text(env, "ATTRIBUTION_DRIVER_HOST")
    if given is not None:
        return given
    if master_host is not None and is_loopback(master_host):
        return LOOPBACK
    raise UserError(
        "ATTRIBUTION_DRIVER_HOST is missing: the name or address of this machine by which the"
        " cluster's executors reach it"
    )


def _warehouse(env: Mapping[str, str], cluster: Cluster | None) -> str | None:
    given = _text(env, "ATTRIBUTION_WAREHOUSE")
    if given is None and cluster is not None:
        raise UserError(
            "ATTRIBUTION_WAREHOUSE is missing: a folder that the driver and all executors share,"
            " or the URL of an object store, like s3a://BUCKET/FOLDER"
        )
    if given is None:
        return None
    return given.rstrip("/") if "://" in given else str(Path(given).expanduser().absolute())


def is_loopback(host: str) -> bool:
    """Whether a name or address means this very machine, unreachable for others.

    Args:
        host: as in a URL.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- Values ---------------------------------------------------------------------------------------


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _demanded(env: Mapping[str, str], name: str, form: str) -> str:
    text = _text(env, name)
    if text is None:
        wanted_by = (
            "ATTRIBUTION_PUBLISH_URL" if "_PUBLISH_" in name else "ATTRIBUTION_TARGET=cluster"
        )
        raise UserError(f"{name} is missing ({wanted_by} needs it): {form}")
    return text


def _name(env: Mapping[str, str], name: str, default: str) -> str:
    text = _text(env, name) or default
    if not _NAME.fullmatch(text):
        raise UserError(f"{name}={text!r} is not a name of small letters, digits and _, up to 50")
    return text


def _truth(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = _text(env, name)
    if text is None:
        return default
    if text not in _TRUTHS:
        raise UserError(f"{name}={text!r} is not one of {', '.join(_TRUTHS)}")
    return _TRUTHS[text]


def _secret(env: Mapping[str, str], name: str) -> str:
    """Read a secret from a variable, or from the file that the variable with ``_FILE`` names."""
    file = _text(env, f"{name}_FILE")
    if file is None:
        secret = _demanded(env, name, f"the password, or {name}_FILE: a file that holds it")
    else:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UserError(f"{name}_FILE={file!r}: {reason}") from error
        if not secret:
            raise UserError(f"{name}_FILE={file!r} is empty")
    # Each goes into a file of `key value` lines.
    if len(secret.splitlines()) > 1:
        raise UserError(f"{name} has more than one line")
    return secret


def _database(env: Mapping[str, str], name: str) -> str | None:
    text = _text(env, name)
    if text is not None and not text.startswith("postgresql://"):
        # not shown: it holds a password
        raise UserError(f"{name} is not like postgresql://USER:PASSWORD@HOST:5432/DATABASE")
    return text


def _address(env: Mapping[str, str], name: str, default: str) -> str:
    text = _text(env, name) or default
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise UserError(f"{name}={text!r} is not an address like {LOOPBACK}") from error


def _file(env: Mapping[str, str], name: str) -> Path | None:
    text = _text(env, name)
    return None if text is None else Path(text).expanduser().absolute()


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
