"""Is the newest day like the days before it: its volumes, its channel mix, what is direct.

One statement counts the days by channel, for all of these checks; the rest is arithmetic on a few
hundred numbers. The expected range goes from the 10th to the 90th percentile of the trailing days,
which weekends widen and a few odd days do not, and on both sides further by a tolerance: what a
variable allows, or what chance alone does with so few events, whichever is more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import sqrt
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from dagster_code.lib.quality import Outcome

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Three standard deviations: one day in a few hundred by chance alone.
_CHANCE = 3

# A sender may give every event a channel of its own: what comes here stays small.
_CHANNEL_LIMIT = 100

# A day is complete when it was over at the landing of the newest file; the wall clock says nothing
# of data that is loaded later.
_DAYS_STATEMENT = """\
with
newest_landing as (
    select coalesce(cast(max(landed_at) as date), date '9999-12-31') as landed_date
    from raw.landed_files
    where kind = 'events'
)
select
    min(event_date) as first_date,
    max(event_date) filter (
        where event_date < (select landed_date from newest_landing)
    ) as judged_date
from staging.stg_events"""

# The days as literals: files without any of them are not read.
_STATEMENT = """\
with
daily as (
    select
        event_date,
        channel,
        count(*) as event_count,
        count_if(event_type = 'purchase') as purchase_count
    from staging.stg_events
    where event_date between date '{oldest}' and date '{judged}'
    group by event_date, channel
),
counted as (
    select
        daily.*,
        sum(event_count) over (partition by channel) as channel_count
    from daily
),
ranked as (
    select
        counted.*,
        dense_rank() over (order by channel_count desc, channel) as channel_rank
    from counted
)
select
    event_date,
    if(channel_rank <= {channel_limit}, channel, '(other channels)') as channel,
    cast(sum(event_count) as bigint) as event_count,
    cast(sum(purchase_count) as bigint) as purchase_count
from ranked
group by 1, 2
order by 1, 2"""


@dataclass(frozen=True)
class Day:
    """What happened on one day.

    Attributes:
        event_date: the day, UTC.
        event_counts: events by channel.
        purchase_count: purchases among them.
    """

    event_date: date
    event_counts: Mapping[str, int] = field(default_factory=dict)
    purchase_count: int = 0

    @property
    def event_count(self) -> int:
        """All events of the day."""
        return sum(self.event_counts.values())

    def share(self, channel: str) -> float:
        """The part of the day's events that shows a channel.

        Args:
            channel: which one.
        """
        return self.event_counts.get(channel, 0) / self.event_count


@dataclass(frozen=True)
class History:
    """A day and those before it.

    Attributes:
        judged: the newest complete day.
        trailing: the calendar days before it, with or without events, the earliest first.
    """

    judged: Day
    trailing: Sequence[Day]

    @property
    def busy(self) -> list[Day]:
        """The trailing days with events."""
        return [day for day in self.trailing if day.event_count]


@dataclass(frozen=True)
class Found:
    """A measure of the judged day and of the trailing days.

    Attributes:
        observed: of the judged day.
        usual: of the trailing days.
        tolerances: how far it may go below the one percentile and above the other.
        is_count: whether it is a count, else a share.
        is_upper_only: whether less than usual is always fine.
        note: what else to say when it is out of its range.
    """

    observed: float
    usual: Sequence[float]
    tolerances: tuple[float, float]
    is_count: bool = False
    is_upper_only: bool = False
    note: str = ""


@dataclass(frozen=True)
class RangeCheck:
    """One check of the newest day.

    Attributes:
        name: its name in Dagster.
        description: what is compared, in words.
        measure: finds it in the history, with the dbt variables.
        where_to_look: a statement, with ``{judged}`` and ``{oldest}`` for the days.
        table: the table it is shown at, as (schema, name).
        is_blocking: never: a strange day is no wrong number.
        is_warning: whether it only warns; the variable ``range_severity`` decides.
    """

    name: str
    description: str
    measure: Callable[[History, Mapping[str, Any]], Found]
    where_to_look: str
    table: tuple[str, str] = ("staging", "stg_events")
    is_blocking: bool = False
    is_warning: bool = True


@dataclass(frozen=True)
class Days:
    """Which days are compared.

    Attributes:
        oldest: the first of the trailing days, UTC; the judged day itself where there is none.
        judged: the newest complete day, UTC.
    """

    oldest: date
    judged: date


def days_of(first: date | None, judged: date | None, trailing_days: int) -> Days | None:
    """Tell which days to compare.

    Args:
        first: the day of the first event, UTC.
        judged: the newest complete day, UTC.
        trailing_days: how many days before it count.

    Returns:
        ``None`` when no day is complete.
    """
    if first is None or judged is None:
        return None
    return Days(max(first, judged - timedelta(days=trailing_days)), judged)


def history_of(rows: Sequence[Mapping[str, Any]], days: Days) -> History:
    """Put the statement's rows together to days.

    Args:
        rows: of the statement, by day and channel.
        days: which days they are of.
    """
    counts: dict[date, dict[str, int]] = {}
    purchases: dict[date, int] = {}
    for row in rows:
        day = row["event_date"]
        counts.setdefault(day, {})[row["channel"]] = row["event_count"]
        purchases[day] = purchases.get(day, 0) + row["purchase_count"]
    dates = [
        days.oldest + timedelta(days=number) for number in range((days.judged - days.oldest).days)
    ]
    *trailing, judged = (
        Day(day, counts.get(day, {}), purchases.get(day, 0)) for day in [*dates, days.judged]
    )
    return History(judged, trailing)


def judge(check: RangeCheck, history: History | None, variables: Mapping[str, Any]) -> Outcome:
    """Hold the judged day against the days before it.

    Args:
        check: what is compared.
        history: the days; ``None`` when no day is complete.
        variables: all dbt variables of the build.
    """
    if history is None:
        return Outcome(True, "no complete day yet", "any")
    needed, known = variables["min_trailing_days"], len(history.busy)
    day = f"on {history.judged.event_date}"
    # No spread can be seen in fewer than two days, whatever the variable says.
    if known < max(needed, 2):
        days = f"too little history: {known} of at least {max(needed, 2)} days with events"
        return Outcome(True, f"{history.judged.event_count:,} events {day}", f"any; {days}")
    found = check.measure(history, variables)
    low, high = expected_range(found)
    tell = _as_count if found.is_count else _as_share
    usual = f"median {tell(median(found.usual))} of the {len(found.usual)} days before"
    between = f"at most {tell(high)}" if found.is_upper_only else f"{tell(low)} to {tell(high)}"
    return Outcome(
        passed=low <= found.observed <= high,
        observed=f"{tell(found.observed)} {day}{found.note}",
        expected=f"{between} ({usual})",
        where_to_look=check.where_to_look.format(
            judged=history.judged.event_date, oldest=history.trailing[0].event_date
        ),
        numbers={
            "observed_number": found.observed,
            "expected_low": low,
            "expected_high": high,
            "expected_median": float(median(found.usual)),
        },
    )


def expected_range(found: Found) -> tuple[float, float]:
    """Give the limits between which the judged day is unremarkable.

    Args:
        found: what was measured; at least two trailing days.
    """
    tenth, ninetieth = _percentiles(found.usual)
    low = 0.0 if found.is_upper_only else max(0.0, tenth - found.tolerances[0])
    high = ninetieth + found.tolerances[1]
    return low, high if found.is_count else min(1.0, high)


def run_ranges(
    spark: "SparkSession", checks: Sequence[RangeCheck], variables: Mapping[str, Any]
) -> Iterator[tuple[RangeCheck, Outcome, str]]:
    """Count the days once and judge all checks by that.

    Args:
        spark: a session in UTC on the home's server.
        checks: which ones.
        variables: all dbt variables of the build.

    Yields:
        Each check, with the severity that the variables give it, its outcome and the statement.
    """
    if not checks:
        return
    is_warning = variables["range_severity"] == "warn"
    trailing_days = int(variables["trailing_days"])
    sql, history = _DAYS_STATEMENT, None
    found = spark.sql(sql).first() if trailing_days else None
    days = found and days_of(found["first_date"], found["judged_date"], trailing_days)
    if days:
        sql = _STATEMENT.format(
            oldest=days.oldest, judged=days.judged, channel_limit=_CHANNEL_LIMIT
        )
        # Days times channels, both bounded.
        history = history_of([row.asDict() for row in spark.sql(sql).toLocalIterator()], days)
    for check in checks:
        outcome = (
            judge(check, history, variables)
            if trailing_days
            else Outcome(True, "not looked at", "any: trailing_days is 0")
        )
        yield replace(check, is_warning=is_warning), outcome, sql


def _percentiles(usual: Sequence[float]) -> tuple[float, float]:
    deciles = quantiles(usual, n=10, method="inclusive")
    return deciles[0], deciles[-1]


def _count_found(counts: Sequence[int], observed: int, variables: Mapping[str, Any]) -> Found:
    allowed = variables["range_volume_tolerance"]
    tenth, ninetieth = _percentiles(counts)
    # What comes by chance scatters by the root of its number.
    tolerances = (
        max(allowed * tenth, _CHANCE * sqrt(max(tenth, 1))),
        max(allowed * ninetieth, _CHANCE * sqrt(max(ninetieth, 1))),
    )
    return Found(observed, counts, tolerances, is_count=True)


def _share_tolerance(share: float, number: int, variables: Mapping[str, Any]) -> float:
    chance = _CHANCE * sqrt(max(share * (1 - share), 1 / number) / number)
    return float(max(variables["range_share_tolerance"], chance))


def _events(history: History, variables: Mapping[str, Any]) -> Found:
    counts = [day.event_count for day in history.trailing]
    return _count_found(counts, history.judged.event_count, variables)


def _purchases(history: History, variables: Mapping[str, Any]) -> Found:
    counts = [day.purchase_count for day in history.trailing]
    return _count_found(counts, history.judged.purchase_count, variables)


def _share_of(channel: str, is_upper_only: bool) -> Callable[..., Found]:
    def measure(history: History, variables: Mapping[str, Any]) -> Found:
        shares = [day.share(channel) for day in history.busy]
        tolerance = _share_tolerance(median(shares), history.judged.event_count, variables)
        return Found(
            history.judged.share(channel),
            shares,
            (tolerance, tolerance),
            is_upper_only=is_upper_only,
        )

    return measure


def _channel_mix(history: History, variables: Mapping[str, Any]) -> Found:
    """Measure the part of a day's events that would have to change channel to look as usual."""
    totals: dict[str, int] = {}
    for day in history.busy:
        for channel, number in day.event_counts.items():
            totals[channel] = totals.get(channel, 0) + number
    usual = Day(history.judged.event_date, totals)
    moved = {
        channel: history.judged.share(channel) - usual.share(channel)
        for channel in sorted({*totals, *history.judged.event_counts})
    }
    most = max(moved, key=lambda channel: abs(moved[channel]))
    note = (
        f", most of all {most}: {_as_share(history.judged.share(most))}"
        f" instead of {_as_share(usual.share(most))}"
    )
    largest = max(usual.share(channel) for channel in totals)
    tolerance = _share_tolerance(largest, history.judged.event_count, variables)
    return Found(
        _distance(history.judged, usual),
        [_distance(day, usual) for day in history.busy],
        (tolerance, tolerance),
        is_upper_only=True,
        note=note,
    )


def _distance(day: Day, other: Day) -> float:
    shared = sum(min(day.share(channel), other.share(channel)) for channel in day.event_counts)
    return max(0.0, 1 - shared)


def _as_count(number: float) -> str:
    return f"{number:,.0f}"


def _as_share(share: float) -> str:
    return f"{share * 100:.1f} %"


_BY_DAY = (
    "from staging.stg_events where event_date between '{oldest}' and '{judged}'"
    " group by event_date order by event_date"
)

RANGE_CHECKS: tuple[RangeCheck, ...] = (
    RangeCheck(
        name="event_volume_in_range",
        description="The newest complete day has about as many events as the days before it.",
        measure=_events,
        where_to_look=f"select event_date, count(*) as event_count {_BY_DAY}",
    ),
    RangeCheck(
        name="purchase_volume_in_range",
        description="The newest complete day has about as many purchases as the days before it.",
        measure=_purchases,
        where_to_look=(
            "select event_date, count_if(event_type = 'purchase') as purchase_count " + _BY_DAY
        ),
    ),
    RangeCheck(
        name="channel_mix_in_range",
        description=(
            "The newest complete day's events are spread over the channels about as on the days"
            " before it: few of them would have to change their channel to look as usual."
        ),
        measure=_channel_mix,
        where_to_look=(
            "select channel, count_if(event_date = '{judged}') as event_count,"
            " count_if(event_date < '{judged}') / datediff('{judged}', '{oldest}')"
            " as usual_count from staging.stg_events"
            " where event_date between '{oldest}' and '{judged}'"
            " group by channel order by abs(event_count - usual_count) desc"
        ),
    ),
    RangeCheck(
        name="direct_share_in_range",
        description=(
            "About as much of the newest complete day is direct as of the days before it: more"
            " says that tags are lost, less that something is tagged that was not."
        ),
        measure=_share_of("direct", is_upper_only=False),
        where_to_look=(
            "select event_date, count_if(channel = 'direct') / count(*) as direct_share " + _BY_DAY
        ),
    ),
    RangeCheck(
        name="unassigned_share_in_range",
        description=(
            "No more of the newest complete day matches no channel rule than of the days before it."
        ),
        measure=_share_of("unassigned", is_upper_only=True),
        where_to_look=(
            "select source, medium, campaign, count(*) as event_count from staging.stg_events"
            " where event_date = '{judged}' and channel = 'unassigned'"
            " group by all order by event_count desc limit 20"
        ),
    ),
)
