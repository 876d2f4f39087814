"""Killing one part of a run at a chosen moment, and running again until all is well."""

import contextlib
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import psutil

from dagster_code.lib import server
from dagster_code.lib.server_processes import living
from tests.increments.homes import Command, DrivenHome, Paths, run_arguments

Target = Literal["server", "dbt", "run"]
TARGETS: tuple[Target, ...] = ("server", "dbt", "run")

# The next run heals; more of them are tried only to tell a slow healing from none.
MOST_RERUNS = 3

_LOOK_EVERY_SECONDS = 0.2


@dataclass
class Tempo:
    """What has been seen of a run, in seconds since its start.

    Attributes:
        working: when the first line of progress came: what is before only imports.
        dbt: when dbt's build began.
        dbt_end: when it was seen last.
        end: when the run was seen last.
    """

    working: float | None = None
    dbt: float | None = None
    dbt_end: float | None = None
    end: float = 0.0

    def look(self, command: Command) -> None:
        """See how far the run is."""
        self.end = command.seconds
        if self.working is None and any(map(_is_work, command.progress())):
            self.working = self.end
        if dbt_process(command) is not None:
            self.dbt = self.dbt if self.dbt is not None else self.end
            self.dbt_end = self.end

    def is_due(self, target: Target, share: float, usual: "Tempo") -> bool:
        """Whether that share of the usual time has passed, of dbt's part or of the whole work."""
        since = self.dbt if target == "dbt" else self.working
        if since is None:
            return False
        return self.end - since >= share * usual.span(target)

    def span(self, target: Target) -> float:
        """How long the part took that can be killed."""
        if target == "dbt":
            return (self.dbt_end or 0.0) - (self.dbt or 0.0)
        return self.end - (self.working or 0.0)


@dataclass(frozen=True)
class Strike:
    """What is killed, and when.

    Attributes:
        target: what is killed.
        share: after this share of the usual time,
        built: or, where a model is named, as soon as the run tells that it is built.
    """

    target: Target
    share: float = 0.0
    built: str | None = None

    def is_due(self, command: Command, tempo: Tempo, usual: Tempo) -> bool:
        """Whether its moment has come."""
        if self.built is not None:
            return any(line.split()[:2] == ["built", self.built] for line in command.progress())
        return tempo.is_due(self.target, self.share, usual)


@dataclass(frozen=True)
class Kill:
    """What was killed, when, and how it went on.

    Attributes:
        target: what was killed; None when the run was over before its moment.
        seconds: into the run.
        last_line: its progress at that moment.
        own_exit: the killed run's exit code.
        reruns: exit codes of the runs after it, which were given no files.
    """

    target: Target | None
    seconds: float
    last_line: str
    own_exit: int
    reruns: Sequence[int]

    @property
    def is_healed(self) -> bool:
        """Whether the very next run worked."""
        return tuple(self.reruns) == (0,)


def strikes(count: int, rng: random.Random) -> list[Strike]:
    """So many strikes: the targets in turn, the moments spread over the whole run."""
    shares = [(number + rng.random()) / count for number in range(count)]
    rng.shuffle(shares)
    targets = [TARGETS[number % len(TARGETS)] for number in range(count)]
    return [Strike(*one) for one in zip(targets, shares, strict=True)]


def watched_run(home: DrivenHome, paths: Paths, variables: Mapping[str, object]) -> Tempo:
    """Run to the end, and tell how long its parts took.

    Raises:
        RunError: it failed.
    """
    tempo = Tempo()
    with home.running(*run_arguments(paths, variables)) as command:
        while command.process.poll() is None:
            tempo.look(command)
            time.sleep(_LOOK_EVERY_SECONDS)
        home.insist(command.completed())
    return tempo


def killed_run(
    home: DrivenHome,
    paths: Paths,
    variables: Mapping[str, object],
    strike: Strike,
    usual: Tempo,
) -> Kill:
    """Run, kill, and run again without files until it works or the tries are used up.

    Args:
        home: whose server is up, so that the run begins to work at once.
        paths: files to land.
        variables: dbt variables.
        strike: what to kill and when.
        usual: how long a run takes when it is left alone.
    """
    tempo = Tempo()
    hit: tuple[float, str] | None = None
    with home.running(*run_arguments(paths, variables)) as command:
        while hit is None and command.process.poll() is None:
            tempo.look(command)
            if strike.is_due(command, tempo, usual):
                moment = command.seconds, (command.progress() or [""])[-1]
                hit = moment if _kill(home, command, strike.target) else None
            time.sleep(_LOOK_EVERY_SECONDS)
        own_exit = command.completed().returncode
    if hit is None:
        return Kill(None, command.seconds, "", own_exit, ())
    reruns: list[int] = []
    while len(reruns) < MOST_RERUNS and 0 not in reruns:
        reruns.append(home.attribution(*run_arguments({}, variables)).returncode)
    return Kill(strike.target, *hit, own_exit, reruns)


def dbt_process(command: Command) -> psutil.Process | None:
    """The dbt that builds for a run; None when there is none."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(command.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                if "build" in words and any(word.endswith("/dbt") for word in words):
                    return child
    return None


def _kill(home: DrivenHome, command: Command, target: Target) -> bool:
    """Kill -9; whether there was anything to kill."""
    if target == "run":
        command.process.kill()
        return True
    if target == "dbt":
        process = dbt_process(command)
    else:
        state = living(home.settings)
        process = psutil.Process(state.pid) if state is not None else None
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False


def _is_work(line: str) -> bool:
    """Whether a line of progress tells of the run itself, not of what it waits for."""
    return not any(words in line for words in ("the Spark server", "parsing", "waiting"))


def start_server(home: DrivenHome) -> None:
    """Have the server up before a run, so that the run begins to work at once."""
    server.start(home.settings, lambda _line: None)


def table_lines(kills: Sequence[tuple[Kill, int | None]]) -> list[str]:
    """The kills as a table.

    Args:
        kills: each with the rows that differed afterwards; None when nothing was compared.
    """
    lines = [f"{'second':>7}  {'killed':8}{'exit':>5}  {'reruns':8}{'differing':>9}  last progress"]
    for kill, differing in kills:
        target = kill.target or "too late"
        reruns = ",".join(map(str, kill.reruns))
        shown = "-" if differing is None else str(differing)
        lines.append(
            f"{kill.seconds:7.1f}  {target:8}{kill.own_exit:>5}  {reruns:8}{shown:>9}"
            f"  {kill.last_line}"
        )
    return lines
