"""How far dbt's build has come, and how long it will still take."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dagster_code.lib.dbt import RULES_TAG
from dagster_code.lib.time_left import Pace, in_words

_TABLES = ("model", "seed")
# For what the last build did not have, when nothing else is known either.
_SECONDS_OF_UNKNOWN = 1.0
_FORMER_RESULTS = "run_results.former.json"


def planned_nodes(manifest: Mapping[str, Any], has_new_rules: bool) -> dict[str, str]:
    """List what a whole build runs, as ``dbt.build_arguments`` asks for it.

    Args:
        manifest: dbt's.
        has_new_rules: whether the tables of the rules are built as well.

    Returns:
        Each seed, model and test by its unique id, with its resource type.
    """
    nodes = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] in (*_TABLES, "test")
        and node["config"].get("materialized") != "ephemeral"
    }
    left_out: set[str] = set()
    if not has_new_rules:
        left_out = {name for name, node in nodes.items() if RULES_TAG in node["tags"]}
        left_out |= {
            name
            for name, node in nodes.items()
            if node["resource_type"] == "test"
            and left_out.issuperset(node["depends_on"]["nodes"] or [name])
        }
    return {name: node["resource_type"] for name, node in nodes.items() if name not in left_out}


def keep_former_results(target: Path) -> None:
    """Put the last build's results aside: what a run leaves must be its own.

    Args:
        target: dbt's folder of the run.
    """
    results = target / "run_results.json"
    if results.is_file():
        results.replace(target / _FORMER_RESULTS)


def former_seconds(target: Path) -> tuple[dict[str, float], float | None]:
    """Read what the last build took.

    Args:
        target: dbt's folder of the run.

    Returns:
        Seconds of each node that did not fail, and of the whole; nothing where it is not known.
    """
    try:
        results = json.loads((target / _FORMER_RESULTS).read_text(encoding="utf-8"))
        nodes = {
            result["unique_id"]: float(result["execution_time"])
            for result in results["results"]
            if result["status"] in ("success", "pass", "warn")
        }
        return nodes, float(results["elapsed_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}, None


class BuildProgress:
    """A build under way."""

    def __init__(
        self,
        planned: Mapping[str, str],
        former: Mapping[str, float],
        former_total: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            planned: as ``planned_nodes`` gave it; empty when only a part is built.
            former: seconds of each node in the last build.
            former_total: seconds of the last build.
            clock: seconds, for tests.
        """
        self._planned = planned
        known = [former[name] for name in planned if name in former]
        usual = sum(known) / len(known) if known else _SECONDS_OF_UNKNOWN
        self._weights = {name: former.get(name, usual) for name in planned}
        total = sum(self._weights.values())
        # What a build of something else took says nothing about this one.
        has_former = former_total is not None and len(known) * 2 > len(planned)
        share = sum(known) / (sum(former.values()) or 1.0)
        self._pace = Pace(
            total, former_total * share if has_former and former_total else None, clock
        )
        self._done: set[str] = set()
        self._last = ""

    def finished(self, name: str) -> None:
        """Note that a seed, a model or a test has ended, however it did.

        Args:
            name: its unique id.
        """
        self._done.add(name)
        self._pace.reached(sum(self._weights.get(done, 0.0) for done in self._done))
        if name.partition(".")[0] in _TABLES:
            self._last = ".".join(name.split(".")[2:])

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return self._pace.elapsed

    def counts(self) -> str:
        """Write how much is done, like ``12 of 59 tables and views, 3 of 80 checks``."""
        tables = self._count(_TABLES, "tables and views")
        return f"{tables}, {self._count(('test',), 'checks')}"

    def describe(self) -> str:
        """Write how far it has come and how long it will still take."""
        last = f"; last {self._last}" if self._last else ""
        return f"building: {self.counts()}, {in_words(self._pace)}{last}"

    def _count(self, kinds: Iterable[str], noun: str) -> str:
        done = sum(name.partition(".")[0] in kinds for name in self._done)
        planned = sum(kind in kinds for kind in self._planned.values())
        return f"{done:,} of {planned:,} {noun}" if planned else f"{done:,} {noun}"
