with

events as (

    select
        lower(source) as source,
        lower(medium) as medium,
        campaign,
        client_id,
        event_time,
        is_touch,
        is_session_evidence
    from {{ ref('stg_events') }}
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
        count_if(is_session_evidence) as sessions,
        count_if(is_touch) as touches,
        count(distinct client_id) as clients,
        -- the smallest: which one it is does not depend on the order of delivery
        min(campaign) as example_campaign,
        max(event_time) as last_seen_at
    from events
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
    traffic.clients,
    coalesce(credits.last_touch_conversions, 0) as last_touch_conversions,
    cast(coalesce(credits.last_touch_revenue, 0) as decimal(28, 2)) as last_touch_revenue,
    traffic.example_campaign,
    traffic.last_seen_at,
    suggestions.suggested_channel,
    suggestions.suggested_file,
    suggestions.suggested_rule,
    suggestions.reason
from traffic
left join credits
    on
        traffic.source <=> credits.source
        and traffic.medium <=> credits.medium
left join suggestions
    on
        traffic.source <=> suggestions.source
        and traffic.medium <=> suggestions.medium
