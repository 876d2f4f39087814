with

events as (

    select * from {{ ref('base_events') }}
    where not is_duplicate

),

channels as (

    select source, medium, campaign, channel, channel_rule_rank from {{ ref('base_channel_lookup') }}

),

channeled as (

    select
        events.*,
        channels.channel as rule_channel,
        channels.channel_rule_rank as rule_rank
    from events
    left join channels
        on
            events.has_evidence
            and events.source <=> channels.source
            and events.medium <=> channels.medium
            and events.campaign <=> channels.campaign

)

select
    event_id,
    client_id,
    event_time,
    event_date,
    event_type,
    coalesce(sender_channel, if(has_evidence, rule_channel, 'direct')) as channel,
    if(sender_channel is null, rule_rank, null) as channel_rule_rank,
    source,
    medium,
    campaign,
    referrer_host,
    page_url,
    platform,
    user_id,
    order_id,
    revenue,
    session_number,
    is_session_start,
    is_session_evidence,
    is_touch_by_tags and not coalesce(rule_channel = repeated_if_channel, false) as is_touch,
    batch
from channeled
