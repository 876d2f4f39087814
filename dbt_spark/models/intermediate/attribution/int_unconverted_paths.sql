{{
    config(
        materialized='incremental',
        unique_key=['client_id'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'clients'},
    )
}}

with

conversions as (

    select client_id from {{ ref('int_conversions_attributed') }}

),

all_touches as (

    select client_id, touch_at, event_id, channel, is_marketing
    from {{ ref('int_touches_identified') }}
    {% if is_incremental() -%}
    where {{ replaced_rows('clients') }}
    {%- endif %}

),

unconverted_touches as (

    select
        all_touches.*,
        max(if(is_marketing, touch_at, null)) over (partition by client_id) as last_marketing_at
    from all_touches
    where not exists (
        select 1 from conversions
        where conversions.client_id = all_touches.client_id
    )

),

numbered_touches as (

    select
        unconverted_touches.*,
        row_number() over (
            partition by client_id
            order by touch_at desc, event_id desc
        ) as recency
    from unconverted_touches
    where
        touch_at <= last_marketing_at
        and touch_at >= last_marketing_at - interval '{{ var("attribution_window_days") }}' day

),

located_touches as (

    select
        numbered_touches.*,
        max(if(is_marketing, recency, null)) over (partition by client_id) as first_marketing_recency
    from numbered_touches

)

-- bounded like every list of touches: the latest ones, with the first marketing touch among them
select
    client_id,
    transform(
        array_sort(collect_list(struct(touch_at, event_id, channel))),
        touch -> touch.channel
    ) as channels
from located_touches
where
    is_marketing
    and (
        recency < {{ var('max_path_touches') }}
        or recency = first_marketing_recency
        or (recency = {{ var('max_path_touches') }} and first_marketing_recency <= recency)
    )
group by client_id
{{ after('build_changed_clients') }}
