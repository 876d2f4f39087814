select
    client_id,
    event_time as touch_at,
    event_id,
    channel,
    source,
    medium,
    campaign,
    channel <> 'direct' as is_marketing,
    session_number
from {{ ref('stg_events') }}
where is_touch
