select
    client_id,
    event_time as touch_at,
    event_id,
    channel,
    source,
    medium,
    campaign,
    is_marketing_touch as is_marketing,
    session_number
from {{ ref('int_attribution_events') }}
where is_touch
