"""A home ready to be written or read: its lock, its server, a Spark session."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster_code.lib import server
from dagster_code.lib.connect_token import read_token
from dagster_code.lib.lock import WriterLock, end_leftover_child, writer_lock
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# 50 ms, four times as long each time: 17 s and some jitter. PySpark's own policy asks a server that
# is gone for ten minutes, also when a session is closed.
_MOST_RETRIES = 5


def connect_url(connect_port: int, token: str = "") -> str:
    """Give the address of the Spark Connect door.

    Args:
        connect_port: its port on 127.0.0.1.
        token: what opens it; left out of an address that is shown.
    """
    # by this name alone PySpark sends a token without TLS
    return f"sc://localhost:{connect_port}/" + (f";token={token}" if token else "")


def jdbc_url(thrift_port: int) -> str:
    """Give the address of the Thrift door, as BI tools want it.

    Args:
        thrift_port: its port on 127.0.0.1.
    """
    return f"jdbc:hive2://127.0.0.1:{thrift_port}/;auth=noSasl"


@contextmanager
def writing_home(settings: Settings, progress: Progress, command: str) -> Iterator[WriterLock]:
    """Hold the writer lock on a home on which no dead writer's statement still runs.

    Args:
        settings: whose home.
        progress: told about waiting and restarting.
        command: what the lock is for, as shown to others that wait.

    Raises:
        RunFailedError: another process kept the lock for too long.
        ServerError: the server could not be stopped.
    """
    with writer_lock(settings, progress, command) as lock:
        if lock.predecessor is not None:
            dead = lock.predecessor
            progress(f"{dead.command} (pid {dead.pid}) was cut off: restarting the Spark server")
            end_leftover_child(dead)
            server.stop(settings)
            lock.forget_predecessor()
        yield lock


def open_session(settings: Settings, connect_port: int) -> "SparkSession":
    """Open a session of one's own on a running server, with UTC as its time zone.

    Args:
        settings: whose home: the token is there.
        connect_port: the Spark Connect door on 127.0.0.1.
    """
    from pyspark.sql import SparkSession

    address = connect_url(connect_port, read_token(settings))
    spark = SparkSession.builder.remote(address).create()
    set_up(spark)
    return spark


@contextmanager
def session_on(settings: Settings, connect_port: int) -> Iterator["SparkSession"]:
    """Open a session as ``open_session`` does, and end it: one left open keeps its process alive.

    Args:
        settings: whose home.
        connect_port: the Spark Connect door on 127.0.0.1.
    """
    spark = open_session(settings, connect_port)
    try:
        yield spark
    finally:
        spark.stop()


@contextmanager
def spark_session(settings: Settings, progress: Progress) -> Iterator["SparkSession"]:
    """Open a session on the home's server, started if it is down; Spark's errors become one line.

    Args:
        settings: whose home.
        progress: told when the server has to be started.

    Raises:
        UserError: what Spark did not like.
        ServerError: the server cannot be started, or went away.
    """
    state = server.ensure_running(settings, progress)
    import grpc
    from pyspark.errors import PySparkException

    from dagster_code.lib.query import as_user_error, silence_pyspark

    silence_pyspark()
    try:
        with session_on(settings, state.connect_port) as spark:
            yield spark
    except (PySparkException, grpc.RpcError) as error:
        raise as_user_error(error) from error


def set_up(session: "SparkSession") -> None:
    """Give a session UTC as its time zone, and little patience with a server that is gone.

    Args:
        session: of Spark Connect, on a running server; closed if that is gone.

    Raises:
        pyspark.errors.PySparkException: the server does not answer.
    """
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=_MOST_RETRIES)])
    try:
        session.conf.set("spark.sql.session.timeZone", "UTC")
    except BaseException:
        # PySpark would keep it as this thread's active session, and ask its server when others are
        # used, even to name a column. Closed first, it is not released: there is nobody to do it.
        session.client.close()
        session.stop()
        raise
