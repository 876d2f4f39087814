{{
    config(
        materialized='table',
        meta={'rebuilt_with': 'attribution'},
    )
}}

{%- set client_order -%}
    partition by client_id
    order by event_time, event_id
{%- endset -%}

{#- Instants, not positions: everything at the conversion's own instant counts, whatever its event id. -#}
{%- set until_now -%}
    partition by client_id
    order by event_time
    range between unbounded preceding and current row
{%- endset -%}

{#- Everything that is older than the window, whose start is still inside it: one microsecond more than its length. -#}
{%- set before_window -%}
    partition by client_id
    order by event_time
    range between unbounded preceding and interval '{{ var("attribution_window_days") }} 00:00:00.000001' day to second preceding
{%- endset -%}

with

events as (

    select
        client_id,
        event_id,
        event_time,
        is_purchase,
        is_touch,
        is_marketing_touch,
        channel,
        source,
        medium,
        campaign,
        channel_rule_rank,
        session_number,
        order_id,
        revenue
    from {{ ref('int_attribution_events') }}
    where is_touch or is_purchase

),

purchasers as (

    {% if rebuilds('attribution') -%}
    select distinct client_id from events
    where is_purchase
    {%- else -%}
    select client_id from {{ ref('build_changed_purchasers') }}
    {%- endif %}

),

timelines as (

    select
        events.*,
        struct(
            events.event_time as touch_at,
            events.event_id,
            events.channel,
            events.source,
            events.medium,
            events.campaign,
            events.channel_rule_rank
        ) as touch
    from events
    where events.client_id in (select purchasers.client_id from purchasers)

),

linked as (

    select
        timelines.*,
        count_if(is_touch) over ({{ client_order }} rows between unbounded preceding and current row) as touch_number,
        -- what is first inside a window is the successor of what is last before it: no moving frame
        struct(
            touch,
            lead(if(is_touch, event_time, null)) ignore nulls over ({{ client_order }}) as next_touch_at
        ) as touch_link,
        struct(
            touch,
            lead(if(is_marketing_touch, touch, null)) ignore nulls over ({{ client_order }}) as next_touch
        ) as marketing_link
    from timelines

),

looked_back as (

    select
        linked.*,
        count_if(is_touch) over ({{ until_now }}) as touches_so_far,
        count_if(is_marketing_touch) over ({{ until_now }}) as marketing_touches_so_far,
        min(if(is_touch, touch, null)) over ({{ until_now }}) as first_touch_ever,
        min(if(is_marketing_touch, touch, null)) over ({{ until_now }}) as first_marketing_touch_ever,
        max(if(is_marketing_touch, touch, null)) over ({{ until_now }}) as last_marketing_touch,
        count_if(is_touch) over ({{ before_window }}) as touches_before_window,
        count_if(is_marketing_touch) over ({{ before_window }}) as marketing_touches_before_window,
        max(if(is_touch, touch_link, null)) over ({{ before_window }}) as last_old_touch,
        max(if(is_marketing_touch, marketing_link, null)) over ({{ before_window }}) as last_old_marketing
    from linked

)

-- what is seen looking back is asked of purchases only: on touches it would be written for nobody
select
    client_id,
    event_time,
    event_id,
    is_purchase,
    is_touch,
    is_marketing_touch,
    if(is_touch, touch, null) as touch,
    touch_number,
    session_number,
    order_id,
    revenue,
    touches_so_far,
    touches_before_window,
    marketing_touches_so_far,
    marketing_touches_before_window,
    if(is_purchase, first_touch_ever, null) as first_touch_ever,
    if(is_purchase, first_marketing_touch_ever, null) as first_marketing_touch_ever,
    case
        when not is_purchase then null
        when last_old_touch is null then first_touch_ever.touch_at
        else last_old_touch.next_touch_at
    end as first_touch_at_in_window,
    case
        when not is_purchase then null
        when last_old_marketing is null then first_marketing_touch_ever
        else last_old_marketing.next_touch
    end as first_marketing_touch_in_window,
    if(is_purchase, last_marketing_touch, null) as last_marketing_touch,
    if(is_purchase, last_old_marketing.touch, null) as last_marketing_touch_before_window
from looked_back
{{ after('build_changed_purchasers') }}
