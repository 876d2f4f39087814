with

rejects as (

    select
        reason,
        source_file,
        landed_at,
        source_position,
        source_sha256,
        problem
    from {{ ref('rejected_events') }}

),

files as (

    select
        source_file,
        landed_date,
        record_count
    from {{ ref('stg_event_files') }}

),

counted as (

    select
        reason,
        source_file,
        cast(landed_at as date) as landed_date,
        count(*) as rejected_count,
        -- a path can bring other content later on the same day: the hash says which of them
        min(struct(source_position, source_sha256, problem)) as example
    from rejects
    group by reason, source_file, cast(landed_at as date)

)

select
    counted.reason,
    counted.source_file,
    counted.landed_date,
    counted.rejected_count,
    files.record_count,
    counted.rejected_count / files.record_count as rejected_share,
    counted.example.source_position as example_position,
    counted.example.source_sha256 as example_source_sha256,
    counted.example.problem as example_problem
from counted
inner join files
    on
        counted.source_file = files.source_file
        and counted.landed_date = files.landed_date
