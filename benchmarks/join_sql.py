"""The textbook's attribution: join touches with conversions, number them, keep the first.

It reads the same ``staging.stg_events`` as ours, so only the step from events to credit is held
against each other. Every touch meets every conversion of its client within the window.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.answers import FIRST_AND_LAST, Answers, as_answer, differences
from benchmarks.errors import BenchError
from benchmarks.home import rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "bench"

_SQL = """
create or replace table {schema}.{which}_touch_attribution using delta as
with touches as (
    select client_id, event_time as touch_at, event_id, channel, source, medium, campaign
    from staging.stg_events
    where is_touch and channel <> 'direct'
),
conversions as (
    select client_id, event_time, sum(revenue) as revenue
    from staging.stg_events
    where event_type = 'purchase'
    group by client_id, event_time
),
candidates as (
    select
        conversions.client_id, conversions.event_time, conversions.revenue,
        touches.touch_at, touches.channel, touches.source, touches.medium, touches.campaign,
        row_number() over (
            partition by conversions.client_id, conversions.event_time
            order by touches.touch_at {direction}, touches.event_id {direction}
        ) as rank
    from conversions
    left join touches
        on conversions.client_id = touches.client_id
        and touches.touch_at between conversions.event_time - interval {window} day
            and conversions.event_time
),
first_touches as (
    select client_id, min(touch_at) as first_touch_at from touches group by client_id
)
select
    candidates.client_id, candidates.event_time,
    case
        when channel is not null then channel
        when first_touch_at <= candidates.event_time then 'unattributed'
        else 'direct'
    end as channel,
    source, medium, campaign, touch_at, revenue,
    if(channel is null and coalesce(first_touch_at <= candidates.event_time, false), 0.00, revenue)
        as attributed_revenue
from candidates
left join first_touches on candidates.client_id = first_touches.client_id
where rank = 1
"""


def measure_join(spark: "SparkSession", limit_seconds: float) -> dict[str, object]:
    """Build both attributions by joins, and hold them against the marts.

    Args:
        spark: a session of a server whose tables are built.
        limit_seconds: after which a statement is given up.

    Returns:
        Seconds in all and by table, and in what the answers differ from the marts.

    Raises:
        BenchError: it took too long.
    """
    spark.sql(f"create schema if not exists {SCHEMA}")
    seconds = {}
    for which, direction in (("first", "asc"), ("last", "desc")):
        sql = _SQL.format(schema=SCHEMA, which=which, direction=direction, window=30)
        started = time.monotonic()
        with _given_up_after(spark, limit_seconds):
            spark.sql(sql).collect()
        seconds[which] = time.monotonic() - started
    ours, theirs = _answers(spark, "marts"), _answers(spark, SCHEMA)
    return {
        "seconds": sum(seconds.values()),
        "by_table": seconds,
        "differences": differences(ours, theirs),
    }


def _answers(spark: "SparkSession", schema: str) -> Answers:
    return {
        name: as_answer(rows_of(spark, sql.replace("marts.", f"{schema}.")))
        for name, sql in FIRST_AND_LAST.items()
    }


@contextmanager
def _given_up_after(spark: "SparkSession", seconds: float) -> Iterator[None]:
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        spark.interruptAll()

    timer = threading.Timer(seconds, give_up)
    timer.start()
    try:
        yield
    except Exception as error:
        if is_late.is_set():
            raise BenchError(f"the join was given up after {seconds:,.0f} s") from error
        raise
    finally:
        timer.cancel()
