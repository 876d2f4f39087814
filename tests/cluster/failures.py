"""Striking one part of a pipeline while a run is at work, and what came of it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from dagster_code.lib.landing.schema import KINDS, records_table
from dagster_code.lib.server_processes import living
from tests.increments.homes import Command, DrivenHome, Paths, run_arguments
from tests.increments.judge import oracle_differences

SCHEMAS = ("staging", "intermediate", "marts")

_LOOK_EVERY_SECONDS = 0.05
_UI_SECONDS = 5.0

# What is struck at this moment of the run; None: its moment has not come.
Strike = Callable[[Command], str | None]


class NotStruckError(Exception):
    """The run was over before the moment of the strike: the test shows nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a strike did.

    Attributes:
        struck: what was struck.
        seconds: into the run.
        last_line: the run's progress at that moment.
        exits: of the run, and of the same command given again where it failed.
        said: how the failed run told of it; empty where it did not fail.
        recovery_seconds: from the strike to the end of the run that worked.
        lost: records that were delivered and are not there.
        doubled: records that are there more than once.
        differing: lines in which the tables differ from the oracle.
    """

    struck: str
    seconds: float
    last_line: str
    exits: tuple[int, ...]
    said: str
    recovery_seconds: float
    lost: int = 0
    doubled: int = 0
    differing: int = 0

    def line(self) -> str:
        """The outcome as a line of a table."""
        exits = ",".join(map(str, self.exits))
        return (
            f"{self.struck:42}  {self.seconds:6.1f}  {exits:6} {self.recovery_seconds:7.1f}"
            f" {self.lost:5} {self.doubled:7} {self.differing:6}  {self.last_line}"
        )


HEAD = (
    f"{'struck':42}  {'second':>6}  {'exits':6} {'recover':>7} {'lost':>5} {'doubled':>7}"
    f" {'differ':>6}  last progress"
)


def struck_run(
    home: DrivenHome, paths: Paths, strike: Strike, heal: Callable[[], None] = lambda: None
) -> Outcome:
    """Run, strike once, and give the same command again if it failed.

    Args:
        home: whose server is up, so that the run begins to work at once.
        paths: files to land.
        strike: looks at the run again and again until it strikes.
        heal: what a person does before giving the command again.

    Raises:
        NotStruckError: it never did.
    """
    arguments = run_arguments(paths, {})
    hit: tuple[str, float, str] | None = None
    struck_at = 0.0
    with home.running(*arguments) as command:
        while hit is None and command.process.poll() is None:
            struck = strike(command)
            if struck is not None:
                struck_at = time.monotonic()
                hit = struck, command.seconds, (command.progress() or [""])[-1]
            time.sleep(_LOOK_EVERY_SECONDS)
        first = command.completed()
    if hit is None:
        raise NotStruckError(f"{first.returncode}: {first.stderr[-500:]}")
    exits = [first.returncode]
    said = "" if first.returncode == 0 else error_line(first.stderr)
    heal()
    if first.returncode != 0:
        exits.append(home.attribution(*arguments).returncode)
    return Outcome(*hit, tuple(exits), said, time.monotonic() - struck_at)


def error_line(stderr: str) -> str:
    """The line in which a command tells its user what went wrong; "" where it was killed."""
    lines = [line for line in stderr.splitlines() if line.startswith("attribution: ")]
    return lines[-1] if lines else ""


# --- What is there afterwards ---------------------------------------------------------------------


def record_counts(home: DrivenHome) -> tuple[int, int]:
    """The records in the raw tables, and how many of them are different ones."""
    counts = " union all ".join(
        "select count(*) as there, count(distinct source_sha256, source_position) as different"
        f" from {records_table(kind)}"
        for kind in KINDS
    )
    with home.session() as spark:
        (row,) = spark.sql(f"select sum(there) as t, sum(different) as d from ({counts})").collect()
    return row["t"], row["d"]


def differing_lines(home: DrivenHome) -> list[str]:
    """Where the home's tables differ from what SPEC.md says of all that has landed."""
    return oracle_differences(home.raw(), home.read_tables(SCHEMAS), {})


# --- Moments --------------------------------------------------------------------------------------


def after_line(start: str) -> Callable[[Command], bool]:
    """Once the run has told this."""
    return lambda command: any(line.startswith(start) for line in command.progress())


def built_count(command: Command) -> int:
    """How many tables the run has told to be built."""
    return sum(line.startswith("built ") for line in command.progress())


class SparkPage:
    """What Spark's own page says of the running driver."""

    def __init__(self, home: DrivenHome) -> None:
        """Look for the page at each question: a driver may be replaced."""
        self._home = home

    def stages(self) -> list[dict[str, Any]]:
        """The stages that run at this moment."""
        return self._read("stages?status=active")

    def is_shuffling(self) -> bool:
        """Whether some tasks of a stage have written or read a shuffle, and others still do."""
        return any(
            stage["numActiveTasks"] and (stage["shuffleReadBytes"] or stage["shuffleWriteBytes"])
            for stage in self.stages()
        )

    def statements(self) -> list[str]:
        """The statements that run at this moment."""
        found = self._read("sql?details=false&length=10000")
        return [one["description"] for one in found if one["status"] == "RUNNING"]

    def executors(self) -> list[dict[str, Any]]:
        """The driver and the executors, those that it handed back as well."""
        return self._read("allexecutors")

    def _read(self, what: str) -> list[dict[str, Any]]:
        state = living(self._home.settings)
        if state is None:
            return []
        root = f"http://127.0.0.1:{state.ui_port}/api/v1/applications"
        try:
            (application,) = _json(root)
            return list(_json(f"{root}/{application['id']}/{what}"))
        except (urllib.error.URLError, OSError, ValueError):
            return []


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=_UI_SECONDS) as answer:
        return json.load(answer)


def kill_driver(home: DrivenHome) -> bool:
    """Kill -9 the Spark server; whether there was one."""
    state = living(home.settings)
    if state is None:
        return False
    psutil.Process(state.pid).kill()
    return True
