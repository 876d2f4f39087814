with

traffic as (

    select channel, touch_count, evidence_session_count, session_start_count
    from {{ ref('int_daily_traffic') }}

),

client_channels as (

    select client_id, channel from {{ ref('int_client_channels') }}

),

first_touch as (

    select channel, attributed_revenue from {{ ref('first_touch_attribution') }}

),

last_touch as (

    select channel, revenue, attributed_revenue from {{ ref('last_touch_attribution') }}

),

assists as (

    select channel from {{ ref('int_assisted_conversions') }}

),

costs as (

    select channel, cost from {{ ref('int_channel_costs') }}

),

traffic_totals as (

    select
        channel,
        sum(touch_count) as touches,
        sum(evidence_session_count) as evidence_sessions,
        sum(session_start_count) as session_starts
    from traffic
    group by channel

),

client_totals as (

    -- of unassigned a client has a row for each source
    select
        channel,
        count(distinct client_id) as clients
    from client_channels
    group by channel

),

session_totals as (

    -- a session starts with whatever event; it is direct if none of its events shows evidence
    select sum(session_starts) - sum(evidence_sessions) as direct_sessions
    from traffic_totals

),

channel_traffic as (

    select
        traffic_totals.channel,
        if(
            traffic_totals.channel = 'direct', session_totals.direct_sessions, traffic_totals.evidence_sessions
        ) as sessions,
        traffic_totals.touches,
        client_totals.clients
    from traffic_totals
    cross join session_totals
    left join client_totals
        on traffic_totals.channel = client_totals.channel

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

assist_totals as (

    select
        channel,
        count(*) as assisted_conversions
    from assists
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
