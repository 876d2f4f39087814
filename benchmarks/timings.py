"""What a run's seconds went to, from dbt's run results and the command's progress lines."""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_LANDED = re.compile(r"landing \w+: .* in ([\d.]+) s$")
_MODEL_KINDS = frozenset({"model", "seed", "snapshot"})

# The first bar: staging, sessions, touches, both attributions, journeys, channel performance.
CORE_TARGETS = frozenset(
    {
        "stg_events",
        "stg_clients",
        "rejected_events",
        "int_sessions_stitched",
        "int_touches_identified",
        "first_touch_attribution",
        "last_touch_attribution",
        "client_journeys",
        "channel_performance",
    }
)
_CREDIT_TARGETS = frozenset({"first_touch_attribution", "last_touch_attribution"})
_MULTI_TOUCH_TARGETS = frozenset({"multi_touch_attribution", "model_comparison"})


@dataclass(frozen=True)
class NodeRun:
    """What dbt did for one node.

    Attributes:
        unique_id: dbt's name of it.
        started_at: seconds since 1970.
        ended_at: seconds since 1970.
    """

    unique_id: str
    started_at: float
    ended_at: float

    @property
    def kind(self) -> str:
        """``model``, ``seed``, ``test``, ``operation``, …."""
        return self.unique_id.split(".")[0]

    @property
    def name(self) -> str:
        """The node's own name."""
        return self.unique_id.split(".")[2]

    @property
    def is_built(self) -> bool:
        """Whether it makes a table or view."""
        return self.kind in _MODEL_KINDS


def node_runs(run_results: Mapping[str, list[dict[str, object]]]) -> list[NodeRun]:
    """Read dbt's run results; what was skipped took no time and is left out.

    Args:
        run_results: the content of ``run_results.json``.
    """
    found = []
    for result in run_results["results"]:
        timing = result["timing"]
        assert isinstance(timing, list)
        if timing:
            started = min(_seconds(phase["started_at"]) for phase in timing)
            ended = max(_seconds(phase["completed_at"]) for phase in timing)
            found.append(NodeRun(str(result["unique_id"]), started, ended))
    return found


def read_run_results(target: Path, since: float) -> list[NodeRun]:
    """Read all run results that dbt wrote since an instant: a build may take several invocations.

    Args:
        target: dbt's target folder.
        since: seconds since 1970.
    """
    found: dict[tuple[str, float], NodeRun] = {}
    for path in sorted(target.rglob("run_results*.json")):
        if path.stat().st_mtime >= since:
            for run in node_runs(json.loads(path.read_text(encoding="utf-8"))):
                if run.started_at >= since:
                    found[run.unique_id, run.started_at] = run
    return list(found.values())


def shared_seconds(runs: Sequence[NodeRun]) -> dict[str, float]:
    """Divide the wall time among the nodes: an instant belongs in equal parts to those at work.

    So the parts of nodes that overlap add up to the time that passed, not to more.

    Args:
        runs: of one build.

    Returns:
        Seconds by unique id.
    """
    shares = dict.fromkeys((run.unique_id for run in runs), 0.0)
    instants = sorted({instant for run in runs for instant in (run.started_at, run.ended_at)})
    for begin, end in pairwise(instants):
        busy = [run for run in runs if run.started_at <= begin and run.ended_at >= end]
        for run in busy:
            shares[run.unique_id] += (end - begin) / len(busy)
    return shares


def ancestors(parents: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    """Give the nodes of these names and everything they are made from.

    Args:
        parents: of each node, as dbt's manifest has them.
        names: of models, without what dbt puts before.
    """
    wanted = set(names)
    open_nodes = [
        node for node in parents if node.startswith("model.") and node.split(".")[2] in wanted
    ]
    found: set[str] = set()
    while open_nodes:
        node = open_nodes.pop()
        if node not in found:
            found.add(node)
            open_nodes.extend(parents.get(node, ()))
    return found


def groups(parents: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Divide the nodes into what the bars and the peers are held against.

    Args:
        parents: of each node, as dbt's manifest has them.

    Returns:
        Unique ids by group: ``core``; ``credit``, the part of it from the events to both
        attributions; ``multi_touch``, what the multi-touch models need beyond the core.
    """
    core = ancestors(parents, CORE_TARGETS)
    staged = ancestors(parents, {"stg_events"})
    return {
        "core": core,
        "credit": ancestors(parents, _CREDIT_TARGETS) - staged,
        "multi_touch": ancestors(parents, _MULTI_TOUCH_TARGETS) - core,
    }


def landing_seconds(progress: Iterable[tuple[float, str]]) -> float:
    """Add up what the landings say they took.

    Args:
        progress: lines of the command, each with its time.
    """
    found = (_LANDED.search(line) for _, line in progress)
    return sum(float(match.group(1)) for match in found if match)


def build_times(
    runs: Sequence[NodeRun],
    parents: Mapping[str, Iterable[str]],
    command: tuple[float, float],
    landing: float,
) -> dict[str, object]:
    """Say what a run of the command took, in all and by part.

    Args:
        runs: of dbt.
        parents: of each node, as dbt's manifest has them.
        command: when it began, and its wall time.
        landing: seconds of the landing.

    Returns:
        All in seconds: ``command``; ``landing``; ``build``, of models and seeds without tests, and
        its parts ``core``, ``credit`` and ``multi_touch``; ``tests``; ``checks``, from dbt's end to
        the command's; ``overhead``, the rest; ``by_model``, shared and alone.
    """
    started_at, wall = command
    shares = shared_seconds(runs)
    built = {run.unique_id for run in runs if run.is_built}
    build = sum(shares[node] for node in built)
    tests = sum(shares.values()) - build
    checks = started_at + wall - max(run.ended_at for run in runs) if runs else 0.0
    parts = {
        name: sum(shares[node] for node in built & members)
        for name, members in groups(parents).items()
    }
    return {
        "command": wall,
        "landing": landing,
        "build": build,
        **parts,
        "tests": tests,
        "checks": checks,
        "overhead": wall - landing - build - tests - checks,
        "by_model": {
            run.name: {"shared": shares[run.unique_id], "alone": run.ended_at - run.started_at}
            for run in runs
            if run.is_built
        },
    }


def _seconds(text: object) -> float:
    moment = dt.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
