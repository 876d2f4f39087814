{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'purchasers'},
    )
}}

select
    client_id,
    event_time,
    revenue,
    purchase_count,
    order_ids,
    event_ids,
    touch_count,
    marketing_touch_count,
    {{ channel_path('touches') }} as channel_path,
    touches,
    is_path_truncated,
    {{ whole_days('first_touch_at_in_window', 'event_time') }} as days_to_conversion,
    attribution_status
from {{ ref('int_conversions_attributed') }}
{% if is_incremental() -%}
where {{ replaced_rows('purchasers') }}
{%- endif %}
{{ after('build_changed_purchasers') }}
