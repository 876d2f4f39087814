{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_time', 'touch_event_id'],
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
        last_marketing_touch_before_window,
        touches
    from {{ ref('int_conversions_attributed') }}
    {% if is_incremental() -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

),

channel_rules as (

    select channel_rule_rank, description from {{ ref('stg_channel_rules') }}

),

considered as (

    select
        conversions.*,
        explode(
            concat(
                if(
                    last_marketing_touch_before_window is null,
                    array(),
                    array(struct(last_marketing_touch_before_window as touch, true as is_outside_window))
                ),
                transform(touches, touch -> struct(touch, false as is_outside_window))
            )
        ) as candidate
    from conversions

),

marked as (

    select
        considered.*,
        candidate.touch,
        candidate.is_outside_window,
        coalesce(candidate.touch.event_id = first_marketing_touch.event_id, false) as is_first_touch,
        coalesce(candidate.touch.event_id = last_marketing_touch.event_id, false) as is_last_touch
    from considered

)

select
    marked.client_id,
    marked.event_time,
    touch.touch_at,
    touch.event_id as touch_event_id,
    touch.channel,
    touch.source,
    touch.medium,
    touch.campaign,
    touch.channel_rule_rank,
    case
        when touch.channel_rule_rank is not null
            then coalesce(channel_rules.description, concat('rule ', touch.channel_rule_rank))
        when touch.channel = 'direct' then 'no marketing evidence'
        when touch.channel = 'unassigned' then 'no rule matched'
        else 'channel given by the sender'
    end as channel_rule,
    (select stg_rule_version.rule_version from {{ ref('stg_rule_version') }} as stg_rule_version) as rule_version,
    (unix_micros(event_time) - unix_micros(touch.touch_at)) / 1000000D as age_seconds,
    {{ whole_days('touch.touch_at', 'event_time') }} as age_days,
    is_first_touch,
    is_last_touch,
    case
        when is_outside_window then 'outside_window'
        when is_first_touch or is_last_touch then 'credited'
        when touch.channel <> 'direct' then 'between'
        when attribution_status = 'direct' then 'direct_only'
        else 'direct_excluded'
    end as decision,
    attribution_status,
    revenue
from marked
left join channel_rules
    on touch.channel_rule_rank = channel_rules.channel_rule_rank
{{ after('build_changed_purchasers') }}
