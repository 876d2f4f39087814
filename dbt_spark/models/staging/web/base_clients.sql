{{
    config(
        materialized='incremental',
        unique_key=['client_id'],
        meta={'rebuilt_with': 'events', 'replaces': 'clients'},
    )
}}

with

events as (

    select * from {{ ref('base_events') }} as replaceable
    where
        not is_duplicate
        {% if is_incremental() -%}
        and {{ replaced_rows('events') }}
        {%- endif %}

),

{% if is_incremental() -%}

changed_clients as (

    select
        changed.client_id,
        states.carried
    from {{ ref('build_changed_clients') }} as changed
    left join {{ ref('build_client_states') }} as states
        on changed.client_id = states.client_id

),

{%- endif %}

seen as (

    select
        client_id,
        {{ client_state('aggregates') }}
    from events
    group by client_id

)

{% if is_incremental() -%}

select
    changed_clients.client_id,
    {{ client_state('continued', 'changed_clients.carried', 'seen') }}
from changed_clients
left join seen
    on changed_clients.client_id = seen.client_id

{%- else -%}

select * from seen

{%- endif %}
{{ after('build_changed_clients', 'build_client_states') }}
