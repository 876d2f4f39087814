{{
    config(
        materialized='table',
        meta={'rebuilt_with': 'events'},
    )
}}

{%- set scope = current_scope() %}

select
    *,
    xxhash64(client_id, event_id) as event_key
from {{ ref('base_event_evidence') }}
{% if rebuilds('events') -%}
where false
{%- else -%}
where
    batch > {{ scope['from_batch'] }}
    and batch <= {{ scope['to_batch'] }}
{%- endif %}
-- depends_on: {{ ref('build_scope') }}
