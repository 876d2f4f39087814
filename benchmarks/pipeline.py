"""The steps of the benchmark: what runs where, and in which order."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import generate
from benchmarks.answers import EVERYTHING, as_answer, differences
from benchmarks.errors import BenchError
from benchmarks.floor import measure_floor
from benchmarks.generate import Part
from benchmarks.home import Home, rows_of
from benchmarks.join_sql import measure_join
from benchmarks.peers import GAVE_UP, peer_python, run_peer
from benchmarks.spark_metrics import SparkWatcher, peak_memory, totals
from benchmarks.store import Store
from benchmarks.timings import build_times, landing_seconds, read_run_results
from dagster_code.lib.dbt import run_target_dir
from dagster_code.lib.settings import DBT_PROJECT_DIR
from dagster_code.lib.spark_conf import this_machine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LANDED = re.compile(r"raw\.events: [\d,]+ files?, ([\d,]+) records?")
_SCHEMAS = ("raw", "staging", "intermediate", "marts")
# Three quarters: duplicates and rejects fall out on the way, aggregates are far below.
_EVENT_SIZED_SHARE = 0.75
_SMALL_HEAP = "4g"
_FIRST_SAMPLE = 16
_SAMPLE_GROWTH = 4


@dataclass(frozen=True)
class Options:
    """What is asked of the benchmark.

    Attributes:
        events: of the history.
        home: the folder for everything.
        repeats: of what is measured more than once.
        seed: of the generator.
        limit_seconds: after which a peer is given up.
        keeps_homes: leave the homes of finished steps on disk.
    """

    events: int
    home: Path
    repeats: int
    seed: int
    limit_seconds: float
    keeps_homes: bool


@dataclass(frozen=True)
class Bench:
    """What the steps share.

    Attributes:
        options: what is asked.
        store: where results go.
        progress: takes a line for whoever waits.
    """

    options: Options
    store: Store
    progress: Callable[[str], None]

    @property
    def data(self) -> Path:
        """The folder of the generated events."""
        return self.options.home / "data" / f"{self.options.events}-{self.options.seed}"

    @property
    def main(self) -> Home:
        """The home with the whole history."""
        return self.home("main")

    def home(self, name: str, driver_memory: str | None = None) -> Home:
        """Give a home by name.

        Args:
            name: of its folder.
            driver_memory: heap of its server; ``None`` as the machine suggests.
        """
        return Home(self.options.home / "homes" / name, driver_memory)

    @contextmanager
    def fresh_home(self, name: str, driver_memory: str | None = None) -> Iterator[Home]:
        """Give an empty home with a running server; both are gone afterwards.

        Args:
            name: of its folder.
            driver_memory: heap of its server; ``None`` as the machine suggests.
        """
        home = self.home(name, driver_memory)
        home.remove()
        with home.serving():
            yield home
        if not self.options.keeps_homes:
            home.remove()

    def ensure_parts(self, parts: Sequence[Part]) -> None:
        """Generate the parts that are not there yet.

        Args:
            parts: what is needed.
        """
        missing = [part for part in parts if not (self.data / part.name / "_SUCCESS").is_file()]
        if not missing:
            return
        with self.fresh_home("generator") as home, home.session() as spark:
            for part in missing:
                self.progress(f"generating {part.name}: {part.records:,} events")
                generate.write_part(spark, part, self.data, self.options.seed)

    def measure(
        self, key: str, home: Home, parts: Sequence[Part] = (), is_full: bool = False
    ) -> None:
        """Run the command once and record what it took, unless that is recorded already.

        Args:
            key: of the result.
            home: with a running server.
            parts: to land.
            is_full: build every table from nothing.

        Raises:
            BenchError: the command failed, or did not land just these parts.
        """
        if key in self.store.results:
            return
        self.progress(f"measuring {key}")
        arguments = ["--full-refresh"] if is_full else []
        for part in parts:
            arguments += ["--events", str(self.data / part.name)]
        with SparkWatcher(home.server()) as watcher:
            run = home.command("run", *arguments)
        landed = sum(int(count.replace(",", "")) for count in _LANDED.findall(run.output))
        if landed != sum(part.records for part in parts):
            raise BenchError(f"{key}: {landed:,} records landed; remove {home.path} and start over")
        nodes = read_run_results(run_target_dir(home.settings), run.started_at)
        command = (run.started_at, run.seconds)
        event_sized = round(_EVENT_SIZED_SHARE * self.options.events)
        self.store.record(
            key,
            {
                "landed_records": landed,
                "seconds": build_times(
                    nodes, home.manifest(), command, landing_seconds(run.progress)
                ),
                "spark": totals(watcher.stages(), watcher.scans(), event_sized),
                "memory": _memory(home),
            },
        )


def measure_build(bench: Bench) -> None:
    """Land the history; the floor and the full build in turns."""
    history = generate.history(bench.options.events)
    bench.ensure_parts([history])
    home = bench.main
    if "build/first" not in bench.store.results:
        home.remove()
    with home.serving():
        bench.measure("build/first", home, [history], is_full=True)
        for number in range(bench.options.repeats):
            _measure_floor(bench, home, number)
            bench.measure(f"build/full_{number}", home, is_full=True)
        with home.session() as spark:
            bench.store.record("build/tables", table_sizes(spark))
            answers = {name: as_answer(rows_of(spark, sql)) for name, sql in EVERYTHING.items()}
            bench.store.record("build/answers", answers)


def measure_join_peer(bench: Bench) -> None:
    """Attribution by joins, from the same staging table.

    Ours is measured on a server that has built before: the first time here is kept apart.
    """
    with bench.main.serving(), bench.main.session() as spark:
        for name in ("cold", *range(bench.options.repeats)):
            outcome = _record_join(bench, f"join/{name}", spark)
            if "failure" in outcome:
                return


def measure_duckdb(bench: Bench) -> None:
    """DuckDB on the same files, with no Spark server running."""
    ours = _needed(bench, "build/answers")
    history = bench.data / generate.history(bench.options.events).name
    bench.ensure_parts([generate.history(bench.options.events)])
    python = peer_python(bench.options.home / "peers", bench.progress)
    arguments = [str(history), str(DBT_PROJECT_DIR / "seeds")]
    arguments += [str(bench.options.home / "peer.duckdb"), "--threads", str(this_machine().cores)]
    for number in range(bench.options.repeats):
        bench.progress(f"DuckDB, {number + 1} of {bench.options.repeats}")
        found, reason = run_peer(
            python, "benchmarks.duckdb_peer", arguments, bench.options.limit_seconds
        )
        if reason is not None:
            raise BenchError(f"DuckDB: {reason}")
        outcome = found[0]
        outcome["differences"] = differences(ours, outcome.pop("answers"))
        bench.store.record(f"duckdb/{number}", outcome)
    (bench.options.home / "peer.duckdb").unlink(missing_ok=True)


def measure_mta(bench: Bench) -> None:
    """marketing-attribution-models on growing samples of our journeys, as far as it goes."""
    python = peer_python(bench.options.home / "peers", bench.progress)
    journeys = bench.options.home / "journeys"
    with bench.main.serving(), bench.main.session() as spark:
        bench.progress("exporting journeys")
        spark.sql(_JOURNEYS).write.mode("overwrite").parquet(str(journeys))
        credits = {below: _sample_credit(spark, below) for below in _samples()}
    for below in _samples():
        bench.progress(f"marketing-attribution-models on {below} of 1,024 clients")
        arguments = [str(journeys), "--below", str(below)]
        found, reason = run_peer(
            python, "benchmarks.mta_peer", arguments, bench.options.limit_seconds
        )
        wrong = [
            f"{line['model']}: {_first_difference(credits[below][line['model']], line['revenue'])}"
            for line in found
            if line.get("revenue") and line["revenue"] != credits[below][line["model"]]
        ]
        kept = [{name: line[name] for name in line if name != "revenue"} for line in found]
        outcome = {"models": kept, "failure": reason, "differences": wrong}
        bench.store.record(f"mta/{below}", outcome)
        # A larger one cannot survive either; a sample without conversions may fail by itself.
        if reason is not None and reason.startswith(GAVE_UP):
            return


def measure_noop(bench: Bench) -> None:
    """Runs that land nothing; the first one after the server's start is kept apart."""
    with bench.main.serving():
        bench.measure("noop/first", bench.main)
        for number in range(bench.options.repeats):
            bench.measure(f"noop/{number}", bench.main)


def measure_day(bench: Bench) -> None:
    """One more day after the other: all of it on time, and 1 % late.

    The full build is measured on a server that has built before, so the days are, too: the first
    one after the server's start is kept apart.
    """
    first = generate.day(bench.options.events, 0, is_late=False)
    days = [
        generate.day(bench.options.events, number, is_late=number % 2 == 0)
        for number in range(1, 1 + 2 * bench.options.repeats)
    ]
    bench.ensure_parts([first, *days])
    with bench.main.serving():
        bench.measure("day/first", bench.main, [first])
        for day in days:
            bench.measure(f"day/{day.name}", bench.main, [day])
        with bench.main.session() as spark:
            bench.store.record("day/tables", table_sizes(spark))


def measure_tenth(bench: Bench) -> None:
    """The full build of a tenth of the events."""
    part = generate.history(bench.options.events // 10, "tenth")
    bench.ensure_parts([part])
    with bench.fresh_home("tenth") as home:
        _remeasure(bench, "tenth", home, [part])


def measure_third(bench: Bench) -> None:
    """The same on-time days, after a third of the history."""
    part = generate.third_history(bench.options.events)
    days = [
        generate.day(bench.options.events, 1 + 2 * number, is_late=False)
        for number in range(bench.options.repeats)
    ]
    bench.ensure_parts([part, *days])
    with bench.fresh_home("third") as home:
        _forget(bench, "third")
        bench.measure("third/first", home, [part], is_full=True)
        for day in days:
            bench.measure(f"third/{day.name}", home, [day])


def measure_bot(bench: Bench) -> None:
    """The full build with a client who never rests, and the join on the same."""
    parts = [generate.history(bench.options.events), generate.bot(bench.options.events)]
    bench.ensure_parts(parts)
    with bench.fresh_home("bot") as home:
        _remeasure(bench, "bot", home, parts)
        with home.session() as spark:
            _record_join(bench, "bot/join", spark)


def measure_heap(bench: Bench) -> None:
    """Twice the events in a driver with a small heap."""
    part = generate.history(2 * bench.options.events, "double")
    bench.ensure_parts([part])
    with bench.fresh_home("heap", _SMALL_HEAP) as home:
        _forget(bench, "heap")
        bench.measure("heap/first", home, [part], is_full=True)


# In this order: the peers need the history as it is, before the days are added.
STEPS: dict[str, Callable[[Bench], None]] = {
    "build": measure_build,
    "join": measure_join_peer,
    "duckdb": measure_duckdb,
    "mta": measure_mta,
    "noop": measure_noop,
    "day": measure_day,
    "tenth": measure_tenth,
    "third": measure_third,
    "bot": measure_bot,
    "heap": measure_heap,
}
PEER_STEPS = frozenset({"join", "duckdb", "mta"})
NEED_MAIN = frozenset({"join", "duckdb", "mta", "noop", "day"})


def table_sizes(spark: "SparkSession") -> dict[str, dict[str, int]]:
    """Say how large the Delta tables are.

    Args:
        spark: a session of the home's server.

    Returns:
        ``bytes`` and ``files`` of each table's newest version, by name.
    """
    sizes = {}
    for schema in _SCHEMAS:
        if not spark.catalog.databaseExists(schema):
            continue
        views = {row[1] for row in rows_of(spark, f"show views in {schema}")}
        for _, table, *_ in rows_of(spark, f"show tables in {schema}"):
            if table not in views:
                detail = spark.sql(f"describe detail {schema}.{table}").collect()[0]
                sizes[f"{schema}.{table}"] = {
                    "bytes": int(detail["sizeInBytes"]),
                    "files": int(detail["numFiles"]),
                }
    return sizes


def _memory(home: Home) -> dict[str, int] | None:
    try:
        return peak_memory(home.server())
    except OSError:
        # The server went away after its work: what it needed is not known, what it took is.
        return None


def _measure_floor(bench: Bench, home: Home, number: int) -> None:
    key = f"build/floor_{number}"
    if key in bench.store.results:
        return
    bench.progress(f"measuring {key}")
    scratch = bench.options.home / "scratch"
    with home.session() as spark:
        bench.store.record(key, measure_floor(spark, scratch))
    Home(scratch).remove()


def _remeasure(bench: Bench, step: str, home: Home, parts: Sequence[Part]) -> None:
    """Land and build in a fresh home, then build again as often as asked."""
    _forget(bench, step)
    bench.measure(f"{step}/first", home, parts, is_full=True)
    for number in range(bench.options.repeats):
        bench.measure(f"{step}/full_{number}", home, is_full=True)


def _forget(bench: Bench, step: str) -> None:
    bench.store.drop(f"{step}/")


def _record_join(bench: Bench, key: str, spark: "SparkSession") -> dict[str, Any]:
    bench.progress(f"measuring {key}")
    started = time.monotonic()
    try:
        outcome: dict[str, Any] = measure_join(spark, bench.options.limit_seconds)
    except BenchError as error:
        # That it does not end is a result.
        outcome = {"seconds": time.monotonic() - started, "failure": str(error)}
    bench.store.record(key, outcome)
    return outcome


def _needed(bench: Bench, key: str) -> Any:  # noqa: ANN401  whatever was recorded
    try:
        return bench.store.results[key]
    except KeyError as error:
        raise BenchError(f"{key} has not been measured: run the step build first") from error


def _samples() -> list[int]:
    """The samples of clients, each by its number of buckets of 1,024."""
    sizes = []
    below = _FIRST_SAMPLE
    while below <= 1024:
        sizes.append(below)
        below *= _SAMPLE_GROWTH
    return sizes if sizes[-1] == 1024 else [*sizes, 1024]


def _sample_credit(spark: "SparkSession", below: int) -> dict[str, dict[str, str]]:
    """Our revenue by channel of a sample's marketing conversions, by model."""
    return {
        model: {
            str(channel): f"{revenue:.2f}"
            for channel, revenue in rows_of(
                spark,
                f"select channel, sum(attributed_revenue) from marts.{model}_attribution"
                f" where attribution_status = 'marketing' and {_BUCKET} < {below}"
                " group by channel having sum(attributed_revenue) > 0",
            )
        }
        for model in ("first_touch", "last_touch")
    }


def _first_difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    names = sorted({*ours, *theirs})
    name = next(name for name in names if ours.get(name) != theirs.get(name))
    return f"{name}: ours {ours.get(name)}, theirs {theirs.get(name)}"


_BUCKET = "pmod(xxhash64(client_id), 1024)"
# Converting: the marketing touches of each conversion's window. Not converting: those of the 30
# days up to the client's last one, as int_channel_paths has them.
_JOURNEYS = f"""
with converting as (
    select client_id, event_time as ended_at, revenue, true as is_converted,
        filter(touches, touch -> touch.channel <> 'direct') as touches
    from marts.conversion_paths
    where attribution_status = 'marketing'
),
marketing as (
    select client_id, event_time as touch_at, event_id, channel,
        max(event_time) over (partition by client_id) as ended_at
    from staging.stg_events
    left anti join (
        select client_id from staging.stg_events where event_type = 'purchase'
    ) as purchases using (client_id)
    where is_touch and channel <> 'direct'
),
unconverted as (
    select client_id, ended_at, cast(0 as decimal(28, 2)) as revenue, false as is_converted,
        array_sort(collect_list(struct(touch_at, event_id, channel))) as touches
    from marketing
    where touch_at >= ended_at - interval 30 day
    group by client_id, ended_at
),
journeys as (
    select client_id, ended_at, revenue, is_converted,
        transform(touches, touch -> struct(touch.touch_at, touch.channel)) as touches
    from converting
    union all
    select client_id, ended_at, revenue, is_converted,
        transform(touches, touch -> struct(touch.touch_at, touch.channel)) as touches
    from unconverted
)
select
    array_join(transform(touches, touch -> touch.channel), ' > ') as channels,
    array_join(transform(touches,
        touch -> cast((unix_micros(ended_at) - unix_micros(touch.touch_at)) / 3.6e9D as string)
    ), ' > ') as hours,
    cast(revenue as double) as revenue,
    is_converted,
    cast({_BUCKET} as int) as bucket
from journeys
"""
