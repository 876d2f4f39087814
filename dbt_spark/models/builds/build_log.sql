{{
    config(
        materialized='incremental',
        unique_key=['build_number'],
        full_refresh=false,
        meta={'replaces': 'log'},
    )
}}

{#- A build of a part of the models is no complete build: its row is not written. -#}
{%- set is_complete = namespace(yes=true) -%}
{%- if execute -%}
    {%- for id, node in graph.nodes.items() -%}
        {%- if node.resource_type == 'model' and node.config.meta.get('rebuilt_with') and id not in selected_resources -%}
            {%- set is_complete.yes = false -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}
{%- set history = namespace(version=none) -%}
{%- if execute -%}
    {%- set history.version = run_query(
        'describe history ' ~ ref('int_conversions_attributed') ~ ' limit 1'
    ).rows[0]['version'] -%}
{%- endif %}

select
    last_build + 1 as build_number,
    invocation_id,
    started_at,
    from_batch,
    to_batch,
    is_full_events,
    is_full_attribution,
    events_reason,
    attribution_reason,
    events_fingerprint,
    attribution_fingerprint,
    code_version,
    cast({{ history.version if history.version is not none else 'null' }} as bigint) as conversions_version
from {{ ref('build_scope') }}
where
    invocation_id = '{{ invocation_id }}'
    and {{ is_complete.yes }}
{%- for model in [
    'base_events', 'base_clients', 'base_channel_lookup', 'rejected_events', 'int_conversions_attributed',
    'int_assisted_conversions', 'int_unconverted_paths', 'int_client_channels', 'int_daily_traffic',
    'first_touch_attribution', 'last_touch_attribution', 'conversion_paths', 'client_journeys', 'attribution_explain',
    'multi_touch_attribution', 'attribution_changes',
] %}
-- depends_on: {{ ref(model) }}
{%- endfor %}
