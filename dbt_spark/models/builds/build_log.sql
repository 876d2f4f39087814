{{
    config(
        materialized='incremental',
        unique_key=['build_number'],
        full_refresh=false,
        meta={'replaces': 'log'},
    )
}}

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
    events_version,
    cast({{ latest_version(ref('int_conversions_attributed')) }} as bigint) as conversions_version
from {{ ref('build_scope') }}
where
    invocation_id = '{{ invocation_id }}'
    -- a build of some of the models is no complete build
    and {{ is_whole_build() }}
{%- for model in [
    'base_events', 'base_clients', 'base_channel_lookup', 'rejected_events', 'int_conversions_attributed',
    'int_attribution_events', 'int_assisted_conversions', 'int_unconverted_paths', 'int_client_channels', 'int_daily_traffic',
    'first_touch_attribution', 'last_touch_attribution', 'conversion_paths', 'client_journeys', 'attribution_explain',
    'multi_touch_attribution', 'attribution_changes',
] %}
{{ after(model) }}
{%- endfor %}
