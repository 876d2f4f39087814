"""A home without its tables: what it stands on, its folders, its server, its locks."""

import os
import shutil
from collections.abc import Callable, Iterator

from dagster_code.lib import doors, server
from dagster_code.lib.dagster_home import check_dagster_database
from dagster_code.lib.disk import existing
from dagster_code.lib.doctor.findings import Finding, ill, noted, well
from dagster_code.lib.errors import UserError
from dagster_code.lib.jars import damaged_jars, locks
from dagster_code.lib.java import find_java
from dagster_code.lib.lock import dead_writer, other_writer
from dagster_code.lib.server_processes import living, processes_of
from dagster_code.lib.settings import Database, Settings

_GIB = 1024**3
# A build of the sample takes a tenth of it; less, and a full disk is a matter of days.
_FREE_FLOOR_BYTES = 5 * _GIB
_START = "start it with `attribution up`"


def home_findings(settings: Settings) -> Iterator[Finding]:
    """Look at all that a home needs besides its tables.

    Args:
        settings: whose home.
    """
    looks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("Java", _java),
        ("jars", _jars),
        ("home", _home),
        ("disk", _disk),
        ("ports", _ports),
        ("metastore", _metastore),
        ("Dagster", _dagster),
        ("server", _server),
        ("writer lock", _writer_lock),
    )
    for name, look in looks:
        try:
            yield look(settings)
        except UserError as error:
            what, _, remedy = str(error).partition(": ")
            yield ill(name, what, remedy or "see `docs/runbook.md`")
        except OSError as error:
            yield ill(name, f"{error.filename}: {error.strerror}", "mend its owner or mode")


def _java(_: Settings) -> Finding:
    java = find_java()
    return well("Java", f"{java.major} in {java.home}")


def _jars(settings: Settings) -> Finding:
    needed = locks(settings)
    damaged = [name for lock in needed for name in damaged_jars(settings, lock)]
    if damaged:
        what = f"missing or damaged in {settings.jars_dir}: {', '.join(damaged)}"
        return ill("jars", what, "run `make setup`, which fetches them again")
    return well("jars", f"as {', '.join(lock.name for lock in needed)} demands")


def _home(settings: Settings) -> Finding:
    if not settings.home.exists():
        return noted("home", f"{settings.home} is not there", "the first command makes it")
    if not settings.home.is_dir():
        return ill("home", f"{settings.home} is no folder", "set ATTRIBUTION_HOME to another one")
    if not os.access(settings.home, os.W_OK | os.X_OK):
        return ill("home", f"{settings.home} cannot be written", "mend its owner or mode")
    return well("home", str(settings.home))


def _disk(settings: Settings) -> Finding:
    place = existing(settings.warehouse_dir or settings.home)
    free = shutil.disk_usage(place).free
    seen = f"{free / _GIB:,.1f} GiB free at {place}"
    if free < _FREE_FLOOR_BYTES:
        remedy = "free some, or drop old files with `attribution upkeep`"
        return ill("disk", seen, remedy)
    return well("disk", seen)


def _ports(settings: Settings) -> Finding:
    if living(settings) is not None:
        return well("ports", "the server has them")
    chosen = doors.choose_ports(settings)
    configured = (settings.thrift_port, settings.connect_port, settings.ui_port)
    if configured == (None, None, None):
        return well("ports", "free ones are chosen")
    return well("ports", f"{chosen.thrift}, {chosen.connect} and {chosen.ui} are free")


def _metastore(settings: Settings) -> Finding:
    if settings.cluster is not None:
        return _cluster_metastore(settings.cluster.metastore)
    warehouse = settings.warehouse_dir
    has_tables = warehouse is not None and any(warehouse.glob("*.db/*/_delta_log"))
    if (settings.metastore_dir / "service.properties").is_file():
        return well("metastore", f"Derby in {settings.metastore_dir}")
    if has_tables:
        what = f"{settings.metastore_dir} is lost, but {warehouse} has tables"
        return ill(
            "metastore", what, "put it back from a backup; `docs/runbook.md`, A lost metastore"
        )
    return noted("metastore", "not made yet", "the server's first start makes it")


def _cluster_metastore(metastore: Database) -> Finding:
    from dagster_code.lib.metastore import has_tables

    if not has_tables(metastore):
        return noted("metastore", f"{metastore.place} is empty", "the first start makes its tables")
    return well("metastore", f"PostgreSQL, {metastore.place}")


def _dagster(settings: Settings) -> Finding:
    if settings.dagster_database is None:
        return well("Dagster", f"SQLite in {settings.dagster_home}")
    check_dagster_database(settings.dagster_database)
    return well("Dagster", "its database answers")


def _server(settings: Settings) -> Finding:
    state = living(settings)
    if state is None:
        leftovers = processes_of(settings)
        if leftovers:
            what = f"not recorded, but still there: process {', '.join(map(str, leftovers))}"
            return ill("server", what, "`attribution down` ends it")
        return noted("server", "down", _START)
    if state.status == "starting":
        return noted("server", f"starting as process {state.pid}", "`attribution up` waits for it")
    if state.status == "backfill":
        return noted("server", f"down; a backfill works as process {state.pid}", _START)
    if not server.answers(state):
        remedy = "a busy one answers later; `attribution down` and `attribution up` replace it"
        return ill("server", f"process {state.pid} does not answer", remedy)
    return well("server", f"up since {state.started_at:%F %T} UTC as process {state.pid}")


def _writer_lock(settings: Settings) -> Finding:
    writer = other_writer(settings)
    if writer is not None:
        return well("writer lock", f"held by {writer}")
    dead = dead_writer(settings)
    if dead is None:
        return well("writer lock", "free")
    return noted(
        "writer lock",
        f"{dead.command} (pid {dead.pid}), begun {dead.started_at}, died while it wrote",
        "the next `attribution run` ends what is left of it and goes on",
    )
