{#- The known fields of raw.events, in the order of the contract (docs/data_contract.md). -#}
{%- set fields = [
    'event_id', 'client_id', 'event_time', 'event_type',
    'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content',
    'gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'fbclid', 'ttclid',
    'channel', 'referrer', 'page_url', 'platform', 'user_id', 'order_id', 'revenue',
] -%}

with

records as (

    select
        events.*,
        -- asked once for all fields: each search has its price
        {{ odd_space_in("concat_ws('', " ~ fields | join(', ') ~ ")") }} as has_odd_space
    from {{ source('raw', 'events') }} as events

),

trimmed as (

    select
        source_sha256,
        source_position,
        source_file,
        batch,
        landed_at,
        extra,
        unreadable,
        {%- for field in fields %}
        {{ trimmed(field, 'has_odd_space') }} as {{ field }},
        {%- endfor %}
        problem,
        coalesce(unreadable, {{ record_as_json(fields) }}) as record
    from records

),

typed as (

    select
        trimmed.*,
        {{ parsed_event_time('trimmed.event_time') }} as occurred_at,
        event_type_aliases.event_type as canonical_event_type,
        {{ parsed_revenue('trimmed.revenue') }} as parsed_revenue
    from trimmed
    left join {{ ref('event_type_aliases') }} as event_type_aliases
        on lower(trimmed.event_type) = event_type_aliases.alias

)

select
    source_sha256,
    source_position,
    source_file,
    batch,
    landed_at,
    client_id,
    event_id as delivered_event_id,
    -- the same record delivered twice is still one event
    coalesce(event_id, {{ record_fingerprint(fields) }}) as event_id,
    occurred_at as event_time,
    canonical_event_type as event_type,
    {%- for field in fields if field not in ['client_id', 'event_id', 'event_time', 'event_type', 'revenue'] %}
    {{ field }},
    {%- endfor %}
    case when canonical_event_type = 'purchase' then parsed_revenue end as revenue,
    {{ content_hash(fields) }} as content_hash,
    case
        when unreadable is not null then 'unreadable_record'
        when client_id is null then 'missing_client_id'
        when
            occurred_at is null
            or occurred_at < timestamp '{{ var("earliest_event_date") }} 00:00:00Z'
            or occurred_at > landed_at + interval '{{ var("max_clock_skew_hours") }}' hour
            then 'invalid_event_time'
        when canonical_event_type is null then 'unknown_event_type'
        when canonical_event_type = 'purchase' and parsed_revenue is null then 'invalid_revenue'
    end as rejection_reason,
    extra,
    problem,
    record
from typed
