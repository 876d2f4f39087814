{{
    config(
        materialized='table',
        meta={'rebuilt_with': 'events'},
    )
}}

{%- set events = earlier('staging', 'base_events') -%}
{%- set clients = earlier('staging', 'base_clients') %}

with

new_events as (

    select client_id, event_key, event_time from {{ ref('build_new_events') }}

),

{% if rebuilds('events') -%}

changed as (

    select client_id, event_time as changed_from from new_events

)

select
    client_id,
    changed_from,
    cast(null as struct<{{ client_state('type') }}>) as carried
from changed

{%- else -%}

-- A record with the id of an earlier one takes its place, or stands back behind it. Hashes that are equal by
-- chance only have a client computed again.
met_again as (

    select client_id, event_time
    from {{ events }}
    where event_key in (select new_events.event_key from new_events)

),

changes as (

    select client_id, event_time from new_events
    union all
    select client_id, event_time from met_again

),

changed as (

    select client_id, min(event_time) as changed_from
    from changes
    group by client_id

),

known as (

    select
        changed.client_id,
        changed.changed_from,
        clients.last_seen_at < changed.changed_from as is_on_time,
        struct({{ client_state('columns', 'clients.') }}) as carried
    from changed
    left join {{ clients }} as clients
        on changed.client_id = clients.client_id

),

-- Whose past begins before the change and ends after it: what was known at that time is read from the events.
late as (

    select client_id, changed_from from known
    where not is_on_time

),

past as (

    select
        events.client_id,
        struct({{ client_state('aggregates', 'events.') }}) as carried
    from {{ events }} as events
    inner join late
        on
            events.client_id = late.client_id
            and events.event_time < late.changed_from
    where not events.is_duplicate
    group by events.client_id

)

select
    known.client_id,
    known.changed_from,
    if(known.is_on_time, known.carried, past.carried) as carried
from known
left join past
    on known.client_id = past.client_id

{%- endif %}
{{ after('build_scope') }}
