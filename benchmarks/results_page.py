"""RESULTS.md, written: what was measured, as tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.results import (
    PARTS,
    Bar,
    Results,
    Spread,
    bars,
    day_read_shares,
    event_sized_tables,
    floor,
    joins,
    landed,
    megabytes,
    number,
    ratio,
    runs,
    seconds,
    spread,
    table,
)

_BARS_AT = 10_000_000
# Models that take less than this part of the build share a line.
_SHOWN_SHARE = 0.01


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
    for part, text in PARTS.items():
        times = spread(run["seconds"][part] for run in found)
        rows.append((text, times, _optional(ratio(times, base))))
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
        yield f"`{name}`", shared[name], _optional(ratio(shared[name], base)), alone
    rest = [times.median for name, times in shared.items() if name not in shown]
    if rest:
        times = Spread(sum(rest), sum(rest), sum(rest), 1)
        yield f"{len(rest)} others", times, _optional(ratio(times, base)), ""


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
        records = landed(results, f"{step}/first")
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
        ("join-based SQL on Spark", joins(results), "credit", full),
        ("the same with the bot", runs(results, "bot/join"), "credit", r"bot/full_\d+"),
    ):
        if found:
            ours = seconds(results, text, part)
            theirs = spread(run["seconds"] for run in found)
            rows.append((name, theirs, ours, _optional(ratio(ours, theirs)), _agreement(found)))
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
    records = landed(results, "build/first")
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


def _agreement(found: Sequence[Any]) -> str:
    """Whether answers are ours, or why not."""
    failures = [run["failure"] for run in found if run.get("failure")]
    if failures:
        return str(failures[0])
    wrong = [difference for run in found for difference in run["differences"]]
    return f"no: {wrong[0]}" if wrong else "yes"


def _optional(value: float | Spread | None) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, int | float) else str(value)
