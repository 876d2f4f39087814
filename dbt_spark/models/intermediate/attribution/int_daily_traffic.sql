{{
    config(
        materialized='incremental',
        unique_key=['event_date', 'channel', 'source', 'medium'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'dates'},
    )
}}

with

events as (

    select
        event_date,
        event_time,
        channel,
        -- only what is unassigned is looked at by source
        if(channel = 'unassigned', lower(source), null) as source,
        if(channel = 'unassigned', lower(medium), null) as medium,
        if(channel = 'unassigned', campaign, null) as campaign,
        is_touch,
        is_session_start,
        is_session_evidence
    from {{ ref('int_attribution_events') }}
    where
        (is_touch or channel = 'unassigned')
        {% if is_incremental() -%}
        and {{ replaced_rows('dates') }}
        {%- endif %}

)

select
    event_date,
    channel,
    source,
    medium,
    count_if(is_touch) as touch_count,
    count_if(is_session_evidence) as evidence_session_count,
    count_if(is_session_start) as session_start_count,
    -- the smallest: which one it is does not depend on the order of delivery
    min(campaign) as example_campaign,
    max(event_time) as last_seen_at
from events
group by event_date, channel, source, medium
{{ after('build_changed_dates') }}
