"""RESULTS.md from what was measured: tables, and the bars with whether they were reached."""

import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.spark_metrics import UNNAMED

Results = Mapping[str, Any]

_BARS_AT = 10_000_000
_SMALL_HEAP_GIB = 4.0
# Models that take less than this part of the build share a line.
_SHOWN_SHARE = 0.01
# A table of at least this part of the bytes that landed has a row an event.
_EVENT_SIZED_SHARE = 0.2
_PARTS = {
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
    join, join_note = _agreed(_joins(results), failures.get("join"))
    bot_join, bot_join_note = _agreed(runs(results, "bot/join"), failures.get("bot"))
    bot_credit = seconds(results, r"bot/full_\d+", "credit")
    tenth = _per_event(results, "tenth", events // 10)
    whole = _per_event(results, "build", events)
    with_bot = _per_event(results, "bot", _landed(results, "bot/first"))
    noop = seconds(results, r"noop/\d+", "command")
    day_time = seconds(results, day, "command")
    return [
        Bar(f"{_PARTS['core'][6:]} / floor", 2.0, _ratio(core, floor(results))),
        Bar(f"{_PARTS['build']} / floor", 3.0, _ratio(build, floor(results))),
        Bar("the first line / DuckDB", 3.0, _ratio(core, duckdb), duckdb_note),
        Bar(
            "one more on-time day / full build, whole commands",
            0.4,
            _ratio(day_time, seconds(results, full, "command")),
            "the day's with its landing",
        ),
        Bar(
            "the day with three times the history / with one",
            1.3,
            _ratio(day_time, seconds(results, third, "command")),
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
            _ratio(credit, join), join_note),
        Bar("the same with the bot", 0.33, _ratio(bot_credit, bot_join), bot_join_note),
    ]  # fmt: skip


def markdown(
    results: Results, failures: Mapping[str, str], facts: Mapping[str, object], events: int
) -> str:
    """Write all of it.

    Args:
        results: by key.
        failures: why steps failed, by step.
        facts: of the machine, the versions and the run, in order.
        events: of the history.
    """
    sections: tuple[tuple[str, Callable[[Results], Iterator[str]]], ...] = (
        ("Floor", _floor_lines),
        ("Full build", _build_lines),
        ("One more day, and nothing new", _day_lines),
        ("Growth and skew", _growth_lines),
        ("Peers", _peer_lines),
        ("Bytes", _byte_lines),
        ("Memory of the driver", _memory_lines),
    )
    lines = [f"# Measured with {events:,} events", ""]
    lines += ["Written by `make bench`; how to read it: [README.md](README.md).", ""]
    lines += list(table(("what", "value"), facts.items()))
    lines += ["## Bars", "", *_bar_lines(bars(results, failures, events), events)]
    for title, write in sections:
        written = list(write(results))
        if written:
            lines += [f"## {title}", "", *written]
    if failures:
        lines += ["## Not measured", ""]
        lines += table(("step", "why"), sorted(failures.items()))
    return "\n".join(lines).rstrip() + "\n"


def _bar_lines(judged: Sequence[Bar], events: int) -> Iterator[str]:
    if events != _BARS_AT:
        yield f"The bars are meant for {_BARS_AT:,} events; this run had {events:,}."
        yield ""
    rows = (
        (bar.name, number(bar.limit), _optional(bar.value), bar.verdict, bar.note) for bar in judged
    )
    yield from table(("what", "at most", "measured", "", "note"), rows)


def _floor_lines(results: Results) -> Iterator[str]:
    found = runs(results, r"build/floor_\d+")
    steps = {
        "read": "read `raw.events`",
        "shuffle": "read, shuffled by client, sorted",
        "delta": "**floor**: the same, written as Delta",
    }
    rows = [(text, spread(run[step] for run in found)) for step, text in steps.items()]
    yield from table(("what", "seconds"), rows if found else [])


def _build_lines(results: Results) -> Iterator[str]:
    base = floor(results)
    found = runs(results, r"build/full_\d+")
    first = results.get("build/first")
    if not found:
        return
    rows = []
    for part, text in _PARTS.items():
        times = spread(run["seconds"][part] for run in found)
        rows.append((text, times, _optional(_ratio(times, base))))
    yield from table(("`attribution run --full-refresh`", "seconds", "/ floor"), rows)
    if first is not None:
        landing, records = first["seconds"]["landing"], first["landed_records"]
        yield f"Landing {records:,} records: {number(landing)} s. The first build after it, on a"
        yield f"server just started: {number(first['seconds']['build'])} s."
        yield ""
    yield "By model; dbt runs several at once, so an instant counts in equal parts for those at"
    yield "work (and for the tests among them). `alone` is a model's own duration."
    yield ""
    yield from table(("model", "seconds", "/ floor", "alone"), _model_rows(found, base))


def _model_rows(found: Sequence[Any], base: Spread | None) -> Iterator[Sequence[object]]:
    names = {name for run in found for name in run["seconds"]["by_model"]}
    shared = {name: _of_model(found, name, "shared") for name in names}
    whole = sum(times.median for times in shared.values())
    shown = [name for name in names if shared[name].median >= _SHOWN_SHARE * whole]
    for name in sorted(shown, key=lambda name: -shared[name].median):
        alone = _of_model(found, name, "alone")
        yield f"`{name}`", shared[name], _optional(_ratio(shared[name], base)), alone
    rest = [times.median for name, times in shared.items() if name not in shown]
    if rest:
        times = Spread(sum(rest), sum(rest), sum(rest), 1)
        yield f"{len(rest)} others", times, _optional(_ratio(times, base)), ""


def _of_model(found: Sequence[Any], name: str, column: str) -> Spread:
    models = (run["seconds"]["by_model"] for run in found)
    times = spread(by_model[name][column] for by_model in models if name in by_model)
    assert times is not None
    return times


def _day_lines(results: Results) -> Iterator[str]:
    kinds = {
        "one more day, on time": r"day/day_\d+_on_time",
        "one more day, 1 % late by 1 to 30 days": r"day/day_\d+_late",
        "one more on-time day after a third of the history": r"third/day_\d+_on_time",
        "one more on-time day, on a server just started": r"day/first",
        "nothing new": r"noop/\d+",
        "nothing new, on a server just started": r"noop/first",
    }
    rows = []
    for text, pattern in kinds.items():
        found = runs(results, pattern)
        if found:
            records = spread(run["landed_records"] for run in found)
            rows.append(
                (
                    text,
                    f"{records.median:,.0f}" if records else "",
                    *(
                        seconds(results, pattern, part)
                        for part in ("command", "landing", "build", "tests", "checks")
                    ),
                )
            )
    head = ("run", "records", "command", "landing", "models", "tests", "checks")
    yield from table(head, rows)
    days = runs(results, r"day/day_\d+_on_time")
    if days:
        models = _of_model
        names = {name for run in days for name in run["seconds"]["by_model"]}
        times = {name: models(days, name, "shared") for name in names}
        longest = sorted(names, key=lambda name: -times[name].median)[:8]
        yield "What an on-time day's seconds go to:"
        yield ""
        yield from table(("model", "seconds"), ((f"`{name}`", times[name]) for name in longest))


def _growth_lines(results: Results) -> Iterator[str]:
    homes = {
        "build": "the history",
        "tenth": "a tenth of it",
        "bot": "the history and one client of a tenth as many events",
    }
    rows = []
    for step, text in homes.items():
        times = seconds(results, rf"{step}/full_\d+", "build")
        records = _landed(results, f"{step}/first")
        if times and records:
            per_event = f"{times.median / records * 1e6:.2f}"
            rows.append((text, f"{records:,}", times, per_event))
    head = ("full build of", "records", "seconds without tests", "microseconds per record")
    yield from table(head, rows)


def _peer_lines(results: Results) -> Iterator[str]:
    full = r"build/full_\d+"
    rows: list[Sequence[object]] = []
    for name, found, part, text in (
        ("DuckDB on the same files", runs(results, r"duckdb/\d+"), "core", full),
        ("join-based SQL on Spark", _joins(results), "credit", full),
        ("the same with the bot", runs(results, "bot/join"), "credit", r"bot/full_\d+"),
    ):
        if found:
            ours = seconds(results, text, part)
            theirs = spread(run["seconds"] for run in found)
            rows.append((name, theirs, ours, _optional(_ratio(ours, theirs)), _agreement(found)))
    yield from table(("peer", "seconds", "ours", "ours / peer", "same answers"), rows)
    yield from _mta_lines(results)
    duckdb = runs(results, r"duckdb/\d+")
    if duckdb:
        longest = sorted(duckdb[0]["by_statement"].items(), key=lambda item: -item[1])[:6]
        told = ", ".join(f"{name} {number(value)} s" for name, value in longest)
        yield f"DuckDB {duckdb[0]['version']}, {duckdb[0]['threads']} threads, peak memory"
        yield f"{megabytes(max(run['peak_memory_bytes'] for run in duckdb))}, written"
        yield f"{megabytes(duckdb[0]['written_bytes'])}: {told}."
        yield ""


def _mta_lines(results: Results) -> Iterator[str]:
    found = {
        int(key.split("/")[1]): value for key, value in results.items() if key.startswith("mta/")
    }
    if not found:
        return
    rows = []
    names = ("first_touch", "last_touch", "linear", "position_based", "time_decay", "markov")
    for below, outcome in sorted(found.items()):
        models = {model["model"]: model for model in outcome["models"]}
        load = models.get("load", {})
        peak = max((model["peak_memory_bytes"] for model in models.values()), default=0)
        rows.append(
            (
                f"{below / 10.24:.1f} %",
                f"{load.get('journeys', 0):,}",
                f"{load.get('conversions', 0):,}",
                *(_optional(models.get(name, {}).get("seconds")) for name in (*names, "shapley")),
                megabytes(peak),
                outcome["failure"] or _agreement([outcome]),
            )
        )
    yield "The package marketing-attribution-models (pandas), seconds by model; first and last"
    yield "touch are held against the marts:"
    yield ""
    head = ("clients", "journeys", "conversions", *names, "shapley", "memory", "survived")
    yield from table(head, rows)
    ours = seconds(results, r"build/full_\d+", "multi_touch")
    yield f"Ours, all models on all journeys, from attributed conversions on: {_optional(ours)} s."
    yield ""


def _byte_lines(results: Results) -> Iterator[str]:
    kinds = {
        "full build": r"build/full_\d+",
        "on-time day": r"day/day_\d+_on_time",
        "late day": r"day/day_\d+_late",
    }
    rows = []
    for text, pattern in kinds.items():
        for run in runs(results, pattern)[:1]:
            for part in ("models", "tests", "rest"):
                counted = run["spark"][part]
                exchanges = counted["event_sized_exchanges"]
                named = ", ".join(f"{name} {count}" for name, count in exchanges.items())
                rows.append(
                    (
                        f"{text}, {part}",
                        megabytes(sum(counted["read_bytes"].values())),
                        *(
                            megabytes(counted[f"{kind}_bytes"])
                            for kind in ("shuffle_write", "output", "spilled")
                        ),
                        f"{sum(exchanges.values())}{f' ({named})' if named else ''}",
                    )
                )
    yield "Read are the files that statements open, after pruning, each time that they do."
    yield ""
    head = ("run", "read", "shuffled", "written", "spilled", "event-sized exchanges")
    yield from table(head, rows)
    yield from _per_event_lines(results)
    sizes = results.get("build/tables", {})
    largest = sorted(sizes.items(), key=lambda item: -item[1]["bytes"])[:8]
    rows_of_tables = ((f"`{name}`", megabytes(size["bytes"]), size["files"])
                      for name, size in largest)  # fmt: skip
    yield from table(("table", "size", "files"), rows_of_tables)


def _per_event_lines(results: Results) -> Iterator[str]:
    records = _landed(results, "build/first")
    found = runs(results, r"build/full_\d+")
    if records and found:
        models = found[0]["spark"]["models"]
        shuffled = models["shuffle_write_bytes"] / records
        written = models["output_bytes"] / records
        yield f"Per event the models of a full build shuffle {number(shuffled)} bytes and write"
        yield f"{number(written)} bytes."
        yield ""
    shares = spread(day_read_shares(results))
    if shares:
        names = ", ".join(f"`{name}`" for name in event_sized_tables(results))
        yield f"An on-time day's models read {shares} times the bytes of the event-sized tables"
        yield f"after the full build ({names})."
        yield ""


def _memory_lines(results: Results) -> Iterator[str]:
    homes = {
        "the history": r"build/.*",
        "the history and its days": r"day/day.*",
        "with the bot": r"bot/(first|full.*)",
        "twice the history, heap of 4 GiB": r"heap/first",
    }
    rows = []
    for text, pattern in homes.items():
        peaks = [run["memory"] for run in runs(results, pattern) if run.get("memory")]
        if peaks:
            resident = max(peak["resident"] for peak in peaks)
            rows.append((text, megabytes(resident), megabytes(max(p["heap"] for p in peaks))))
    yield from table(("server", "resident at most", "heap in use at most, with garbage"), rows)


def _joins(results: Results) -> list[Any]:
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


def _agreement(found: Sequence[Any]) -> str:
    """Whether answers are ours, or why not."""
    failures = [run["failure"] for run in found if run.get("failure")]
    if failures:
        return str(failures[0])
    wrong = [difference for run in found for difference in run["differences"]]
    return f"no: {wrong[0]}" if wrong else "yes"


def _landed(results: Results, key: str) -> int | None:
    run = results.get(key)
    return None if run is None else int(run["landed_records"])


def _per_event(results: Results, step: str, records: int | None) -> float | None:
    times = seconds(results, rf"{step}/full_\d+", "build")
    return times.median / records if times and records else None


def _heap(results: Results, failures: Mapping[str, str]) -> float | None:
    if "heap/first" in results:
        return _SMALL_HEAP_GIB
    return float("inf") if "heap" in failures else None


def _ratio(ours: Spread | None, theirs: Spread | None) -> float | None:
    if ours is None or theirs is None or not theirs.median:
        return None
    return ours.median / theirs.median


def _optional(value: float | Spread | None) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, int | float) else str(value)
