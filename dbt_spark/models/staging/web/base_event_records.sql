{#- The known fields of raw.events, in the order of the contract (docs/data_contract.md). -#}
{%- set fields = [
    'event_id', 'client_id', 'event_time', 'event_type',
    'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content',
    'gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'fbclid', 'ttclid',
    'channel', 'referrer', 'page_url', 'platform', 'user_id', 'order_id', 'revenue',
] -%}

{#- Those of them that decide whether a record is an event at all. -#}
{%- set judged_fields = ['client_id', 'event_time', 'event_type', 'revenue'] -%}
{#- What landing says of a record. -#}
{%- set landed = [
    'source_sha256', 'source_position', 'source_file', 'batch', 'landed_at', 'extra', 'unreadable', 'problem',
] -%}
{%- set other_fields = fields | reject('in', judged_fields) | list -%}

with

-- Trimmed in one step and emptied in the next: an expression that is used twice would be computed twice.
records as (

    select
        {{ landed | reject('eq', 'problem') | join(', ') }},
        {%- for field in fields %}
        {{ without_outer_space(field) }} as {{ field }},
        {%- endfor %}
        problem
    from {{ source('raw', 'events') }}

),

-- Judged before anything else is read, so that whoever wants only some records pays for no others.
judged_fields as (

    select
        {{ landed | join(', ') }},
        {%- for field in judged_fields %}
        nullif({{ field }}, '') as {{ field }},
        {%- endfor %}
        {{ other_fields | join(', ') }}
    from records

),

typed as (

    select
        judged_fields.*,
        {{ parsed_event_time('judged_fields.event_time') }} as occurred_at,
        event_type_aliases.event_type as canonical_event_type,
        {{ parsed_revenue('judged_fields.revenue') }} as parsed_revenue
    from judged_fields
    left join {{ ref('event_type_aliases') }} as event_type_aliases
        on lower(judged_fields.event_type) = event_type_aliases.alias

),

judged as (

    select
        typed.*,
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
        end as rejection_reason
    from typed

),

present as (

    select
        {{ (landed + judged_fields) | join(', ') }},
        {%- for field in other_fields %}
        nullif({{ field }}, '') as {{ field }},
        {%- endfor %}
        occurred_at,
        canonical_event_type,
        parsed_revenue,
        rejection_reason
    from judged

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
    rejection_reason,
    extra,
    problem,
    coalesce(unreadable, {{ record_as_json(fields) }}) as record
from present
