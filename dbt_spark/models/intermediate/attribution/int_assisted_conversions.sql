{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time', 'channel'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'purchasers'},
    )
}}

with

conversions as (

    select
        client_id,
        event_time,
        last_marketing_touch.channel as last_touch_channel
    from {{ ref('int_conversions_attributed') }}
    where
        attribution_status = 'marketing'
        {% if is_incremental() -%}
        and {{ replaced_rows('purchasers') }}
        {%- endif %}

),

marketing_touches as (

    select client_id, touch.channel, event_time as touch_at
    from {{ ref('int_purchaser_timelines') }}
    where is_marketing_touch

),

client_channels as (

    select distinct client_id, channel from marketing_touches

),

candidates as (

    -- a conversion against each channel its client ever had, never against each touch
    select
        client_channels.client_id,
        client_channels.channel,
        conversions.event_time
    from conversions
    inner join client_channels
        on
            conversions.client_id = client_channels.client_id
            and conversions.last_touch_channel <> client_channels.channel

),

channel_timelines as (

    select client_id, channel, touch_at as event_time, touch_at, false as is_conversion
    from marketing_touches
    union all
    select client_id, channel, event_time, null as touch_at, true as is_conversion
    from candidates

),

latest_touches as (

    select
        client_id,
        channel,
        event_time,
        is_conversion,
        max(touch_at) over (
            partition by client_id, channel
            order by event_time
            range between unbounded preceding and current row
        ) as latest_touch_at
    from channel_timelines

)

select client_id, event_time, channel
from latest_touches
where
    is_conversion
    and latest_touch_at >= event_time - interval '{{ var("attribution_window_days") }}' day
{{ after('build_changed_purchasers') }}
