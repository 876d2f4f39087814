{{
    config(
        materialized='table_of_increment',
        meta={'rebuilt_with': 'events'},
    )
}}

select
    *,
    xxhash64(client_id, event_id) as event_key
from {{ ref('base_event_evidence') }}
{% if rebuilds('events') -%}
where false
{%- else -%}
where
    batch > {{ built_batch() }}
    and batch <= {{ landed_batch() }}
{%- endif %}
{{ after('build_scope') }}
