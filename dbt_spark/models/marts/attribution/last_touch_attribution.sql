with

conversions as (

    select
        client_id,
        event_time,
        revenue,
        attribution_status,
        last_marketing_touch as credited_touch
    from {{ ref('int_conversions_attributed') }}

)

select
    client_id,
    event_time,
    {{ credited_channel() }} as channel,
    credited_touch.source,
    credited_touch.medium,
    credited_touch.campaign,
    credited_touch.touch_at,
    credited_touch.event_id as touch_event_id,
    revenue,
    {{ credited_revenue() }} as attributed_revenue,
    attribution_status
from conversions
