{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'purchasers'},
    )
}}

with

conversions as (

    select
        client_id,
        event_time,
        revenue,
        attribution_status,
        last_marketing_touch as credited_touch
    from {{ ref('int_conversions_attributed') }}
    {% if is_incremental() -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

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
{{ after('build_changed_purchasers') }}
