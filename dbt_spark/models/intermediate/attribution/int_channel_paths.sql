{{
    config(
        materialized='table',
    )
}}

with

conversions as (

    select client_id, attribution_status, revenue, touches
    from {{ ref('int_conversions_attributed') }}

),

marketing_touches as (

    select client_id, touch_at, event_id, channel
    from {{ ref('int_touches_identified') }}
    where is_marketing

),

converting_paths as (

    select
        transform(filter(touches, touch -> touch.channel <> 'direct'), touch -> touch.channel) as channels,
        revenue
    from conversions
    where attribution_status = 'marketing'

),

unconverted_touches as (

    select
        marketing_touches.*,
        max(marketing_touches.touch_at) over (partition by marketing_touches.client_id) as last_touch_at,
        row_number() over (
            partition by marketing_touches.client_id
            order by marketing_touches.touch_at desc, marketing_touches.event_id desc
        ) as recency
    from marketing_touches
    where not exists (
        select 1 from conversions
        where conversions.client_id = marketing_touches.client_id
    )

),

windowed_touches as (

    select
        unconverted_touches.*,
        count(*) over (partition by client_id) as touch_count
    from unconverted_touches
    where touch_at >= last_touch_at - interval '{{ var("attribution_window_days") }}' day

),

unconverted_paths as (

    -- bounded like every list of touches: the first one and the latest
    select
        client_id,
        transform(
            array_sort(collect_list(struct(touch_at, event_id, channel))),
            touch -> touch.channel
        ) as channels
    from windowed_touches
    where recency < {{ var('max_path_touches') }} or recency = touch_count
    group by client_id

),

paths as (

    select channels, 1 as conversion_count, revenue, 0 as unconverted_count from converting_paths
    union all
    select channels, 0 as conversion_count, cast(0 as decimal(28, 2)) as revenue, 1 as unconverted_count
    from unconverted_paths

)

select
    channels,
    sum(conversion_count) as conversion_count,
    cast(sum(revenue) as decimal(28, 2)) as revenue,
    sum(unconverted_count) as unconverted_count
from paths
group by channels
