-- A row here: records were lost or doubled between raw.events and the two tables that share them out.
with

landed as (

    select count(*) as record_count from {{ source('raw', 'events') }}

),

staged as (

    select count(*) as record_count from {{ ref('stg_events') }}

),

rejected as (

    select count(*) as record_count from {{ ref('rejected_events') }}

)

select
    landed.record_count as landed_count,
    staged.record_count as staged_count,
    rejected.record_count as rejected_count
from landed
cross join staged
cross join rejected
where landed.record_count <> staged.record_count + rejected.record_count
