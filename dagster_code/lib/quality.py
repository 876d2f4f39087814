"""Facts that must hold across tables: each a statement with what it should give.

A check's SQL returns one row with the columns ``observed`` and ``expected``. It is the same
statement a user runs to look for himself; Dagster shows it with the result.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Planning takes most of a small check's time, and it keeps one core busy at most.
_CHECKS_AT_ONCE = 4

# As hashes 8 MB, and a few times that in a table to look them up.
_MOST_BROADCAST_EVENTS = 1_000_000


class Rule(StrEnum):
    """How ``observed`` has to stand to ``expected``."""

    EQUAL = "equal"
    AT_MOST = "at most"


@dataclass(frozen=True)
class QualityCheck:
    """One check.

    Attributes:
        name: its name in Dagster.
        table: the table it is shown at, as (schema, name).
        description: the fact in words.
        sql: the statement, with the dbt variables as ``{name}``.
        rule: how observed and expected compare.
        is_blocking: whether a failure fails the run: money and keys.
        is_warning: whether a failure only warns.
        off_when_zero: the variable that turns the check off when it is 0.
        where_to_look: a statement that shows what is wrong, with the dbt variables as ``{name}``;
            the check's own when there is no better one.
        increment_sql: the statement for what was landed after ``{checked_batch}`` alone, for a fact
            that no later record can change for those before; ``None``: all is looked at each time.
    """

    name: str
    table: tuple[str, str]
    description: str
    sql: str
    rule: Rule = Rule.EQUAL
    is_blocking: bool = False
    is_warning: bool = False
    off_when_zero: str | None = None
    where_to_look: str | None = None
    increment_sql: str | None = None

    def statement(self, variables: Mapping[str, Any], checked_batch: int | None = None) -> str:
        """Write the SQL with the variables that the tables were built with.

        Args:
            variables: all dbt variables of the build.
            checked_batch: the last batch of events that the check has looked at before, if any.
        """
        if checked_batch is None or self.increment_sql is None:
            return self.sql.format_map(variables)
        return self.increment_sql.format_map({**variables, "checked_batch": checked_batch})

    def look(self, variables: Mapping[str, Any]) -> str:
        """Write the statement to paste when the check does not pass, in one line.

        Args:
            variables: all dbt variables of the build.
        """
        return " ".join((self.where_to_look or self.sql).format_map(variables).split())


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        passed: whether the fact holds.
        observed: what the tables show.
        expected: what they should show, or the limit.
        where_to_look: a statement of one line that shows more.
        numbers: what Dagster draws over time.
    """

    passed: bool
    observed: Any
    expected: Any
    where_to_look: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What was observed, what was expected, and where to look when that is not the same."""
        told = f"observed {self.observed}, expected {self.expected}"
        if self.passed or self.where_to_look is None:
            return told
        return f"{told}\nlook at it with: {self.where_to_look}"


def evaluate(check: QualityCheck, row: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
    """Judge a check's row.

    Args:
        check: the check.
        row: its statement's only row, with ``observed`` and ``expected``.
        variables: all dbt variables of the build.

    Returns:
        A failure when either value is null: a fact that cannot be seen is not known to hold.
    """
    observed, expected = row["observed"], row["expected"]
    if check.off_when_zero is not None and variables[check.off_when_zero] == 0:
        return Outcome(True, observed, "not limited")
    is_known = observed is not None and expected is not None
    is_equal = check.rule is Rule.EQUAL
    holds = is_known and (observed == expected if is_equal else observed <= expected)
    return Outcome(
        passed=bool(holds),
        observed=_told(observed),
        expected=_told(expected) if is_equal else f"{check.rule} {_told(expected)}",
        where_to_look=check.look(variables),
    )


def _told(value: Any) -> str:  # noqa: ANN401
    """Write a value for people: an empty text says so."""
    return "nothing" if value == "" else "unknown" if value is None else str(value)


def _summed(column: str) -> str:
    """Write the sum of money, which may be none, in a type that holds any sum."""
    return f"cast(coalesce(sum({column}), 0) as decimal(38, 2))"


def _revenue_conserved(model: str) -> QualityCheck:
    return QualityCheck(
        name=f"revenue_conserved_{model}",
        table=("marts", f"{model}_attribution"),
        description=(
            f"Every cent of revenue is in the {model.replace('_', '-')} model exactly once:"
            " attributed, or counted as unattributed."
        ),
        # Counted by status, not by channel: a sender may call a channel of his `unattributed`.
        sql=f"""\
select
    (
        select cast(coalesce(sum(
            case
                when attribution_status = 'outside_window' then revenue
                else attributed_revenue
            end
        ), 0) as decimal(38, 2))
        from marts.{model}_attribution
    ) as observed,
    (
        select {_summed("revenue")}
        from staging.stg_events
        where event_type = 'purchase'
    ) as expected""",
        is_blocking=True,
        where_to_look=(
            f"select attribution_status, channel, sum(revenue), sum(attributed_revenue)"
            f" from marts.{model}_attribution group by all order by all"
        ),
    )


_WINDOW = "make_dt_interval(0, 24 * {attribution_window_days})"
_OUTSIDE_WINDOW = f"touch_at > event_time or touch_at < event_time - {_WINDOW}"
_COUNTED = "select count(*) as row_count, count(distinct client_id, event_time) as key_count"

CHECKS: tuple[QualityCheck, ...] = (
    _revenue_conserved("first_touch"),
    _revenue_conserved("last_touch"),
    QualityCheck(
        name="one_row_per_conversion",
        table=("marts", "conversion_paths"),
        description=(
            "Rows and distinct (client_id, event_time) of first_touch_attribution,"
            " last_touch_attribution and conversion_paths all equal the conversions in stg_events."
        ),
        sql=f"""\
with
first_touch as (
    {_COUNTED}
    from marts.first_touch_attribution
),
last_touch as (
    {_COUNTED}
    from marts.last_touch_attribution
),
paths as (
    {_COUNTED}
    from marts.conversion_paths
),
conversions as (
    select count(distinct client_id, event_time) as key_count
    from staging.stg_events
    where event_type = 'purchase'
)
select
    array(
        first_touch.row_count, first_touch.key_count,
        last_touch.row_count, last_touch.key_count,
        paths.row_count, paths.key_count
    ) as observed,
    array_repeat(conversions.key_count, 6) as expected
from first_touch cross join last_touch cross join paths cross join conversions""",
        is_blocking=True,
        where_to_look=(
            "select client_id, event_time, count_if(place = 'first touch') as first_touch_count,"
            " count_if(place = 'last touch') as last_touch_count,"
            " count_if(place = 'paths') as path_count,"
            " count_if(place = 'events') as conversion_count from ("
            "select 'first touch' as place, client_id, event_time"
            " from marts.first_touch_attribution"
            " union all select 'last touch', client_id, event_time"
            " from marts.last_touch_attribution"
            " union all select 'paths', client_id, event_time from marts.conversion_paths"
            " union all (select distinct 'events', client_id, event_time from staging.stg_events"
            " where event_type = 'purchase')) group by client_id, event_time"
            " having count(*) <> 4 or count(distinct place) <> 4 limit 20"
        ),
    ),
    QualityCheck(
        name="no_touch_outside_window",
        table=("marts", "last_touch_attribution"),
        description=(
            "No conversion is credited to a touch after it, or longer before it than the window."
        ),
        sql=f"""\
select count(*) as observed, 0L as expected
from (
    select event_time, touch_at from marts.first_touch_attribution
    union all
    select event_time, touch_at from marts.last_touch_attribution
)
where {_OUTSIDE_WINDOW}""",
        is_blocking=True,
        where_to_look=(
            f"select * from marts.last_touch_attribution where {_OUTSIDE_WINDOW} union all"
            f" select * from marts.first_touch_attribution where {_OUTSIDE_WINDOW} limit 20"
        ),
    ),
    QualityCheck(
        name="no_direct_credit_when_marketing_in_window",
        table=("marts", "first_touch_attribution"),
        description=(
            "No conversion goes without marketing credit when its path shows a marketing touch"
            " inside the window; the path's touches are looked at, not the attribution."
        ),
        sql=f"""\
select count(*) as observed, 0L as expected
from (
    select client_id, event_time, attribution_status from marts.first_touch_attribution
    union all
    select client_id, event_time, attribution_status from marts.last_touch_attribution
) as credited
inner join marts.conversion_paths as paths using (client_id, event_time)
where
    credited.attribution_status <> 'marketing'
    and exists(
        paths.touches,
        touch ->
            touch.channel <> 'direct'
            and touch.touch_at <= event_time
            and touch.touch_at >= event_time - {_WINDOW}
    )""",
        is_blocking=True,
        where_to_look=(
            "select client_id, event_time, attribution_status, channel_path"
            " from marts.conversion_paths where attribution_status <> 'marketing'"
            " and exists(touches, touch -> touch.channel <> 'direct'"
            " and touch.touch_at between"
            f" event_time - {_WINDOW} and event_time) limit 20"
        ),
    ),
    QualityCheck(
        name="nothing_lost",
        table=("staging", "stg_events"),
        description="Every landed record is in stg_events or in rejected_events.",
        sql="""\
select
    (select count(*) from staging.stg_events)
    + (select count(*) from staging.rejected_events) as observed,
    (select count(*) from raw.events) as expected""",
        is_blocking=True,
        where_to_look=(
            "select (select count(*) from raw.events) as landed_count,"
            " (select count(*) from staging.stg_events) as staged_count,"
            " (select count(*) from staging.rejected_events) as rejected_count"
        ),
    ),
    QualityCheck(
        name="cost_conserved",
        table=("marts", "channel_performance"),
        description="Every cent of ad spend is the cost of one channel.",
        sql=f"""\
select
    (select {_summed("cost")} from marts.channel_performance)
        as observed,
    (select {_summed("cost")} from staging.stg_ad_spend)
        as expected""",
        is_blocking=True,
    ),
    QualityCheck(
        name="spend_without_channel",
        table=("staging", "stg_ad_spend"),
        description="No ad spend is `unassigned`; such spend is kept, as the cost of that channel.",
        sql=f"""\
select {_summed("cost")} as observed, 0.00BD as expected
from staging.stg_ad_spend
where channel = 'unassigned'""",
        is_warning=True,
        where_to_look=(
            "select source, medium, campaign, sum(cost) from staging.stg_ad_spend"
            " where channel = 'unassigned' group by all order by 4 desc"
        ),
    ),
    QualityCheck(
        name="rejected_share",
        table=("staging", "rejected_events"),
        description="The share of the landed records that is rejected stays below its limit.",
        sql="""\
select
    coalesce(
        (select count(*) from staging.rejected_events)
        / nullif((select count(*) from raw.events), 0),
        0D
    ) as observed,
    cast({max_rejected_share} as double) as expected""",
        rule=Rule.AT_MOST,
        is_warning=True,
        where_to_look=(
            "select * from marts.rejected_events_summary order by rejected_count desc limit 20"
        ),
    ),
    QualityCheck(
        name="row_counts_plausible",
        table=("marts", "channel_performance"),
        description="No mart is empty when there are purchases; lists the empty ones.",
        sql="""\
with
purchases as (
    -- whether there is one: how many they are would have to be counted in all events
    select count(*) > 0 as has_any
    from (select 1 from staging.stg_events where event_type = 'purchase' limit 1)
),
marts as (
    select 'first_touch_attribution' as mart, count(*) as row_count
    from marts.first_touch_attribution
    union all
    select 'last_touch_attribution', count(*) from marts.last_touch_attribution
    union all
    select 'conversion_paths', count(*) from marts.conversion_paths
    union all
    select 'client_journeys', count(*) from marts.client_journeys
    union all
    select 'channel_performance', count(*) from marts.channel_performance
    union all
    select 'attribution_explain', count(*) from marts.attribution_explain
)
select
    array_join(
        sort_array(collect_list(
            case when marts.row_count = 0 and purchases.has_any then marts.mart end
        )),
        ', '
    ) as observed,
    '' as expected
from marts cross join purchases""",
        where_to_look=(
            "select event_type, count(*) as event_count, count(distinct client_id) as client_count"
            " from staging.stg_events group by event_type"
        ),
    ),
    QualityCheck(
        name="freshness",
        table=("staging", "stg_events"),
        description="The newest event is not older than max_event_age_days (0: no limit).",
        sql="""\
select
    round(
        (unix_micros(current_timestamp()) - unix_micros(max(event_time))) / (86400D * 1000000), 2
    ) as observed,
    cast({max_event_age_days} as double) as expected
from staging.stg_events""",
        rule=Rule.AT_MOST,
        is_warning=True,
        off_when_zero="max_event_age_days",
        where_to_look=(
            "select source_file, landed_at, record_count from raw.landed_files"
            " where kind = 'events' order by landed_at desc limit 20"
        ),
    ),
    QualityCheck(
        name="event_id_under_several_clients",
        table=("staging", "stg_events"),
        description=(
            "No event_id is used by more than one client; such events are kept, since the key"
            " is (client_id, event_id). An increment asks it of the ids that it brings: whether"
            " any client has had them."
        ),
        # Hashes of fixed length group several times faster than the texts. Two of ten million
        # different ids share one with a probability of about one in 400,000: enough for a warning.
        sql="""\
select count(*) as observed, 0L as expected
from (
    select xxhash64(event_id) as event_hash
    from staging.stg_events
    group by 1
    having min(xxhash64(client_id)) <> max(xxhash64(client_id))
)""",
        # The new ids are sent to where the others are: all of those are read, none is exchanged.
        increment_sql="""\
select count(*) as observed, 0L as expected
from (
    select /*+ broadcast(new_ids) */ xxhash64(events.event_id) as event_hash
    from staging.base_events as events
    left semi join (
        select xxhash64(event_id) as event_hash
        from staging.base_events
        where batch > {checked_batch} and not is_duplicate
    ) as new_ids
        on xxhash64(events.event_id) = new_ids.event_hash
    where not events.is_duplicate
    group by 1
    having min(xxhash64(events.client_id)) <> max(xxhash64(events.client_id))
)""",
        is_warning=True,
        where_to_look=(
            "select event_id, collect_set(client_id) as client_ids from staging.stg_events"
            " group by event_id having count(distinct client_id) > 1 limit 20"
        ),
    ),
)


def last_checked_batch(spark: "SparkSession") -> int | None:
    """Tell up to which batch of events the last build found its tables made.

    Args:
        spark: a session on the home's server.

    Returns:
        ``None`` when the build made all events anew, or added none, or more than a check can tell
        from the others better than it can look at all.
    """
    scope = spark.sql("select from_batch from builds.build_scope where not is_full_events").first()
    if scope is None:
        return None
    batch = int(scope["from_batch"])
    new = spark.sql(
        f"select count(*) as event_count from staging.base_events where batch > {batch}"
    ).first()
    is_small = new is not None and 0 < new["event_count"] <= _MOST_BROADCAST_EVENTS
    return batch if is_small else None


def run_checks(
    spark: "SparkSession",
    checks: Sequence[QualityCheck],
    variables: Mapping[str, Any],
    checked_batch: int | None = None,
) -> Iterator[tuple[QualityCheck, Outcome, str]]:
    """Run checks against the tables, a few at once.

    Args:
        spark: a session on the home's server.
        checks: which ones.
        variables: all dbt variables of the build.
        checked_batch: the last batch of events that the checks have looked at before, if any.

    Yields:
        Each check with its outcome and its statement, in the given order.
    """

    def run(check: QualityCheck) -> tuple[QualityCheck, Outcome, str]:
        sql = check.statement(variables, checked_batch)
        row = spark.sql(sql).first()
        found = {"observed": None, "expected": None} if row is None else row.asDict()
        return check, evaluate(check, found, variables), sql

    with ThreadPoolExecutor(_CHECKS_AT_ONCE) as pool:
        yield from pool.map(run, checks)
