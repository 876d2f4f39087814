{{
    config(
        materialized='incremental',
        unique_key=['source_sha256', 'source_position'],
        meta={'rebuilt_with': 'events', 'replaces': 'rejects'},
    )
}}

with

duplicates as (

    select source_sha256, source_position, batch
    from {{ ref('base_events') }} as replaceable
    where
        is_duplicate
        {% if is_incremental() -%}
        and {{ replaced_rows('events') }}
        {%- endif %}

),

records as (

    select * from {{ ref('base_event_records') }}
    {% if is_incremental() -%}
    -- a record of an earlier batch may have become a duplicate now
    where
        batch > {{ built_batch() }}
        or batch in ({{ batches_of_new_duplicates() }})
    {%- endif %}

)

select
    coalesce(records.rejection_reason, 'duplicate_event_id') as reason,
    records.client_id,
    records.delivered_event_id as event_id,
    records.record,
    records.problem,
    records.source_file,
    records.source_sha256,
    records.source_position,
    records.landed_at,
    records.batch
from records
where
    records.rejection_reason is not null
    -- asked here and not by a join, so that only of the rejected records more is read than what judges them
    or exists (
        select 1 from duplicates
        where
            duplicates.source_sha256 = records.source_sha256
            and duplicates.source_position = records.source_position
    )
{{ after('build_scope', 'build_changed_clients') }}
