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

combined as (

    -- joined on both sides, so that each source is read once: a channel may be in any of them
    select
        channel,
        coalesce(
            if(
                channel = 'direct',
                -- a session starts with whatever event; it is direct if none of its events shows evidence
                sum(traffic_totals.session_starts - traffic_totals.evidence_sessions) over (),
                traffic_totals.evidence_sessions
            ),
            0
        ) as sessions,
        coalesce(traffic_totals.touches, 0) as touches,
        coalesce(client_totals.clients, 0) as clients,
        coalesce(first_touch_totals.first_touch_conversions, 0) as first_touch_conversions,
        cast(coalesce(first_touch_totals.first_touch_revenue, 0) as decimal(28, 2)) as first_touch_revenue,
        coalesce(last_touch_totals.last_touch_conversions, 0) as last_touch_conversions,
        cast(coalesce(last_touch_totals.last_touch_revenue, 0) as decimal(28, 2)) as last_touch_revenue,
        coalesce(assist_totals.assisted_conversions, 0) as assisted_conversions,
        last_touch_totals.average_order_value,
        cast(coalesce(last_touch_totals.unattributed_revenue, 0) as decimal(28, 2)) as unattributed_revenue,
        cast(coalesce(costs.cost, 0) as decimal(28, 2)) as cost
    from traffic_totals
    full outer join client_totals using (channel)
    full outer join first_touch_totals using (channel)
    full outer join last_touch_totals using (channel)
    full outer join assist_totals using (channel)
    full outer join costs using (channel)

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
