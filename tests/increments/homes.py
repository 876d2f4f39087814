"""Homes that the harness drives: the command of this very checkout, and its tables as Arrow."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from dagster_code.lib import server
from dagster_code.lib.landing.schema import KINDS, Kind, records_table
from dagster_code.lib.session import session_on
from dagster_code.lib.settings import PROJECT_ROOT, Settings, load_settings
from tests.increments.differences import RUN_TABLES, Tables
from tests.integration.conftest import Home

# The command's script may belong to another checkout.
COMMAND = (sys.executable, "-c", "from dagster_code.cli import main; main()")

# Thousands of records need no more, and two servers may have to live side by side.
DRIVER_MEMORY = "2g"

TIMEOUT_SECONDS = 3600

# On a machine that is busy with other things as well.
START_TIMEOUT_SECONDS = 600.0

Paths = Mapping[Kind, Sequence[Path]]


class RunError(Exception):
    """A command failed that should have worked; says which and what it printed."""


@dataclasses.dataclass(frozen=True)
class DrivenHome(Home):
    """A home whose commands are this checkout's and can be watched while they run.

    Attributes:
        variables: of the environment of its commands, which come last.
    """

    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def at(cls, folder: Path) -> "DrivenHome":
        """A home in a folder; its server chooses free ports."""
        own = load_settings()
        return cls(
            dataclasses.replace(
                own,
                home=folder.absolute(),
                thrift_port=None,
                connect_port=None,
                ui_port=None,
                settle_seconds=0.0,
                start_timeout_seconds=START_TIMEOUT_SECONDS,
                driver_memory=own.driver_memory or DRIVER_MEMORY,
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a command work on this home, with this checkout's code."""
        return {
            **os.environ,
            **_variables(self.settings),
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH")))
            ),
            **self.variables,
        }

    def start(self, *arguments: object) -> "Command":
        """Start the command; what it prints goes to files."""
        logs = self.settings.home.with_name(f"{self.settings.home.name}-commands")
        logs.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in logs.glob("*.err"))
        out, err = logs / f"{number:03d}.out", logs / f"{number:03d}.err"
        with out.open("wb") as out_handle, err.open("wb") as err_handle:
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                cwd=PROJECT_ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out_handle,
                stderr=err_handle,
            )
        return Command(process, out, err, time.monotonic())

    def attribution(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        with self.running(*arguments) as command:
            return command.completed()

    @contextlib.contextmanager
    def running(self, *arguments: object) -> Iterator["Command"]:
        """Start the command, and leave it to nobody when this ends early."""
        command = self.start(*arguments)
        try:
            yield command
        finally:
            if command.process.poll() is None:
                # as Ctrl-C: it ends its own children first
                command.process.terminate()
                command.process.wait(60)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command and insist that it worked."""
        return self.insist(self.attribution(*arguments))

    def insist(self, result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
        """Take a command's result, if it worked.

        Raises:
            RunError: it did not.
        """
        if result.returncode != 0:
            shown = " ".join(map(str, result.args[len(COMMAND) :]))
            raise RunError(f"attribution {shown}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
        return result

    def stop(self) -> None:
        """Stop the home's server."""
        server.stop(self.settings)

    @contextlib.contextmanager
    def session(self) -> Iterator[SparkSession]:
        """A session on the home's server, which is started if it is down."""
        state = server.ensure_running(self.settings, lambda _line: None)
        with session_on(self.settings, state.connect_port) as spark:
            yield spark

    def read_tables(self, schemas: Sequence[str], skipped: frozenset[str] = RUN_TABLES) -> Tables:
        """Every table and view of some schemas, whole.

        Args:
            schemas: like `marts`.
            skipped: names of tables, without their schema, to leave out.
        """
        with self.session() as spark:
            return {
                f"{schema}.{row['tableName']}": _read(spark, f"{schema}.{row['tableName']}")
                for schema in schemas
                if spark.catalog.databaseExists(schema)
                for row in spark.sql(f"show tables in {schema}").collect()
                if row["tableName"] not in skipped
            }

    def landed_files(self) -> set[str]:
        """The files whose records are in the raw tables, registered or not."""
        found: set[str] = set()
        with self.session() as spark:
            for kind in KINDS:
                table = records_table(kind)
                if spark.catalog.tableExists(table):
                    rows = spark.sql(f"select distinct source_file from {table}").collect()
                    found |= {row["source_file"] for row in rows}
        return found


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that runs.

    Attributes:
        process: of it.
        out: file with what it prints.
        err: file with its progress.
        started: by the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    out: Path
    err: Path
    started: float

    def completed(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end.

        Raises:
            RunError: it did not end in time.
        """
        try:
            code = self.process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            last = (self.progress() or ["nothing"])[-1]
            raise RunError(f"no end after {TIMEOUT_SECONDS} s; its last line: {last}") from error
        texts = (
            path.read_text(encoding="utf-8", errors="replace") for path in (self.out, self.err)
        )
        return subprocess.CompletedProcess(self.process.args, code, *texts)

    def progress(self) -> list[str]:
        """The lines of progress so far, without their time of day."""
        text = self.err.read_text(encoding="utf-8", errors="replace")
        return [line.partition("  ")[2] or line for line in text.splitlines()]

    @property
    def seconds(self) -> float:
        """How long ago it started."""
        return time.monotonic() - self.started


def run_arguments(
    paths: Paths, variables: Mapping[str, object], *, is_full_refresh: bool = False
) -> list[object]:
    """The arguments of `attribution` for a run that lands these files."""
    arguments: list[object] = ["run"]
    for kind, files in paths.items():
        for file in files:
            arguments += [f"--{kind}", file]
    if variables:
        arguments += ["--vars", json.dumps(dict(variables))]
    return [*arguments, "--full-refresh"] if is_full_refresh else arguments


def joined(first: Paths, second: Paths) -> dict[Kind, list[Path]]:
    """The files of two deliveries, in that order."""
    both = ((kind, [*first.get(kind, ()), *second.get(kind, ())]) for kind in KINDS)
    return {kind: files for kind, files in both if files}


def _variables(settings: Settings) -> dict[str, str]:
    return {
        "ATTRIBUTION_HOME": str(settings.home),
        "ATTRIBUTION_SETTLE_SECONDS": str(settings.settle_seconds),
        # Judged by its tables: what is shown of them only takes time.
        "ATTRIBUTION_REPORT": "no",
        "ATTRIBUTION_SAMPLE_ROWS": "no",
        "ATTRIBUTION_DRIVER_MEMORY": settings.driver_memory or DRIVER_MEMORY,
        "ATTRIBUTION_START_TIMEOUT_SECONDS": str(settings.start_timeout_seconds),
        "ATTRIBUTION_THRIFT_PORT": "",
        "ATTRIBUTION_CONNECT_PORT": "",
        "ATTRIBUTION_UI_PORT": "",
    }


def _read(spark: SparkSession, table: str) -> pa.Table:
    return spark.table(table).toArrow()
