with

events as (

    select client_id, channel, is_touch, is_session_start, is_session_evidence
    from {{ ref('stg_events') }}
    where is_touch or is_session_start

),

first_touch as (

    select channel, attributed_revenue from {{ ref('first_touch_attribution') }}

),

last_touch as (

    select client_id, event_time, channel, revenue, attributed_revenue, attribution_status
    from {{ ref('last_touch_attribution') }}

),

marketing_touches as (

    select client_id, touch.channel, event_time as touch_at
    from {{ ref('int_purchaser_timelines') }}
    where is_marketing_touch

),

costs as (

    select channel, cost from {{ ref('int_channel_costs') }}

),

event_totals as (

    select
        channel,
        count_if(is_touch) as touches,
        count(distinct if(is_touch, client_id, null)) as clients,
        count_if(is_session_evidence) as evidence_sessions,
        count_if(is_session_start) as session_starts
    from events
    group by channel

),

session_totals as (

    -- a session starts with whatever event; it is direct if none of its events shows evidence
    select sum(session_starts) - sum(evidence_sessions) as direct_sessions
    from event_totals

),

channel_traffic as (

    select
        event_totals.channel,
        if(event_totals.channel = 'direct', session_totals.direct_sessions, event_totals.evidence_sessions) as sessions,
        event_totals.touches,
        event_totals.clients
    from event_totals
    cross join session_totals

),

first_touch_totals as (

    select
        channel,
        count(*) as first_touch_conversions,
        sum(attributed_revenue) as first_touch_revenue
    from first_touch
    group by channel

),

last_touch_totals as (

    select
        channel,
        count(*) as last_touch_conversions,
        sum(attributed_revenue) as last_touch_revenue,
        cast(sum(revenue) / count(*) as decimal(28, 2)) as average_order_value,
        sum(revenue - attributed_revenue) as unattributed_revenue
    from last_touch
    group by channel

),

client_channels as (

    select distinct client_id, channel from marketing_touches

),

assist_candidates as (

    -- a conversion against each channel its client ever had, never against each touch
    select
        client_channels.client_id,
        client_channels.channel,
        last_touch.event_time,
        last_touch.channel <> client_channels.channel as is_credited_elsewhere
    from last_touch
    inner join client_channels
        on last_touch.client_id = client_channels.client_id
    where last_touch.attribution_status = 'marketing'

),

channel_timelines as (

    select client_id, channel, touch_at as event_time, touch_at, false as is_credited_elsewhere
    from marketing_touches
    union all
    select client_id, channel, event_time, null as touch_at, is_credited_elsewhere
    from assist_candidates

),

latest_touches as (

    select
        channel,
        event_time,
        is_credited_elsewhere,
        max(touch_at) over (
            partition by client_id, channel
            order by event_time
            range between unbounded preceding and current row
        ) as latest_touch_at
    from channel_timelines

),

assist_totals as (

    select
        channel,
        count(*) as assisted_conversions
    from latest_touches
    where
        is_credited_elsewhere
        and latest_touch_at >= event_time - interval '{{ var("attribution_window_days") }}' day
    group by channel

),

channels as (

    select channel from channel_traffic
    union
    select channel from first_touch_totals
    union
    select channel from last_touch_totals
    union
    select channel from costs

),

combined as (

    select
        channels.channel,
        coalesce(channel_traffic.sessions, 0) as sessions,
        coalesce(channel_traffic.touches, 0) as touches,
        coalesce(channel_traffic.clients, 0) as clients,
        coalesce(first_touch_totals.first_touch_conversions, 0) as first_touch_conversions,
        cast(coalesce(first_touch_totals.first_touch_revenue, 0) as decimal(28, 2)) as first_touch_revenue,
        coalesce(last_touch_totals.last_touch_conversions, 0) as last_touch_conversions,
        cast(coalesce(last_touch_totals.last_touch_revenue, 0) as decimal(28, 2)) as last_touch_revenue,
        coalesce(assist_totals.assisted_conversions, 0) as assisted_conversions,
        last_touch_totals.average_order_value,
        cast(coalesce(last_touch_totals.unattributed_revenue, 0) as decimal(28, 2)) as unattributed_revenue,
        cast(coalesce(costs.cost, 0) as decimal(28, 2)) as cost
    from channels
    left join channel_traffic on channels.channel = channel_traffic.channel
    left join first_touch_totals on channels.channel = first_touch_totals.channel
    left join last_touch_totals on channels.channel = last_touch_totals.channel
    left join assist_totals on channels.channel = assist_totals.channel
    left join costs on channels.channel = costs.channel

)

select
    channel,
    sessions,
    touches,
    clients,
    first_touch_conversions,
    first_touch_revenue,
    last_touch_conversions,
    last_touch_revenue,
    assisted_conversions,
    cast(last_touch_conversions / nullif(sessions, 0) as double) as conversion_rate,
    average_order_value,
    unattributed_revenue,
    cost,
    cast(cost / nullif(last_touch_conversions, 0) as decimal(28, 2)) as cpa,
    -- as doubles: a quotient of decimals keeps too few digits of small returns
    cast(last_touch_revenue as double) / cast(nullif(cost, 0) as double) as roas
from combined
