{{
    config(
        materialized='incremental',
        unique_key=['client_id'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'purchasers'},
    )
}}

with

conversions as (

    select
        client_id,
        event_time,
        revenue,
        purchase_count,
        session_count,
        touches_so_far,
        first_touch_ever,
        is_last_conversion,
        journey_touches
    from {{ ref('int_conversions_attributed') }}
    {% if is_incremental() -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

),

clients as (

    select
        client_id,
        -- every conversion of a client agrees on its first touch
        min(first_touch_ever) as first_touch,
        min(event_time) as first_purchase_at,
        max(event_time) as last_purchase_at,
        max(session_count) as session_count,
        max(touches_so_far) as touch_count,
        sum(purchase_count) as purchase_count,
        cast(sum(revenue) as decimal(28, 2)) as total_revenue,
        max(journey_touches) filter (where is_last_conversion) as journey_touches
    from conversions
    group by client_id

)

select
    client_id,
    first_touch.touch_at as first_touch_at,
    first_touch.channel as first_touch_channel,
    first_purchase_at,
    last_purchase_at,
    {{ whole_days('first_touch.touch_at', 'last_purchase_at') }} as journey_length_days,
    {{ whole_days('first_touch.touch_at', 'first_purchase_at') }} as days_to_first_purchase,
    session_count,
    touch_count,
    purchase_count,
    total_revenue,
    {{ channel_path('journey_touches') }} as channel_path,
    touch_count > {{ var('max_path_touches') }} as is_path_truncated
from clients
{{ after('build_changed_purchasers') }}
