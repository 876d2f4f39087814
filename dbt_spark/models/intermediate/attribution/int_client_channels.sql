{{
    config(
        materialized='incremental',
        unique_key=['client_id', 'channel', 'source', 'medium'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'clients'},
    )
}}

with

touches as (

    select
        client_id,
        channel,
        -- only what is unassigned is looked at by source
        if(channel = 'unassigned', lower(source), null) as source,
        if(channel = 'unassigned', lower(medium), null) as medium,
        event_time as touch_at
    from {{ ref('int_attribution_events') }} as replaceable
    where
        is_touch
        {% if is_incremental() -%}
        and {{ replaced_rows('events') }}
        {%- endif %}
    {%- if is_incremental() %}
    union all
    select
        earlier.client_id,
        earlier.channel,
        earlier.source,
        earlier.medium,
        earlier.first_touch_at as touch_at
    from {{ this }} as earlier
    inner join {{ ref('build_changed_clients') }} as changed_clients
        on
            earlier.client_id = changed_clients.client_id
            and earlier.first_touch_at < changed_clients.changed_from
    {%- endif %}

)

select
    client_id,
    channel,
    source,
    medium,
    min(touch_at) as first_touch_at
from touches
group by client_id, channel, source, medium
{{ after('build_changed_clients') }}
