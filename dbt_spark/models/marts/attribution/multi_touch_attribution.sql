{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time', 'model', 'touch_event_id'],
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
        first_marketing_touch,
        last_marketing_touch,
        filter(touches, touch -> touch.channel <> 'direct') as credited_touches
    from {{ ref('int_conversions_attributed') }}
    {% if is_incremental() -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

),

counted as (

    select
        conversions.*,
        size(credited_touches) as touch_count,
        try_element_at(credited_touches, -1).touch_at as last_touch_at
    from conversions
    where attribution_status = 'marketing'

),

modelled as (

    -- what has been exploded is computed once, whatever the steps below do with it
    select
        client_id,
        event_time,
        revenue,
        inline({{ model_shares(
            'first_marketing_touch', 'last_marketing_touch', 'credited_touches', 'touch_count', 'last_touch_at'
        ) }})
    from counted

),

totalled as (

    select
        modelled.*,
        {{ total_share('shares') }} as share_total
    from modelled

),

split as (

    select
        totalled.*,
        {{ cent_parts('revenue', 'shares', 'share_total') }} as parts
    from totalled

),

cut as (

    select
        split.*,
        {{ cent_cutoff('parts', 'revenue') }} as cutoff
    from split

),

credited as (

    -- each row takes its own touch along, and not the list
    select
        client_id,
        event_time,
        model,
        revenue,
        share_total,
        cutoff,
        inline(arrays_zip(parts, touches)) as (part, touch)
    from cut

),

marketing as (

    select
        client_id,
        event_time,
        model,
        touch,
        part.share / cast(share_total as double) as weight,
        revenue,
        {{ rounded_part('part', 'cutoff') }} as attributed_revenue,
        'marketing' as attribution_status
    from credited
    where part.share > 0

),

remaining as (

    select
        conversions.*,
        last_marketing_touch as credited_touch,
        explode(array('first_touch', 'last_touch', 'linear', 'position_based', 'time_decay')) as model
    from conversions
    where attribution_status <> 'marketing'

)

select
    client_id,
    event_time,
    model,
    touch.touch_at,
    touch.event_id as touch_event_id,
    touch.channel,
    touch.source,
    touch.medium,
    touch.campaign,
    weight,
    revenue,
    attributed_revenue,
    attribution_status
from marketing
union all
select
    client_id,
    event_time,
    model,
    cast(null as timestamp) as touch_at,
    cast(null as string) as touch_event_id,
    {{ credited_channel() }} as channel,
    cast(null as string) as source,
    cast(null as string) as medium,
    cast(null as string) as campaign,
    1D as weight,
    revenue,
    {{ credited_revenue() }} as attributed_revenue,
    attribution_status
from remaining
{{ after('build_changed_purchasers') }}
