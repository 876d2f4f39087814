"""What was measured, read from the results: times, ratios, bars and whether they were reached."""

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.spark_metrics import UNNAMED

Results = Mapping[str, Any]

_SMALL_HEAP_GIB = 4.0
# A table of at least this part of the bytes that landed has a row an event.
_EVENT_SIZED_SHARE = 0.2
PARTS = {
    "build": "everything that is built, without tests",
    "core": "of it staging, sessions, touches, both attributions, journeys, channel performance",
    "credit": "of that from events to both attributions",
    "multi_touch": "of it what multi-touch models need besides",
    "tests": "dbt's tests",
    "checks": "quality checks and report",
    "overhead": "start of Python, Dagster and dbt, waits",
    "command": "the whole command",
}


@dataclass(frozen=True)
class Spread:
    """What repeated measurements gave.

    Attributes:
        low: the least.
        median: the middle.
        high: the greatest.
        count: how many there were.
    """

    low: float
    median: float
    high: float
    count: int

    def __str__(self) -> str:
        """Write as ``median (low to high)``."""
        if self.count == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.low)} to {number(self.high)})"


@dataclass(frozen=True)
class Bar:
    """A limit, and what was measured.

    Attributes:
        name: what is limited.
        limit: at most this.
        value: as measured; ``None`` if it was not.
        note: why it was not, or what to know.
    """

    name: str
    limit: float
    value: float | None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``reached``, ``missed`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        return "reached" if self.value <= self.limit else "missed"


def spread(values: Iterable[float]) -> Spread | None:
    """Sum up repeated measurements; ``None`` if there are none.

    Args:
        values: of one thing.
    """
    found = sorted(values)
    if not found:
        return None
    return Spread(found[0], statistics.median(found), found[-1], len(found))


def number(value: float) -> str:
    """Write a number with three significant digits, larger ones whole.

    Args:
        value: what to write.
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def megabytes(value: float) -> str:
    """Write bytes as megabytes.

    Args:
        value: bytes.
    """
    return f"{number(value / 1e6)} MB"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Write a Markdown table; nothing if it has no rows.

    Args:
        head: names of the columns.
        rows: the cells.
    """
    # an error message may hold a bar of its own
    cells = ([str(cell).replace("|", "\\|") for cell in row] for row in rows)
    written = [f"| {' | '.join(row)} |" for row in cells]
    if written:
        yield f"| {' | '.join(head)} |"
        yield f"|{' --- |' * len(head)}"
        yield from written
        yield ""


def runs(results: Results, pattern: str) -> list[Any]:
    """Give the results whose whole key matches.

    Args:
        results: by key.
        pattern: a regular expression.
    """
    return [value for key, value in results.items() if re.fullmatch(pattern, key)]


def seconds(results: Results, pattern: str, part: str) -> Spread | None:
    """Sum up one part of the seconds of some runs.

    Args:
        results: by key.
        pattern: a regular expression for their keys.
        part: like ``build``.
    """
    return spread(run["seconds"][part] for run in runs(results, pattern))


def floor(results: Results) -> Spread | None:
    """Sum up the floor: read, shuffled, sorted, written.

    Args:
        results: by key.
    """
    return spread(run["delta"] for run in runs(results, r"build/floor_\d+"))


def event_sized_tables(results: Results) -> dict[str, int]:
    """Give the bytes of ``raw.events`` and of the tables that are not much smaller.

    Args:
        results: by key.
    """
    sizes = {name: size["bytes"] for name, size in results.get("build/tables", {}).items()}
    landed = sizes.get("raw.events", 0)
    return {name: size for name, size in sizes.items() if size >= _EVENT_SIZED_SHARE * landed > 0}


def day_read_shares(results: Results) -> list[float]:
    """Say which part of the event-sized history the models of each on-time day read.

    Two counts are both more than what was read: the sizes of the event-sized files that a model
    opened, of which it may take some columns, and all that it took in, of other tables too. The
    smaller one is held against the history.

    Args:
        results: by key.
    """
    history = event_sized_tables(results)
    if not history:
        return []
    return [
        sum(
            min(
                read["input_bytes"],
                sum(
                    size
                    for name, size in read["opened_bytes"].items()
                    if name in history or name == UNNAMED
                ),
            )
            for read in day["spark"]["models"]["by_node"].values()
        )
        / sum(history.values())
        for day in runs(results, r"day/day_\d+_on_time")
    ]


def bars(results: Results, failures: Mapping[str, str], events: int) -> list[Bar]:
    """Judge what was measured.

    Args:
        results: by key.
        failures: why steps failed, by step.
        events: of the history.
    """
    full, day, third = r"build/full_\d+", r"day/day_\d+_on_time", r"third/day_\d+_on_time"
    build = seconds(results, full, "build")
    core = seconds(results, full, "core")
    credit = seconds(results, full, "credit")
    read_shares = spread(day_read_shares(results))
    duckdb, duckdb_note = _agreed(runs(results, r"duckdb/\d+"), failures.get("duckdb"))
    join, join_note = _agreed(joins(results), failures.get("join"))
    bot_join, bot_join_note = _agreed(runs(results, "bot/join"), failures.get("bot"))
    bot_credit = seconds(results, r"bot/full_\d+", "credit")
    tenth = _per_event(results, "tenth", events // 10)
    whole = _per_event(results, "build", events)
    with_bot = _per_event(results, "bot", landed(results, "bot/first"))
    noop = seconds(results, r"noop/\d+", "command")
    day_time = seconds(results, day, "command")
    return [
        Bar(f"{PARTS['core'][6:]} / floor", 2.0, ratio(core, floor(results))),
        Bar(f"{PARTS['build']} / floor", 3.0, ratio(build, floor(results))),
        Bar("the first line / DuckDB", 3.0, ratio(core, duckdb), duckdb_note),
        Bar(
            "one more on-time day / full build, whole commands",
            0.4,
            ratio(day_time, seconds(results, full, "command")),
            "the day's with its landing",
        ),
        Bar(
            "the day with three times the history / with one",
            1.3,
            ratio(day_time, seconds(results, third, "command")),
            "whole commands",
        ),
        Bar(
            "share of the event-sized history (bytes) that an on-time day reads",
            0.10,
            read_shares.median if read_shares else None,
            "each time that a model of dbt's reads it",
        ),
        Bar("a run that lands nothing, seconds", 20.0, noop.median if noop else None),
        Bar(f"seconds per event of a full build, at {events:,} / at a tenth", 1.0,
            whole / tenth if whole and tenth else None),
        Bar("the same with the bot / without", 1.3,
            with_bot / whole if whole and with_bot else None),
        Bar(
            f"GiB of heap that suffice for {2 * events:,} events",
            4.0,
            _heap(results, failures),
            failures.get("heap", ""),
        ),
        Bar("from events to both attributions / the same by joins", 0.33,
            ratio(credit, join), join_note),
        Bar("the same with the bot", 0.33, ratio(bot_credit, bot_join), bot_join_note),
    ]  # fmt: skip


def joins(results: Results) -> list[Any]:
    """The joins on a warm server; the cold one if it was given up."""
    return runs(results, r"join/\d+") or runs(results, "join/cold")


def _agreed(found: Sequence[Any], failure: str | None) -> tuple[Spread | None, str]:
    """A peer's time counts only if its answers are ours."""
    if not found:
        return None, failure or ""
    if any("failure" in run for run in found):
        return None, str(next(run["failure"] for run in found if "failure" in run))
    wrong = [difference for run in found for difference in run["differences"]]
    if wrong:
        return None, f"its answers differ: {wrong[0]}"
    return spread(run["seconds"] for run in found), ""


def landed(results: Results, key: str) -> int | None:
    """Tell how many records a step landed, if it was run."""
    run = results.get(key)
    return None if run is None else int(run["landed_records"])


def _per_event(results: Results, step: str, records: int | None) -> float | None:
    times = seconds(results, rf"{step}/full_\d+", "build")
    return times.median / records if times and records else None


def _heap(results: Results, failures: Mapping[str, str]) -> float | None:
    if "heap/first" in results:
        return _SMALL_HEAP_GIB
    return float("inf") if "heap" in failures else None


def ratio(ours: Spread | None, theirs: Spread | None) -> float | None:
    """Divide two medians, if there are both."""
    if ours is None or theirs is None or not theirs.median:
        return None
    return ours.median / theirs.median
