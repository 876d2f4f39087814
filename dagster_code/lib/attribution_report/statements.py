"""What the attribution report asks Spark: sums by bin, platform and channel, never rows of events.

Each statement costs its planning, however little there is to read, so there are few of them, and
names come as names: their places in the report's lists are found where the result is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dagster_code.lib.attribution_report.contract import MOST_DAYS, MOST_TOUCHES

Grain = Literal["day", "week", "month"]

MOST_PATHS = 200
# Longer ones are cut.
MOST_NAME_LENGTH = 200
MOST_PATH_LENGTH = 2_000

_DATES: dict[Grain, str] = {
    "day": "day",
    # Spark's weeks begin on Monday.
    "week": "trunc(day, 'week')",
    "month": "trunc(day, 'month')",
}


@dataclass(frozen=True)
class Cut:
    """How finely a report is cut.

    Attributes:
        grain: of its dates.
        channel_limit: how many channels it names at most, the others together among them.
        has_platforms: whether it tells platforms apart.
    """

    grain: Grain
    channel_limit: int = 500
    has_platforms: bool = True


# The finest of which no part has too many rows is taken; the last one whatever it has.
CUTS = (
    Cut("day"),
    Cut("week"),
    Cut("month"),
    Cut("month", 100),
    Cut("month", 25, has_platforms=False),
    Cut("month", 10, has_platforms=False),
)

_INSTANT = "yyyy-MM-dd'T'HH:mm:ss'Z'"

PERIOD = f"""\
select
    cast(cast(min(first_seen_at) as date) as string) as first,
    cast(cast(max(last_seen_at) as date) as string) as last,
    coalesce(sum(event_count), 0) as count,
    count_if(event_count > 0) as clients,
    count_if(purchase_count > 0) as purchasers,
    date_format(max(last_seen_at), "{_INSTANT}") as last_event_at
from staging.stg_clients"""

RECORDS = f"""\
select
    (select count(*) from raw.events) as landed,
    (select count(*) from staging.rejected_events) as rejected,
    (select min(rule_version) from staging.stg_rule_version) as rule_version,
    (select date_format(max(landed_at), "{_INSTANT}") from raw.landed_files) as landed_at"""

# One row per conversion, which Spark keeps until the report is read.
CONVERSIONS = """\
with

purchases as (

    select
        client_id,
        event_time,
        min_by(coalesce(platform, ''), event_id) as platform
    from staging.stg_events
    where event_type = 'purchase'
    group by client_id, event_time

)

select
    paths.client_id,
    paths.event_time,
    cast(paths.event_time as date) as day,
    purchases.platform,
    paths.revenue,
    first_touch.channel as first_channel,
    last_touch.channel as last_channel,
    paths.touch_count,
    coalesce(paths.channel_path, '') as path,
    paths.is_path_truncated,
    xxhash64(paths.channel_path, paths.is_path_truncated) as path_key,
    coalesce(paths.days_to_conversion, 0) as days_to_conversion
from marts.conversion_paths as paths
inner join purchases using (client_id, event_time)
inner join marts.first_touch_attribution as first_touch using (client_id, event_time)
inner join marts.last_touch_attribution as last_touch using (client_id, event_time)"""

PATHS = f"""\
select
    path_key,
    left(min(path), {MOST_PATH_LENGTH}) as path,
    min(is_path_truncated) or length(min(path)) > {MOST_PATH_LENGTH} as is_truncated,
    count(*) as conversions
from report_conversions
group by path_key
order by conversions desc, sum(revenue) desc, path_key
limit {MOST_PATHS}"""


def performance(channel_limit: int) -> str:
    """Write what asks for the channels, those that bring most first, the others in one last row.

    Args:
        channel_limit: how many rows at most.
    """
    conversions, revenue = "sum(last_touch_conversions)", "sum(last_touch_revenue)"
    ratios = {
        "clients": "null",
        "conversion_rate": f"{conversions} / nullif(sum(sessions), 0)",
        "roas": f"cast({revenue} as double) / nullif(cast(sum(cost) as double), 0D)",
    }
    means = {
        "average_order_value": (
            f"round(({revenue} + sum(unattributed_revenue)) / nullif({conversions}, 0), 2)"
        ),
        "cpa": f"round(sum(cost) / nullif({conversions}, 0), 2)",
    }
    counts = (
        "sessions",
        "touches",
        "first_touch_conversions",
        "last_touch_conversions",
        "assisted_conversions",
    )
    money = ("first_touch_revenue", "last_touch_revenue", "unattributed_revenue", "cost")
    columns = [
        *(f"sum({name}) as {name}" for name in counts),
        *(f"{_cents(f'sum({name})')} as {name}" for name in money),
        *(f"{_of_one(name, of_several)} as {name}" for name, of_several in ratios.items()),
        *(f"{_cents(_of_one(name, of_several))} as {name}" for name, of_several in means.items()),
    ]
    return f"""\
with

ranked as (

    select
        *,
        row_number() over (
            order by
                greatest(first_touch_revenue, last_touch_revenue) desc, touches desc, channel
        ) as place,
        count(*) over () as channel_count
    from marts.channel_performance

),

placed as (

    select
        *,
        if(place < {channel_limit} or channel_count <= {channel_limit}, place, null) as own_place
    from ranked

)

select
    if(own_place is null, null, left(min(channel), {MOST_NAME_LENGTH})) as channel,
    count(*) as channel_count,
    {_listed(columns)}
from placed
group by own_place
order by own_place nulls last"""


def data_driven(channels: Sequence[str] | None) -> str:
    """Write what asks for the credits of Markov and Shapley.

    Args:
        channels: those that are shown; ``None`` for all of them.
    """
    return f"""\
select
    model,
    {_shown("channel", channels)} as channel,
    sum(conversions) as conversions,
    {_cents("sum(revenue)")} as revenue,
    {_cents("sum(unattributed_revenue)")} as unattributed
from marts.model_comparison
where
    model in ('markov', 'shapley')
    and (conversions <> 0 or revenue <> 0 or unattributed_revenue <> 0)
group by 1, 2"""


def credits_by_date(cut: Cut, channels: Sequence[str] | None) -> str:
    """Write what asks for the credits of the rule-based models.

    Args:
        cut: how finely.
        channels: as for ``data_driven``.
    """
    return f"""\
select
    {_date_and_platform(cut)},
    {_shown("channel", channels)} as channel,
    model,
    sum(weight) as conversions,
    {_cents("sum(attributed_revenue)")} as revenue,
    {_cents("sum(if(attribution_status = 'marketing', 0, whole - attributed_revenue))")}
        as unattributed
from (
    select
        client_id,
        event_time,
        model,
        channel,
        weight,
        attribution_status,
        attributed_revenue,
        revenue as whole
    from marts.multi_touch_attribution
)
inner join report_conversions using (client_id, event_time)
group by 1, 2, 3, 4"""


def conversions_by_date(
    cut: Cut, channels: Sequence[str] | None, path_keys: Sequence[int]
) -> dict[str, str]:
    """Write what asks for the parts that are counts of conversions.

    Args:
        cut: how finely.
        channels: as for ``data_driven``.
        path_keys: of the paths that are shown.
    """
    first, last = _shown("first_channel", channels), _shown("last_channel", channels)
    counted = f"count(*) as conversions,\n    {_cents('sum(revenue)')} as revenue"
    keys = ", ".join(f"{key}L" for key in path_keys) or "null"
    return {
        "flows": f"""\
select
    {_date_and_platform(cut)},
    {first} as first,
    {last} as last,
    {counted}
from report_conversions
group by 1, 2, 3, 4""",
        "touch_counts": f"""\
select
    {_date_and_platform(cut)},
    {last} as channel,
    least(touch_count, {MOST_TOUCHES}) as touches,
    {counted}
from report_conversions
group by 1, 2, 3, 4""",
        "path_counts": f"""\
select
    path_key as path,
    {_date_and_platform(cut)},
    {counted},
    sum(days_to_conversion) as days
from report_conversions
where path_key in ({keys})
group by 1, 2, 3""",
    }


def journeys_by_date(cut: Cut, channels: Sequence[str] | None) -> str:
    """Write what asks for the lengths of journeys.

    Args:
        cut: how finely.
        channels: as for ``data_driven``.
    """
    return f"""\
select
    {_date_and_platform(cut)},
    {_shown("first_touch_channel", channels)} as channel,
    least(journey_length_days, {MOST_DAYS}) as days,
    count(*) as clients,
    {_cents("sum(total_revenue)")} as revenue
from (
    select
        client_id,
        last_purchase_at as event_time,
        first_touch_channel,
        journey_length_days,
        total_revenue
    from marts.client_journeys
)
inner join report_conversions using (client_id, event_time)
group by 1, 2, 3, 4"""


def _cents(money: str) -> str:
    return f"cast({money} * 100 as decimal(38, 0))"


def _of_one(column: str, of_several: str) -> str:
    """Take the mart's own value, unless channels were put together."""
    return f"if(count(*) = 1, max({column}), {of_several})"


def _listed(columns: Sequence[str]) -> str:
    return ",\n    ".join(columns)


def _date_and_platform(cut: Cut) -> str:
    platform = f"left(platform, {MOST_NAME_LENGTH})" if cut.has_platforms else "''"
    return f"{_DATES[cut.grain]} as date,\n    {platform} as platform"


def _shown(column: str, channels: Sequence[str] | None) -> str:
    """Write a channel's name, or null for one of the others."""
    name = f"left({column}, {MOST_NAME_LENGTH})"
    if channels is None:
        return name
    # As hexadecimal digits, since a sender's names are no part of a statement's text.
    shown = ", ".join(f"'{channel.encode('utf-8').hex().upper()}'" for channel in channels)
    return f"if(hex({name}) in ({shown}), {name}, null)"
