"""The facts that must hold across the tables: money, keys, windows, completeness."""

from dagster_code.lib.quality import QualityCheck, Rule


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


def _ids_of_several_clients(events: str, hint: str = "") -> str:
    """Write how many ids have several clients.

    Hashes of fixed length group several times faster than the texts. Two of ten million different
    ids share one with a probability of about one in 400,000: enough for a warning.

    Args:
        events: what to read, with the alias ``events``, to the end of the ``where``.
        hint: for the reading of it.
    """
    return f"""\
select count(*) as observed, 0L as expected
from (
    select {hint}xxhash64(events.event_id) as event_hash
    from {events}
    group by 1
    having min(xxhash64(events.client_id)) <> max(xxhash64(events.client_id))
)"""


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
            " another client has them as well."
        ),
        sql=_ids_of_several_clients("staging.stg_events as events"),
        # The new ids are sent to where the others are: all of those are read, none is exchanged.
        increment_sql=_ids_of_several_clients(
            """\
staging.base_events as events
    left semi join (
        select xxhash64(event_id) as event_hash
        from staging.base_events
        where batch > {checked_batch} and not is_duplicate
    ) as new_ids
        on xxhash64(events.event_id) = new_ids.event_hash
    where not events.is_duplicate""",
            hint="/*+ broadcast(new_ids) */ ",
        ),
        is_warning=True,
        where_to_look=(
            "select event_id, collect_set(client_id) as client_ids from staging.stg_events"
            " group by event_id having count(distinct client_id) > 1 limit 20"
        ),
    ),
)
