{%- set fields = ['date', 'channel', 'source', 'medium', 'campaign', 'cost'] -%}
{%- set tags = ['source', 'medium', 'campaign'] -%}

with

records as (

    select * from {{ source('raw', 'ad_spend') }}

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
        {{ record_fingerprint(fields) }} as spend_id,
        {{ parsed_spend_date('date') }} as spend_date,
        {{ parsed_revenue('cost') }} as parsed_cost,
        {{ normalized_channel('channel') }} as given_channel
    from trimmed

),

judged as (

    select
        typed.*,
        case
            when unreadable is not null then 'unreadable_record'
            when
                spend_date is null
                or spend_date < date '{{ var("earliest_event_date") }}'
                or cast(spend_date as timestamp) > landed_at + interval '{{ var("max_clock_skew_hours") }}' hour
                then 'invalid_date'
            when parsed_cost is null then 'invalid_cost'
        end as first_reason
    from typed

),

counted as (

    select
        judged.*,
        -- of records with one content the valid one that stays is told by its place, never by its arrival
        row_number() over (
            partition by spend_id, first_reason
            order by source_sha256, source_position
        ) as delivery_number
    from judged

)

select
    source_sha256,
    source_position,
    source_file,
    batch,
    landed_at,
    spend_id,
    spend_date,
    -- what means `direct` on an event means it here, so that both meet in one row
    if(given_channel in ('(direct)', 'none', '(none)'), 'direct', given_channel) as sender_channel,
    {%- for field in tags %}
    {{ campaign_value(field) }} as {{ field }},
    {%- endfor %}
    parsed_cost as cost,
    coalesce(first_reason, if(delivery_number > 1, 'duplicate_record', null)) as rejection_reason,
    problem,
    record
from counted
