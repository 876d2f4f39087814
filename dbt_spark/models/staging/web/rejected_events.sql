{{
    config(
        materialized='table',
    )
}}

with

records as (

    select * from {{ ref('base_event_records') }}

),

duplicates as (

    select source_sha256, source_position
    from {{ ref('base_events') }}
    where is_duplicate

),

judged as (

    select
        coalesce(
            records.rejection_reason,
            if(duplicates.source_sha256 is not null, 'duplicate_event_id', null)
        ) as reason,
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
    left join duplicates
        on
            records.source_sha256 = duplicates.source_sha256
            and records.source_position = duplicates.source_position

)

select * from judged
where reason is not null
