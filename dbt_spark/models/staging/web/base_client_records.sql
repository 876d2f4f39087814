{%- set fields = ['client_id', 'user_id', 'created_at', 'country', 'platform'] -%}

with

records as (

    select * from {{ source('raw', 'clients') }}

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
        {{ trimmed(field) }} as {{ field }},
        {%- endfor %}
        problem,
        coalesce(unreadable, {{ record_as_json(fields) }}) as record
    from records

),

typed as (

    select
        trimmed.*,
        {{ parsed_event_time('trimmed.created_at') }} as parsed_created_at
    from trimmed

)

select
    source_sha256,
    source_position,
    source_file,
    batch,
    landed_at,
    client_id,
    user_id,
    parsed_created_at as created_at,
    country,
    platform,
    coalesce(parsed_created_at, timestamp '0001-01-01 00:00:00Z') as recency,
    case
        when unreadable is not null then 'unreadable_record'
        when client_id is null then 'missing_client_id'
    end as rejection_reason,
    problem,
    record
from typed
