with

events as (

    select client_id, session_number, event_time, event_id, event_type, channel, is_session_evidence, is_touch
    from {{ ref('stg_events') }}

)

select
    client_id,
    session_number,
    min(event_time) as session_started_at,
    max(event_time) as session_ended_at,
    -- at most one event of a session is its first with marketing evidence
    coalesce(max(channel) filter (where is_session_evidence), 'direct') as channel,
    count(*) as event_count,
    count_if(is_touch) as touch_count,
    count_if(event_type = 'purchase') as purchase_count
from events
group by client_id, session_number
