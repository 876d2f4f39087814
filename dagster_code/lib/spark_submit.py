"""How a driver of a home is started: its folders, its configuration, its environment, its command.

There are two of them, never at once: the server and a backfill.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from dagster_code.lib import metastore
from dagster_code.lib.connect_token import TOKEN_VARIABLE, made_token
from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import ServerError
from dagster_code.lib.files import write_privately
from dagster_code.lib.java import find_java
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import SPARK_CONF_DIR, Settings
from dagster_code.lib.spark_conf import Ports, render_conf, server_conf, spark_home, this_machine

# a machine's own Spark must not leak into this one
_FOREIGN_VARIABLES = ("SPARK_", "PYSPARK_", "HADOOP_", "HIVE_")
_CLUSTER_VARIABLES = ("HADOOP_CONF_DIR",)
# what a driver does not need, it cannot tell: a statement can read its environment
_SECRETS = (
    "ATTRIBUTION_METASTORE_PASSWORD",
    "ATTRIBUTION_PUBLISH_PASSWORD",
    "ATTRIBUTION_DAGSTER_DATABASE_URL",
)


def scratch_dir(settings: Settings) -> Path:
    """Say where a driver puts what nobody needs after it: temporary and shuffle files.

    Args:
        settings: whose home.
    """
    return settings.server_dir / "tmp"


def empty_scratch(settings: Settings) -> None:
    """Remove what the last driver left: a killed one leaves its shuffle files, which can be large.

    Args:
        settings: whose home, without a driver.
    """
    if scratch_dir(settings).exists():
        shutil.rmtree(scratch_dir(settings))


def prepare_home(settings: Settings, class_path: str, progress: Progress) -> None:
    """Make what a driver needs to find.

    Args:
        settings: whose home, without a driver.
        class_path: the jars besides Spark's own.
        progress: told when the tables of a metastore are made.

    Raises:
        ServerError: the disk is full, or the metastore cannot be reached or has another driver.
    """
    # Hive does not create its local scratch folder itself
    for folder in (
        scratch_dir(settings) / "hive-local",
        settings.logs_dir,
        settings.warehouse_dir,
    ):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    full = shortage(settings)
    if full is not None:
        raise ServerError(full)
    derby = settings.metastore_dir
    # Derby writes this file last: without it, a first start was killed while creating the database
    if derby.is_dir() and not (derby / "service.properties").is_file():
        shutil.rmtree(derby)
    metastore.prepare(settings, class_path, progress)


def write_conf(
    settings: Settings, name: str, ports: Ports, class_path: str, more: Mapping[str, str]
) -> Path:
    """Write a driver's effective configuration, which only its owner may read: it holds passwords.

    Args:
        settings: whose driver.
        name: of the file.
        ports: where the doors shall listen.
        class_path: the jars besides Spark's own.
        more: lines that come last.

    Returns:
        The file.
    """
    conf = {**server_conf(settings, ports, class_path, this_machine()), **more}
    path = settings.server_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_privately(path, render_conf(conf))
    return path


def submit_command(conf_file: Path, *arguments: str) -> list[str]:
    """Write the command that starts a driver.

    Args:
        conf_file: its configuration.
        arguments: further options, and what to run.
    """
    return [
        str(spark_home() / "bin" / "spark-submit"),
        *("--properties-file", str(conf_file)),
        *arguments,
    ]


def own_variables(settings: Settings) -> dict[str, str]:
    """Give the variables that a driver needs besides what it inherits; no secret is among them.

    Args:
        settings: whose driver.
    """
    is_open = ip_address(settings.bind_address).is_unspecified
    return {
        "JAVA_HOME": str(find_java().home),
        "SPARK_HOME": str(spark_home()),
        # for log4j2.properties and fairscheduler.xml, which are found on the class path
        "SPARK_CONF_DIR": str(SPARK_CONF_DIR),
        # Spark's page knows no other setting; the driver's own ports have theirs (spark_conf).
        **({} if is_open else {"SPARK_LOCAL_IP": settings.bind_address}),
        # Python data sources run in this very environment
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "TMPDIR": str(scratch_dir(settings)),
    }


def driver_environment(settings: Settings, *, knows_secrets: bool) -> dict[str, str]:
    """Give the whole environment of a driver.

    Args:
        settings: whose driver.
        knows_secrets: whether it reads the settings by itself.
    """
    # only there YARN is found, where it gives out the executors
    wanted = () if settings.cluster is None else _CLUSTER_VARIABLES
    inherited = {
        name: value
        for name, value in os.environ.items()
        if (name in wanted or not name.startswith(_FOREIGN_VARIABLES))
        and (knows_secrets or not name.startswith(_SECRETS))
    }
    return inherited | own_variables(settings) | {TOKEN_VARIABLE: made_token(settings)}
