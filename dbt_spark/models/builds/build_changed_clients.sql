{{
    config(
        materialized='table_of_increment',
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
    false as is_late
from changed

{%- else -%}

-- A record with the id of an earlier one takes its place, or stands back behind it. This looks through the whole
-- history, hence at one column of it: of the earlier record only the month is asked, which is the file's. To begin at
-- the month, or for a hash that is equal by chance, only has more of a client computed again.
met_again as (

    select event_key, cast(event_month as timestamp) as event_time
    from {{ events }}
    where
        batch <= {{ built_batch() }}
        and event_key in (select new_events.event_key from new_events)

),

changes as (

    select client_id, event_time from new_events
    union all
    select
        new_events.client_id,
        met_again.event_time
    from met_again
    inner join new_events
        on met_again.event_key = new_events.event_key

),

changed as (

    select client_id, min(event_time) as changed_from
    from changes
    group by client_id

)

-- A build that died may have left a client with the new events: as one who is late it is computed from the events.
select
    changed.client_id,
    changed.changed_from,
    coalesce(clients.last_seen_at >= changed.changed_from, false) as is_late
from changed
left join {{ clients }} as clients
    on changed.client_id = clients.client_id

{%- endif %}
{{ after('build_scope') }}
