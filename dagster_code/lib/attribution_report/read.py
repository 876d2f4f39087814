"""Read the attribution report from the marts: which statements, one after the other or at once."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_code.lib.answers import REJECTED_BY_REASON
from dagster_code.lib.attribution_report import statements
from dagster_code.lib.attribution_report.contract import CheckResult, Report
from dagster_code.lib.attribution_report.statements import CUTS, Cut
from dagster_code.lib.attribution_report.values import Answers, Columns, as_report

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A page holds, and filters, a few hundred thousand numbers without a delay that one would notice.
MOST_ROWS = 60_000
# More bins than that are no longer told apart on a page, however little is in them.
_MOST_DAYS = 1_100

# Planning takes most of a small statement's time, and it keeps one core busy at most.
_STATEMENTS_AT_ONCE = 4


class _Asker:
    """Asks Spark several things at once; the results are small."""

    def __init__(self, spark: "SparkSession", pool: ThreadPoolExecutor) -> None:
        self._spark = spark
        self._pool = pool

    def ask(self, sql: str) -> "Future[Columns]":
        return self._pool.submit(self._columns, sql)

    def do(self, sql: str) -> "Future[Any]":
        return self._pool.submit(lambda: self._spark.sql(sql).toArrow())

    def _columns(self, sql: str) -> Columns:
        table = self._spark.sql(sql).toArrow()
        return {
            name: [_plain(value) for value in column.to_pylist()]
            for name, column in zip(table.column_names, table.columns, strict=True)
        }


def read_report(
    spark: "SparkSession",
    checks: Sequence[CheckResult],
    variables: Mapping[str, Any],
    built_at: str | None,
    most_rows: int = MOST_ROWS,
) -> Report:
    """Read all that the page shows.

    Args:
        spark: a session in UTC on the home's server.
        checks: how each check went last.
        variables: the dbt variables that the tables were built with.
        built_at: when the tables were complete, ISO 8601 in UTC; ``None`` when they are not.
        most_rows: of a part of the report; what has more is cut more coarsely.

    Raises:
        pyspark.errors.PySparkException: the tables are not built, or Spark failed.
    """
    with ThreadPoolExecutor(_STATEMENTS_AT_ONCE) as pool, _kept_conversions(spark, pool) as kept:
        asker = _Asker(spark, pool)
        period = asker.ask(statements.PERIOD)
        records = asker.ask(statements.RECORDS)
        rejected = asker.ask(REJECTED_BY_REASON)
        kept.result()
        paths = asker.ask(statements.PATHS)
        cut, parts = _cut_parts(asker, _cuts(period.result()), paths, most_rows)
        answers = Answers(cut, period.result(), records.result(), rejected.result(), paths.result())
    return as_report(answers, parts, checks, variables, built_at)


@contextmanager
def _kept_conversions(spark: "SparkSession", pool: ThreadPoolExecutor) -> Iterator["Future[Any]"]:
    """Have Spark compute the conversions once, and forget them afterwards."""
    cache = f"cache table report_conversions as\n{statements.CONVERSIONS}"
    making = pool.submit(lambda: spark.sql(cache))
    try:
        yield making
    finally:
        # forgets what is kept as well
        making.exception()
        spark.catalog.dropTempView("report_conversions")


def _cuts(period: Columns) -> Sequence[Cut]:
    first, last = period["first"][0], period["last"][0]
    if first is None:
        return CUTS
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    return CUTS if days < _MOST_DAYS else [cut for cut in CUTS if cut.grain != "day"]


def _cut_parts(
    asker: _Asker, cuts: Sequence[Cut], paths: "Future[Columns]", most_rows: int
) -> tuple[Cut, dict[str, Columns]]:
    """Read the parts by the first cut of which none has too many rows, else by the last cut."""
    performance: dict[int, Columns] = {}
    for cut in cuts:
        if cut.channel_limit not in performance:
            sql = statements.performance(cut.channel_limit)
            performance[cut.channel_limit] = asker.ask(sql).result()
        channels = _shown_channels(performance[cut.channel_limit])
        whole = asker.ask(statements.data_driven(channels))
        asked = {
            "credits": statements.credits_by_date(cut, channels),
            "journeys": statements.journeys_by_date(cut, channels),
        }
        limit = "" if cut == cuts[-1] else f"\nlimit {most_rows + 1}"
        running = {name: asker.ask(sql + limit) for name, sql in asked.items()}
        path_keys = paths.result()["path_key"]
        counts = statements.conversions_by_date(cut, channels, path_keys)
        running |= {name: asker.ask(sql + limit) for name, sql in counts.items()}
        dated = {name: future.result() for name, future in running.items()}
        if all(len(part["date"]) <= most_rows for part in dated.values()):
            break
    return cut, {
        **dated,
        "data_driven": whole.result(),
        "performance": performance[cut.channel_limit],
    }


def _shown_channels(performance: Columns) -> list[str] | None:
    """Give the channels that are shown by name; ``None`` when these are all."""
    named = [channel for channel in performance["channel"] if channel is not None]
    return None if len(named) == len(performance["channel"]) else named


def _plain(value: object) -> object:
    """Give a value as JSON has it: whole numbers without a fraction."""
    if isinstance(value, Decimal) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value
