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

    select client_id, carried from {{ ref('build_changed_clients') }}

),

{%- endif %}

seen as (

    select
        client_id,
        {{ client_state_aggregates('') }}
    from events
    group by client_id

)

{% if is_incremental() -%}

select
    changed_clients.client_id,
    {%- for name in client_state() %}
    {% if name in ['first_seen_at', 'first_platform'] -%}
    coalesce(changed_clients.carried.{{ name }}, seen.{{ name }}) as {{ name }}
    {%- elif name in ['event_count', 'page_view_count', 'purchase_count', 'total_revenue'] -%}
    cast(
        coalesce(changed_clients.carried.{{ name }}, 0) + coalesce(seen.{{ name }}, 0) as {{ client_state()[name][0] }}
    ) as {{ name }}
    {%- else -%}
    coalesce(seen.{{ name }}, changed_clients.carried.{{ name }}) as {{ name }}
    {%- endif %}{{ "," if not loop.last }}
    {%- endfor %}
from changed_clients
left join seen
    on changed_clients.client_id = seen.client_id

{%- else -%}

select * from seen

{%- endif %}
-- depends_on: {{ ref('build_changed_clients') }}
