{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'event_id'],
        partition_by='event_month',
        tblproperties={'delta.dataSkippingStatsColumns': 'event_time,event_date,batch'},
        meta={'rebuilt_with': 'attribution', 'replaces': 'events'},
    )
}}

select
    client_id,
    event_id,
    event_time,
    event_date,
    event_type = 'purchase' as is_purchase,
    is_touch,
    is_touch and channel <> 'direct' as is_marketing_touch,
    is_session_start,
    is_session_evidence,
    channel,
    channel_rule_rank,
    source,
    medium,
    campaign,
    session_number,
    order_id,
    revenue,
    batch,
    cast(date_trunc('month', event_time) as date) as event_month
from {{ ref('base_channeled_events') }} as replaceable
where
    -- a session that starts is a touch, or shows evidence that is one
    (is_touch or event_type = 'purchase' or channel = 'unassigned')
    {% if is_incremental() -%}
    and {{ replaced_rows('events') }}
    {%- endif %}
{{ after('build_changed_clients') }}
