"""A backfill inside the driver that spark-submit has started.

The landing speaks Spark Connect. Its server is in the driver, as in the home's server: so that the
very same landing runs here, with the same progress, errors and time zone.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from py4j.protocol import Py4JError
from pyspark.conf import SparkConf
from pyspark.core.context import SparkContext
from pyspark.errors import PySparkException

from dagster_code.lib import metastore, server
from dagster_code.lib.backfill import ANY_PORTS, COMMAND, Paths
from dagster_code.lib.connect_token import made_token
from dagster_code.lib.errors import RunFailedError, ServerError, UserError
from dagster_code.lib.jars import class_path
from dagster_code.lib.landing.land import land, landing_paths
from dagster_code.lib.landing.report import LandingReport
from dagster_code.lib.landing.schema import KINDS
from dagster_code.lib.lock import other_writer
from dagster_code.lib.mapping.mapping import load_mapping
from dagster_code.lib.progress import Progress
from dagster_code.lib.query import as_user_error, silence_pyspark
from dagster_code.lib.server_log import failure_reason
from dagster_code.lib.server_processes import HOME_KEY
from dagster_code.lib.server_state import new_state, write_state
from dagster_code.lib.session import session_on, writing_home
from dagster_code.lib.settings import Settings
from dagster_code.lib.spark_errors import is_gone
from dagster_code.lib.spark_submit import prepare_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WENT_AWAY = (
    "the backfill's driver went away: does {} answer? its log has the reason; nothing is lost or"
    " doubled, run again"
)
_SHOWS_HOW = "`attribution backfill --dry-run` writes the configuration and shows the command"


def land_all(
    settings: Settings,
    paths: Paths,
    mapping: str | None,
    is_helper: bool,
    progress: Progress,
) -> list[LandingReport]:
    """Land what is new under the paths, each file exactly once.

    Args:
        settings: whose home.
        paths: what to land, by kind; no path at all means the landing folder.
        mapping: name or path of the mapping that reads the events; ``None``: they need none.
        is_helper: whether ``attribution backfill`` started this and holds the home.
        progress: told what is being done.

    Raises:
        UserError: this is not the driver of this home's configuration, its server runs, a path
            is wrong, or the mapping has a mistake.
        ServerError: the driver cannot be started or died, or another one has the metastore.
        RunFailedError: Spark could not write, or another process keeps the home.
    """
    conf = checked_conf(settings, _submitted_conf())
    is_landing_folder = not any(paths.values())
    home = _held_home(settings) if is_helper else _own_home(settings, progress)
    with home, _driver(settings, conf, progress) as spark:
        return [
            land(
                spark,
                kind,
                landing_paths(kind, paths.get(kind, ()), settings),
                settings,
                progress,
                load_mapping(mapping) if mapping and kind == "events" else None,
            )
            for kind in KINDS
            if paths.get(kind) or is_landing_folder
        ]


def checked_conf(settings: Settings, conf: Mapping[str, str]) -> Mapping[str, str]:
    """Take the configuration that spark-submit was given, if a backfill can work with it.

    Args:
        settings: whose home.
        conf: the configuration.

    Raises:
        UserError: it is not this project's, is another home's, or has the driver elsewhere.
    """
    home = conf.get(HOME_KEY)
    if home is None:
        raise UserError(f"Spark's configuration is not that of a backfill: {_SHOWS_HOW}")
    if home != str(settings.home.resolve()):
        raise UserError(
            f"Spark's configuration is that of the home {home}, ATTRIBUTION_HOME is"
            f" {settings.home}: {_SHOWS_HOW}"
        )
    if conf.get("spark.submit.deployMode", "client") != "client":
        raise UserError(
            "a backfill's driver runs where the home and its locks are: use --deploy-mode client"
        )
    return conf


def _submitted_conf() -> dict[str, str]:
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        raise UserError(f"a backfill is started by spark-submit: {_SHOWS_HOW}")
    # before the context, which alone would be too late to refuse
    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


# --- The home -------------------------------------------------------------------------------------


@contextmanager
def _held_home(settings: Settings) -> Iterator[None]:
    """Work for the command that holds the home's writer lock.

    Raises:
        RunFailedError: it was killed meanwhile.
    """
    if other_writer(settings) is None:
        raise RunFailedError("the command that started this backfill is gone: run it again")
    yield


@contextmanager
def _own_home(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the home, as the driver that somebody has submitted by hand.

    Its state stays until the process is gone: whoever starts a server before ends it first.
    """
    driver = os.getppid()
    server.refuse_backfill(settings)
    with writing_home(settings, progress, COMMAND) as lock:
        with server.in_its_place(settings, progress):
            prepare_home(settings, class_path(settings), progress)
            write_state(settings, new_state(driver, ANY_PORTS, "backfill"))
        # After a lost connection the statement may run on: only what Spark ended is settled.
        with lock.writing(settled=(RunFailedError,)):
            lock.note_child(driver)
            yield


# --- The driver -----------------------------------------------------------------------------------


@contextmanager
def _driver(
    settings: Settings, conf: Mapping[str, str], progress: Progress
) -> Iterator["SparkSession"]:
    """Start Spark in this driver and open a session of Spark Connect on it.

    Raises:
        ServerError: Spark does not start or went away, or another driver has the metastore.
        UserError: what Spark did not like.
    """
    silence_pyspark()
    context = _context(settings)
    try:
        progress(f"the driver runs on {conf.get('spark.master')}, its page is {context.uiWebUrl}")
        with session_on(settings, _connect_port(context)) as spark:
            if settings.cluster is not None:
                # opens the connections by which two drivers that start at one instant are seen
                spark.sql("show schemas").collect()
                metastore.check_alone(settings)
            yield spark
    except (PySparkException, grpc.RpcError) as error:
        if is_gone(str(error)):
            raise ServerError(_WENT_AWAY.format(conf.get("spark.master"))) from error
        raise as_user_error(error) from error
    finally:
        _stop(context)


def _context(settings: Settings) -> SparkContext:
    # with it PySpark would refuse a session of Spark Connect
    os.environ.pop("MASTER", None)
    conf = SparkConf()
    # the server's own main class asks for it by itself
    conf.set("spark.sql.catalogImplementation", "hive")
    conf.set("spark.connect.authenticate.token", made_token(settings))
    try:
        return SparkContext(conf=conf)
    except Py4JError as error:
        reason = failure_reason(str(error)) or "no reason given"
        raise ServerError(f"the backfill's driver could not be started: {reason}") from error


def _connect_port(context: SparkContext) -> int:
    jvm: Any = context._jvm
    # a Scala object, as Java sees it
    service = getattr(jvm.org.apache.spark.sql.connect.service, "SparkConnectService$")
    return int(getattr(service, "MODULE$").localPort())


def _stop(context: SparkContext) -> None:
    try:
        context.stop()
    except Py4JError:
        # a driver that is gone has stopped
        return
