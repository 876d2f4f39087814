{{
    config(
        materialized='table_of_increment',
        meta={'rebuilt_with': 'events'},
    )
}}

{%- set events = earlier('staging', 'base_events') -%}
{%- set clients = earlier('staging', 'base_clients') %}

with

changed_clients as (

    select client_id, changed_from, is_late from {{ ref('build_changed_clients') }}

)

{% if rebuilds('events') -%}

select
    client_id,
    cast(null as struct<{{ client_state('type') }}>) as carried
from changed_clients

{%- else -%}
{%- set bounds = change_bounds() -%}

select
    changed_clients.client_id,
    struct({{ client_state('columns', 'clients.') }}) as carried
from changed_clients
inner join {{ clients }} as clients
    on changed_clients.client_id = clients.client_id
where not changed_clients.is_late
{%- if bounds['late_client_count'] %}
union all
-- Their past begins before the change and ends after it: what was known at that time is read from the events.
select /*+ {{ 'broadcast(late)' if bounds['late_client_count'] <= 1000000 else 'merge(late)' }} */
    events.client_id,
    struct({{ client_state('aggregates', 'events.') }}) as carried
from {{ events }} as events
inner join changed_clients as late
    on
        events.client_id = late.client_id
        and events.event_time < late.changed_from
where
    late.is_late
    and not events.is_duplicate
    and events.event_time < {{ bounds['last_late'] }}
group by events.client_id
{%- endif %}

{%- endif %}
{{ after('build_changed_clients') }}
