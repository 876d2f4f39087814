"""A home of its own to measure in: the command run as a user runs it, and its server."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import BenchError
from dagster_code.lib.server_state import ServerState, read_state
from dagster_code.lib.session import session_on
from dagster_code.lib.settings import PROJECT_ROOT, Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class CommandRun:
    """A finished command.

    Attributes:
        started_at: in seconds since 1970.
        seconds: wall time.
        output: what it printed.
        progress: its lines on standard error, each with the seconds since its start.
    """

    started_at: float
    seconds: float
    output: str
    progress: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Home:
    """A folder for ATTRIBUTION_HOME.

    Attributes:
        path: the folder.
        driver_memory: heap of its server; ``None`` as the machine suggests.
    """

    path: Path
    driver_memory: str | None = None

    @property
    def settings(self) -> Settings:
        """The settings that the command finds there."""
        return load_settings(self.environment())

    def environment(self) -> dict[str, str]:
        """Give the environment of a command in this home, with this very checkout's code."""
        own = {
            "ATTRIBUTION_HOME": str(self.path),
            "PYTHONPATH": str(PROJECT_ROOT),
            # Spark counts what a task's own thread reads, and Parquet would read in others.
            "JAVA_TOOL_OPTIONS": "-Dspark.hadoop.parquet.hadoop.vectored.io.enabled=false",
        }
        if self.driver_memory is not None:
            own["ATTRIBUTION_DRIVER_MEMORY"] = self.driver_memory
        return {**os.environ, **own}

    def command(self, *arguments: str) -> CommandRun:
        """Run ``attribution ARGUMENTS``; its progress passes through to standard error.

        Args:
            arguments: of the command.

        Raises:
            BenchError: it did not end with 0.
        """
        started_at, started = time.time(), time.monotonic()
        progress = []
        with subprocess.Popen(
            [str(Path(sys.executable).with_name("attribution")), *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                for line in process.stderr or ():
                    progress.append((time.monotonic() - started, line.rstrip("\n")))
                    sys.stderr.write(f"    {line}")
                # Short: a pipe holds more than a report has.
                output = process.stdout.read() if process.stdout else ""
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            reason = progress[-1][1] if progress else output[-300:]
            raise BenchError(f"attribution {' '.join(arguments)}: {reason}")
        return CommandRun(started_at, time.monotonic() - started, output, tuple(progress))

    def server(self) -> ServerState:
        """Give the state of the running server.

        Raises:
            BenchError: there is none.
        """
        state = read_state(self.settings)
        if state is None:
            raise BenchError(f"no server in {self.path}")
        return state

    @contextmanager
    def serving(self) -> Iterator["Home"]:
        """Keep the home's server up; it is stopped at the end, whatever happens."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self.command("up")
            yield self
        finally:
            self.command("down")

    @contextmanager
    def session(self) -> Iterator["SparkSession"]:
        """Open a Spark Connect session on the running server."""
        with session_on(self.settings, self.server().connect_port) as spark:
            yield spark

    def manifest(self) -> dict[str, list[str]]:
        """Read what each dbt node depends on.

        Raises:
            BenchError: dbt has not run here.
        """
        path = self.settings.dbt_target_dir / "manifest.json"
        try:
            parents = json.loads(path.read_text(encoding="utf-8"))["parent_map"]
        except FileNotFoundError as error:
            raise BenchError(f"dbt left no manifest in {self.path}") from error
        return {str(node): list(map(str, found)) for node, found in parents.items()}

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)


def rows_of(spark: "SparkSession", sql: str) -> Sequence[Sequence[object]]:
    """Collect a small result.

    Args:
        spark: where to ask.
        sql: a statement that gives a handful of rows.
    """
    return [tuple(row) for row in spark.sql(sql).collect()]
