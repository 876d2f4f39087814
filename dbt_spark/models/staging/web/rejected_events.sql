{{
    config(
        materialized='incremental',
        unique_key=['source_sha256', 'source_position'],
        meta={'rebuilt_with': 'events', 'replaces': 'rejects'},
    )
}}

with

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
    exists (
        select 1 from {{ ref('build_rejected_records') }} as rejected
        where
            rejected.source_sha256 = records.source_sha256
            and rejected.source_position = records.source_position
    )
{{ after('build_scope', 'build_changed_clients') }}
