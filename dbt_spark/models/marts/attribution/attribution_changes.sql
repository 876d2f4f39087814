{{
    config(
        materialized='incremental',
        unique_key=['since_build', 'client_id', 'event_time'],
        full_refresh=false,
        pre_hook=reads_old_versions(),
        meta={'rebuilt_with': 'changes', 'replaces': 'build'},
    )
}}

{%- set before = earlier_conversions() %}

with

scope as (

    select invocation_id, started_at, last_build, attribution_reason, is_full_attribution
    from {{ ref('build_scope') }}

),

conversions_now as (

    select {{ conversion_credit_columns() }}
    from {{ ref('int_conversions_attributed') }}
    {% if not rebuilds('attribution') -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

),

conversions_before as (

    select {{ conversion_credit_columns() }}
    from {{ before }}
    {% if not rebuilds('attribution') -%}
    where {{ replaced_rows('purchasers') }}
    {%- endif %}

),

compared as (

    select
        coalesce(conversions_now.client_id, conversions_before.client_id) as client_id,
        coalesce(conversions_now.event_time, conversions_before.event_time) as event_time,
        conversions_now.client_id is not null as is_there_now,
        conversions_before.client_id is not null as was_there_before,
        conversions_now.event_ids as event_ids_now,
        conversions_before.event_ids as event_ids_before,
        conversions_now.credit as credit_now,
        conversions_before.credit as credit_before
    from conversions_now
    full outer join conversions_before
        on
            conversions_now.client_id = conversions_before.client_id
            and conversions_now.event_time = conversions_before.event_time
    where
        not (
            conversions_now.credit <=> conversions_before.credit
            and conversions_now.event_ids <=> conversions_before.event_ids
        )

),

credited_before as (

    select
        client_id,
        event_time,
        explode(array(credit_before.first_touch, credit_before.last_touch)) as touch
    from compared
    where is_there_now and was_there_before

),

duplicates as (

    select client_id, event_id from {{ ref('rejected_events') }}
    where reason = 'duplicate_event_id'

),

timelines as (

    select client_id, event_time, event_id from {{ ref('int_purchaser_timelines') }}

),

lost_touches as (

    -- credited before, and now behind another record of the same event
    select distinct
        credited_before.client_id,
        credited_before.event_time
    from credited_before
    inner join duplicates
        on
            credited_before.client_id = duplicates.client_id
            and credited_before.touch.event_id = duplicates.event_id
    left join timelines
        on
            credited_before.client_id = timelines.client_id
            and credited_before.touch.event_id = timelines.event_id
            and credited_before.touch.touch_at = timelines.event_time
    where timelines.client_id is null

)

select
    scope.last_build as since_build,
    scope.invocation_id,
    scope.started_at as changed_at,
    compared.client_id,
    compared.event_time,
    case
        when not compared.was_there_before then 'first_seen'
        when scope.is_full_attribution and scope.attribution_reason like '%changed from%' then 'rule_changed'
        when not compared.is_there_now or lost_touches.client_id is not null then 'duplicate_resolved'
        when not (compared.event_ids_now <=> compared.event_ids_before)
            then
                if(
                    size(array_except(compared.event_ids_before, compared.event_ids_now)) > 0,
                    'duplicate_resolved', 'purchase_arrived_late'
                )
        else 'touch_arrived_late'
    end as reason,
    compared.credit_before.first_touch_channel as previous_first_touch_channel,
    compared.credit_now.first_touch_channel,
    compared.credit_before.first_touch.touch_at as previous_first_touch_at,
    compared.credit_now.first_touch.touch_at as first_touch_at,
    compared.credit_before.last_touch_channel as previous_last_touch_channel,
    compared.credit_now.last_touch_channel,
    compared.credit_before.last_touch.touch_at as previous_last_touch_at,
    compared.credit_now.last_touch.touch_at as last_touch_at,
    compared.credit_before.attribution_status as previous_attribution_status,
    compared.credit_now.attribution_status,
    compared.credit_before.revenue as previous_revenue,
    compared.credit_now.revenue
from compared
cross join scope
left join lost_touches
    on
        compared.client_id = lost_touches.client_id
        and compared.event_time = lost_touches.event_time
{{ after('build_changed_purchasers') }}
