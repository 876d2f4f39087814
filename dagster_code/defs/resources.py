"""What the assets work with: the home of this environment, its Spark server, dbt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version as installed_version
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from dagster_pyspark import LazyPySparkResource
from packaging.version import Version
from pydantic import PrivateAttr
from pyspark.sql import SparkSession

from dagster_code.lib import server
from dagster_code.lib.connect_token import read_token
from dagster_code.lib.dbt import executable
from dagster_code.lib.dead_runs import process_tags
from dagster_code.lib.lock import WriterLock
from dagster_code.lib.progress import Progress, also_to, announce
from dagster_code.lib.session import connect_url, set_up, writing_home
from dagster_code.lib.settings import DBT_PROJECT_DIR, Settings, load_settings


class AttributionHome(dg.ConfigurableResource):
    """The home that the environment names, held for writing as long as the run lasts.

    The steps of a run share a process and thus this resource, so nothing else lands or builds
    between a run's landing and its checks.
    """

    _lock: WriterLock | None = PrivateAttr(default=None)
    _session: SparkSession | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["AttributionHome"]:
        """Hold the home's writer lock for the run.

        Args:
            context: Dagster's; gives the run's id and log.

        Raises:
            RunFailedError: another process kept the lock for too long.
        """
        report = announce if context.log is None else also_to(context.log.info)
        run_id = None if context.run is None else context.run.run_id
        command = f"Dagster run {(run_id or 'without id')[:8]}"
        if context.instance is not None and run_id is not None:
            context.instance.add_run_tags(run_id, process_tags())
        with writing_home(self.settings, report, command) as lock:
            self._lock = lock
            try:
                yield self
            finally:
                self._disconnect()

    @property
    def settings(self) -> Settings:
        """The settings of this environment."""
        return load_settings()

    @property
    def lock(self) -> WriterLock:
        """The home's writer lock, held by this run."""
        if self._lock is None:
            raise dg.DagsterInvariantViolationError("the home is only there while a run lasts")
        return self._lock

    def connect(self, progress: Progress) -> SparkSession:
        """Open a Spark Connect session, on a server that is started if it is down.

        A step opens its own: after a retry the last one may belong to a server that is gone.

        Args:
            progress: told when the server has to be started.

        Raises:
            ServerError: the server cannot be started.
        """
        self._disconnect()
        state = server.ensure_running(self.settings, progress)
        address = connect_url(state.connect_port, read_token(self.settings))
        lazy = LazyPySparkResource(spark_config={"spark.remote": address})
        session: SparkSession = lazy.spark_session
        set_up(session)
        self._session = session
        return session

    def thrift_port(self, progress: Progress) -> int:
        """Give the Thrift door of the server, which is started if it is down.

        Args:
            progress: told when the server has to be started.

        Raises:
            ServerError: the server cannot be started.
        """
        return server.ensure_running(self.settings, progress).thrift_port

    def _disconnect(self) -> None:
        if self._session is not None:
            self._session.stop()
            self._session = None


class LeanDbtCliResource(DbtCliResource):
    """dbt's command line, on the project in ``dbt_spark/``."""

    # It leaves out two detours that cost 12 s a run (measured, two cores): Dagster asks
    # `dbt --version`, which starts another dbt and asks the package index, and makes a dbt adapter
    # of its own in this process, which only row counts and column metadata need: here both come
    # from Spark. The two overridden methods are not Dagster's public interface;
    # tests/dagster/test_resources.py says when they change.

    @cached_property
    def _cli_version(self) -> Version:
        return Version(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:  # noqa: ANN401  none is made
        return None


@dg.definitions
def resources() -> dg.Definitions:
    """Give the resources of every run, and the executor: each step only drives the server."""
    return dg.Definitions(
        resources={
            "home": AttributionHome(),
            "dbt": LeanDbtCliResource(
                project_dir=str(DBT_PROJECT_DIR),
                profiles_dir=str(DBT_PROJECT_DIR),
                dbt_executable=executable(),
            ),
        },
        # Another process for each step would import Dagster and Spark Connect again: about 14 s.
        executor=dg.in_process_executor,
    )
