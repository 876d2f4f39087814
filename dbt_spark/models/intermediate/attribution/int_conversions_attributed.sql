{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'purchasers'},
    )
}}

with

timelines as (

    select * from {{ ref('int_purchaser_timelines') }}

),

conversions as (

    -- everything that looks back is equal among the purchases of one instant
    select
        client_id,
        event_time,
        cast(sum(revenue) as decimal(28, 2)) as revenue,
        count(*) as purchase_count,
        array_sort(collect_list(struct(event_id, order_id))) as purchases,
        max(session_number) as session_count,
        max(touches_so_far) as touches_so_far,
        max(touches_before_window) as touches_before_window,
        max(marketing_touches_so_far) as marketing_touches_so_far,
        max(marketing_touches_before_window) as marketing_touches_before_window,
        max(first_touch_ever) as first_touch_ever,
        max(first_marketing_touch_ever) as first_marketing_touch_ever,
        max(first_touch_at_in_window) as first_touch_at_in_window,
        max(first_marketing_touch_in_window) as first_marketing_touch_in_window,
        max(last_marketing_touch) as last_marketing_touch,
        max(last_marketing_touch_before_window) as last_marketing_touch_before_window
    from timelines
    where is_purchase
    group by client_id, event_time

),

touch_blocks as (

    -- A list never holds more than one block's worth of touches, hence spans two blocks at most: each
    -- conversion meets two rows here, however many touches its client has.
    select
        client_id,
        {{ touch_block('touch_number') }} as block_number,
        array_sort(collect_list(struct(touch_number, touch))) as touches
    from timelines
    where is_touch
    group by client_id, {{ touch_block('touch_number') }}

),

sized as (

    select
        conversions.*,
        touches_so_far - touches_before_window as touch_count,
        marketing_touches_so_far - marketing_touches_before_window as marketing_touch_count,
        {{ touch_block('touches_so_far') }} as latest_block_number,
        -- the path of a journey ends with the client's last conversion
        row_number() over (
            partition by client_id
            order by event_time desc
        ) = 1 as is_last_conversion
    from conversions

),

listed as (

    select
        sized.*,
        concat(
            coalesce(earlier_blocks.touches, array()),
            coalesce(latest_blocks.touches, array())
        ) as latest_touches
    from sized
    left join touch_blocks as latest_blocks
        on
            sized.client_id = latest_blocks.client_id
            and sized.latest_block_number = latest_blocks.block_number
    left join touch_blocks as earlier_blocks
        on
            sized.client_id = earlier_blocks.client_id
            and sized.latest_block_number - 1 = earlier_blocks.block_number

),

judged as (

    select
        listed.*,
        case
            when marketing_touch_count > 0 then 'marketing'
            when marketing_touches_so_far = 0 then 'direct'
            else 'outside_window'
        end as attribution_status,
        {{ bounded_touches(
            'latest_touches', 'touches_before_window', 'touches_so_far',
            'if(marketing_touch_count > 0, first_marketing_touch_in_window, null)'
        ) }} as touches
    from listed

)

select
    client_id,
    event_time,
    revenue,
    purchase_count,
    transform(purchases, purchase -> purchase.event_id) as event_ids,
    filter(transform(purchases, purchase -> purchase.order_id), order_id -> order_id is not null) as order_ids,
    attribution_status,
    touch_count,
    marketing_touch_count,
    if(touch_count > 0, first_touch_at_in_window, null) as first_touch_at_in_window,
    if(marketing_touch_count > 0, first_marketing_touch_in_window, null) as first_marketing_touch,
    if(marketing_touch_count > 0, last_marketing_touch, null) as last_marketing_touch,
    last_marketing_touch_before_window,
    {{ credited_channel('first_marketing_touch_in_window') }} as first_touch_channel,
    {{ credited_channel('last_marketing_touch') }} as last_touch_channel,
    touches,
    touch_count > {{ var('max_path_touches') }} as is_path_truncated,
    -- what the data-driven models learn from, apart: they read nothing else of all conversions
    if(
        marketing_touch_count > 0,
        transform(filter(touches, touch -> touch.channel <> 'direct'), touch -> touch.channel),
        null
    ) as marketing_channels,
    is_last_conversion,
    session_count,
    touches_so_far,
    first_touch_ever,
    if(
        is_last_conversion,
        {{ bounded_touches('latest_touches', '0', 'touches_so_far', 'first_marketing_touch_ever') }},
        null
    ) as journey_touches
from judged
{{ after('build_changed_purchasers') }}
