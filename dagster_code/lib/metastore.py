"""A cluster's metastore in PostgreSQL: its schema, and who else works with it.

DataNucleus would make the tables on first use, and on PostgreSQL wait for ever for its own open
transaction. So they are made beforehand, by its own tool, which lies among Spark's jars.

One driver does all writes: Delta on S3 demands it, and the home's writer lock only sees one
machine. Every connection of a driver carries its name (``ApplicationName``), and the driver's pool
keeps some open for as long as it lives. So PostgreSQL itself tells which drivers are alive.
"""

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster_code.lib.errors import ServerError
from dagster_code.lib.files import write_privately
from dagster_code.lib.java import run_java
from dagster_code.lib.postgres import connected
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import Database, Settings
from dagster_code.lib.spark_conf import (
    DRIVER_NAME,
    driver_name,
    metastore_url,
    render_conf,
    spark_home,
)

if TYPE_CHECKING:
    import psycopg2.extensions

_CREATE_SECONDS = 300.0
# Any number that nobody else in this database takes for a lock of his own.
_LOCK = 4_711_000_001
# Written before the first table and changed after the last one: a tool that was killed is noticed.
_MARK = """\
create table if not exists attribution_metastore (is_complete boolean not null)"""
# Hive refuses tables whose version it does not know, and its tool leaves this row out. Each 2.3 has
# the tables of 2.3.0.
_VERSION = """\
insert into "VERSION" ("VER_ID", "SCHEMA_VERSION", "VERSION_COMMENT")
select 1, '2.3.0', 'made by attribution'
where not exists (select from "VERSION")"""


def prepare(settings: Settings, class_path: str, progress: Progress) -> None:
    """Refuse a metastore that another driver uses, and make its tables if they are not there.

    Args:
        settings: whose home; of a cluster.
        class_path: with PostgreSQL's driver.
        progress: told when the tables are made.

    Raises:
        ServerError: it cannot be reached, is used by another driver, or the tables cannot be made.
    """
    if settings.cluster is None:
        return
    metastore = settings.cluster.metastore
    with _connected(metastore) as connection, connection.cursor() as cursor:
        refuse_other_drivers(cursor, settings)
        cursor.execute("select pg_advisory_lock(%s)", (_LOCK,))
        if _is_complete(cursor):
            return
        progress(f"making the metastore's tables in {metastore.place}")
        cursor.execute(_MARK)
        cursor.execute("insert into attribution_metastore values (false)")
        _create_tables(settings, metastore, class_path)
        cursor.execute(_VERSION)
        cursor.execute("update attribution_metastore set is_complete = true")


def refuse_other_drivers(cursor: "psycopg2.extensions.cursor", settings: Settings) -> None:
    """Make sure that no other home's driver works with this metastore.

    Args:
        cursor: on the metastore's database.
        settings: whose home.

    Raises:
        ServerError: there is one; says where it is and since when.
    """
    cursor.execute(
        """
        select min(backend_start), min(coalesce(host(client_addr), 'this machine'))
        from pg_stat_activity
        where
            datname = current_database()
            and application_name like %s
            and application_name <> %s
        having count(*) > 0
        """,
        (f"{DRIVER_NAME}%", driver_name(settings)),
    )
    other = cursor.fetchone()
    if other is None:
        return
    since, address = other
    raise ServerError(
        f"another driver, on {address}, has worked with this metastore since"
        f" {since:%F %T %Z}; one driver does all writes, since Delta on an object store demands it:"
        " run the commands there, or stop it with `attribution down`"
    )


def has_tables(metastore: Database) -> bool:
    """Tell whether the metastore's tables are made.

    Args:
        metastore: which one.

    Raises:
        ServerError: it cannot be reached.
    """
    with _connected(metastore) as connection, connection.cursor() as cursor:
        return _is_complete(cursor)


def check_alone(settings: Settings) -> None:
    """The same once more, for two drivers that were started at one instant.

    Args:
        settings: whose home, with its driver running.

    Raises:
        ServerError: another driver works with this metastore, too.
    """
    if settings.cluster is None:
        return
    with _connected(settings.cluster.metastore) as connection, connection.cursor() as cursor:
        refuse_other_drivers(cursor, settings)


@contextmanager
def _connected(metastore: Database) -> Iterator["psycopg2.extensions.connection"]:
    with connected(metastore, "the metastore", ServerError) as connection:
        # Each statement counts at once: the mark has to be there when the tool is killed.
        connection.autocommit = True
        yield connection


def _is_complete(cursor: "psycopg2.extensions.cursor") -> bool:
    """Whether the tables are there, also if somebody else made them with other means."""
    cursor.execute("""select to_regclass('"DBS"'), to_regclass('attribution_metastore')""")
    tables, mark = cursor.fetchone() or (None, None)
    if tables is None or mark is None:
        return tables is not None
    cursor.execute("select coalesce(bool_and(is_complete), false) from attribution_metastore")
    (is_complete,) = cursor.fetchone() or (False,)
    return bool(is_complete)


def _create_tables(settings: Settings, metastore: Database, class_path: str) -> None:
    jars = spark_home() / "jars"
    work = settings.server_dir / "metastore"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    # The tables are described in a file inside Hive's own jar.
    (hive,) = jars.glob("hive-metastore-*.jar")
    with zipfile.ZipFile(hive) as archive:
        archive.extract("package.jdo", work)
    properties = {
        "datanucleus.ConnectionURL": metastore_url(metastore, "attribution schema"),
        "datanucleus.ConnectionDriverName": "org.postgresql.Driver",
        "datanucleus.ConnectionUserName": metastore.user,
        "datanucleus.ConnectionPassword": metastore.password,
        "datanucleus.identifierFactory": "datanucleus1",
    }
    write_privately(work / "metastore.properties", render_conf(properties))
    try:
        done = run_java(
            [
                *("-cp", f"{jars}/*:{class_path}"),
                "org.datanucleus.store.schema.SchemaTool",
                *("-create", "-api", "JDO", "-props", "metastore.properties", "package.jdo"),
            ],
            work,
            _CREATE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(
            f"the metastore's tables were not made within {_CREATE_SECONDS:.0f} s"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if done.returncode != 0:
        said = (done.stdout.strip().splitlines() or ["its tool said nothing"])[-1]
        raise ServerError(f"the metastore's tables could not be made: {said}")
