"""The effective Spark configuration: common file, overlay of the target, facts of this start."""

import hashlib
import importlib.metadata
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import (
    DELTA_RETENTION_HOURS,
    LOOPBACK,
    SPARK_CONF_DIR,
    Cluster,
    Database,
    Settings,
    is_loopback,
)

COMMON_CONF = SPARK_CONF_DIR / "spark-defaults.conf"

# How a driver's connections to the metastore begin to be called.
DRIVER_NAME = "attribution driver "
# PostgreSQL cuts names after 63 bytes.
_NAME_LENGTH = 12

_GIB = 1024**3
_MEMORY_FLOOR_GIB = 2
_MEMORY_CEILING_GIB = 16
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
# Options of the JVM add up over the files; any other key is replaced by the later file.
_ADDITIVE_SUFFIX = "JavaOptions"


@dataclass(frozen=True)
class Ports:
    """The TCP ports of the server's doors on 127.0.0.1.

    Attributes:
        thrift: dbt, PyHive, BI tools.
        connect: Spark Connect.
        ui: Spark's own web page.
    """

    thrift: int
    connect: int
    ui: int


@dataclass(frozen=True)
class Machine:
    """What the machine offers.

    Attributes:
        memory_bytes: memory that this process may use, in bytes.
        cores: processors that this process may use.
    """

    memory_bytes: int
    cores: int


def spark_home() -> Path:
    """The folder of the installed PySpark, found without importing it (imports cost a second).

    Raises:
        UserError: PySpark is not installed.
    """
    # By the package's metadata: spark-submit puts a zip of PySpark's modules before its folder.
    try:
        return Path(str(importlib.metadata.distribution("pyspark").locate_file("pyspark")))
    except importlib.metadata.PackageNotFoundError:
        raise UserError("PySpark is not installed: run `make setup`") from None


def this_machine(cgroup_limit: Path = _CGROUP_LIMIT) -> Machine:
    """Measure the machine, or the container when that is smaller.

    Args:
        cgroup_limit: the file in which Linux tells a container its memory limit in bytes.
    """
    memory = psutil.virtual_memory().total
    try:
        limit = cgroup_limit.read_text(encoding="ascii").strip()
    except OSError:  # no container, no cgroup v2, or no Linux: nothing limits us
        limit = "max"
    if limit.isdigit():
        memory = min(memory, int(limit))
    return Machine(memory_bytes=memory, cores=_usable_cores())


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux only; honours taskset and cpusets
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_conf(text: str, origin: str) -> dict[str, str]:
    """Read lines of the form ``key value``; empty lines and ``#`` comments are skipped.

    Args:
        text: content of a configuration file.
        origin: its name, for errors.

    Raises:
        UserError: a line has no value, or a key comes twice.
    """
    conf: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, *rest = stripped.split(maxsplit=1)
        if not rest:
            raise UserError(f"{origin}, line {number}: {key} has no value")
        if key in conf:
            raise UserError(f"{origin}, line {number}: {key} is there twice")
        conf[key] = rest[0]
    return conf


def read_conf(path: Path) -> dict[str, str]:
    """Read one configuration file.

    Raises:
        UserError: it cannot be read, or a line is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    return parse_conf(text, str(path))


def merge_conf(layers: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Merge configurations: the later one wins, but options of the JVM add up."""
    merged: dict[str, str] = {}
    for layer in layers:
        for key, value in layer.items():
            adds = key.endswith(_ADDITIVE_SUFFIX) and key in merged
            merged[key] = f"{merged[key]} {value}" if adds else value
    return merged


def render_conf(conf: Mapping[str, str]) -> str:
    """Write a configuration as Java properties, one sorted ``key value`` a line."""
    # Java's properties take a backslash for an escape, ours are only ever in paths
    lines = (f"{key} {value}".replace("\\", "\\\\") for key, value in sorted(conf.items()))
    return "".join(f"{line}\n" for line in lines)


def driver_memory(settings: Settings, machine: Machine) -> str:
    """Heap of the driver: as set, else a quarter of the machine, from 2 to 16 GiB.

    The other three quarters are for the page cache, which Spark's shuffles live on, and for the
    Python and browser next to it.
    """
    if settings.driver_memory is not None:
        return settings.driver_memory
    quarter = machine.memory_bytes / 4 / _GIB
    # in MiB: rounding to whole GiB would take up to a third from a small machine
    return f"{int(min(max(quarter, _MEMORY_FLOOR_GIB), _MEMORY_CEILING_GIB) * 1024)}m"


def runtime_conf(
    settings: Settings, ports: Ports, class_path: str, machine: Machine
) -> dict[str, str]:
    """The lines that only this machine and this start know.

    Args:
        settings: folders, memory and cores.
        ports: where the doors shall listen.
        class_path: the jars besides Spark's own (``jars.class_path``).
        machine: what the machine offers.
    """
    scratch = settings.server_dir / "tmp"
    runtime = {
        "spark.driver.memory": driver_memory(settings, machine),
        "spark.driver.extraClassPath": class_path,
        "spark.driver.extraJavaOptions": " ".join(
            (
                # also where Spark puts its shuffle files
                _jvm_property("java.io.tmpdir", scratch),
                _jvm_property("derby.stream.error.file", settings.logs_dir / "derby.log"),
            )
        ),
        "spark.sql.warehouse.dir": settings.warehouse,
        # Hive's default is /tmp/hive, which another user of the machine may own
        "spark.hadoop.hive.exec.scratchdir": str(scratch / "hive"),
        "spark.hadoop.hive.exec.local.scratchdir": str(scratch / "hive-local"),
        "spark.hadoop.hive.server2.thrift.bind.host": settings.bind_address,
        "spark.hadoop.hive.server2.thrift.port": str(ports.thrift),
        "spark.connect.grpc.binding.address": settings.bind_address,
        "spark.connect.grpc.binding.port": str(ports.connect),
        "spark.ui.port": str(ports.ui),
    }
    cores = settings.cores
    if settings.cluster is None:
        cores = cores or machine.cores
        runtime |= _on_this_machine(settings)
    else:
        runtime |= _on_cluster(settings, settings.cluster, class_path)
    if cores is not None:
        # Twice the cores keeps all of them busy when one partition is slower than the others, and
        # a small table out of 200 (the default) nearly empty tasks. Adaptive execution only merges.
        runtime["spark.sql.shuffle.partitions"] = str(2 * cores)
        # What adaptive execution merges: of millions of events each piece still fits into memory.
        pieces = str(8 * cores)
        runtime["spark.sql.adaptive.coalescePartitions.initialPartitionNum"] = pieces
    if settings.vacuum_retention_hours > DELTA_RETENTION_HOURS:
        # Upkeep tells the tables that are there; one that is made anew forgets its properties.
        kept = f"interval {settings.vacuum_retention_hours} hours"
        runtime["spark.databricks.delta.properties.defaults.deletedFileRetentionDuration"] = kept
    return runtime


def driver_name(settings: Settings) -> str:
    """Name this home's driver for PostgreSQL, the same at every start.

    Args:
        settings: whose home.
    """
    whose = f"{socket.gethostname()}:{settings.home.resolve()}"
    return DRIVER_NAME + hashlib.sha256(whose.encode()).hexdigest()[:_NAME_LENGTH]


def metastore_url(metastore: Database, name: str) -> str:
    """Give the address of the metastore, as Hive wants it.

    Args:
        metastore: which one.
        name: what its connections are called (``driver_name``).
    """
    return f"jdbc:postgresql://{metastore.place}?ApplicationName={name.replace(' ', '%20')}"


def _on_this_machine(settings: Settings) -> dict[str, str]:
    return {
        "spark.master": f"local[{settings.cores or '*'}]",
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        # absolute: Derby would otherwise create its database in the working directory
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={settings.metastore_dir};create=true"
        ),
    }


def _on_cluster(settings: Settings, cluster: Cluster, class_path: str) -> dict[str, str]:
    metastore = cluster.metastore
    lines = {
        "spark.master": cluster.master,
        "spark.driver.host": cluster.driver_host,
        # Executors call the driver back: what is called from outside has to listen there.
        "spark.driver.bindAddress": LOOPBACK if is_loopback(cluster.driver_host) else "0.0.0.0",
        "spark.executor.extraClassPath": cluster.executor_class_path or class_path,
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore_url(
            metastore, driver_name(settings)
        ),
        "spark.hadoop.javax.jdo.option.ConnectionUserName": metastore.user,
        "spark.hadoop.javax.jdo.option.ConnectionPassword": metastore.password,
    }
    if cluster.executor_memory is not None:
        lines["spark.executor.memory"] = cluster.executor_memory
    if settings.cores is not None:
        lines["spark.cores.max"] = str(settings.cores)
    return lines


def server_conf(
    settings: Settings, ports: Ports, class_path: str, machine: Machine
) -> dict[str, str]:
    """The whole configuration of the server.

    Args:
        settings: target, folders, memory and cores.
        ports: where the doors shall listen.
        class_path: the jars besides Spark's own (``jars.class_path``).
        machine: what the machine offers.

    Raises:
        UserError: a configuration file is missing or wrong.
    """
    files = [COMMON_CONF, SPARK_CONF_DIR / f"{settings.target}.conf"]
    layers = [read_conf(path) for path in files]
    layers.append(runtime_conf(settings, ports, class_path, machine))
    if settings.more_conf is not None:
        layers.append(read_conf(settings.more_conf))
    return merge_conf(layers)


def _jvm_property(name: str, value: Path) -> str:
    # Spark splits the options like a shell: quotes keep a folder with a space together
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"-D{name}={escaped}"'
