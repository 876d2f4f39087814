with

daily_traffic as (

    select
        source,
        medium,
        touch_count,
        evidence_session_count,
        example_campaign,
        last_seen_at
    from {{ ref('int_daily_traffic') }}
    where channel = 'unassigned'

),

client_channels as (

    select client_id, source, medium
    from {{ ref('int_client_channels') }}
    where channel = 'unassigned'

),

last_touch as (

    select
        lower(source) as source,
        lower(medium) as medium,
        attributed_revenue
    from {{ ref('last_touch_attribution') }}
    where channel = 'unassigned'

),

suggestions as (

    select source, medium, suggested_channel, suggested_file, suggested_rule, reason
    from {{ ref('stg_channel_suggestions') }}

),

traffic as (

    select
        source,
        medium,
        sum(evidence_session_count) as sessions,
        sum(touch_count) as touches,
        min(example_campaign) as example_campaign,
        max(last_seen_at) as last_seen_at
    from daily_traffic
    group by source, medium

),

clients as (

    select
        source,
        medium,
        count(*) as clients
    from client_channels
    group by source, medium

),

credits as (

    select
        source,
        medium,
        count(*) as last_touch_conversions,
        sum(attributed_revenue) as last_touch_revenue
    from last_touch
    group by source, medium

)

select
    traffic.source,
    traffic.medium,
    traffic.sessions,
    traffic.touches,
    clients.clients,
    coalesce(credits.last_touch_conversions, 0) as last_touch_conversions,
    cast(coalesce(credits.last_touch_revenue, 0) as decimal(28, 2)) as last_touch_revenue,
    traffic.example_campaign,
    traffic.last_seen_at,
    suggestions.suggested_channel,
    suggestions.suggested_file,
    suggestions.suggested_rule,
    suggestions.reason
from traffic
left join clients
    on
        traffic.source <=> clients.source
        and traffic.medium <=> clients.medium
left join credits
    on
        traffic.source <=> credits.source
        and traffic.medium <=> credits.medium
left join suggestions
    on
        traffic.source <=> suggestions.source
        and traffic.medium <=> suggestions.medium
