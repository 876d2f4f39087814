{{
    config(
        meta={
            'description': 'Every rejected event is counted in the summary once.',
            'dagster': {'ref': {'name': 'rejected_events_summary'}},
        },
    )
}}

-- A row here: rejected events are missing from their summary, or counted twice in it.
with

rejects as (

    select count(*) as record_count from {{ ref('rejected_events') }}

),

summaries as (

    select coalesce(sum(rejected_count), 0) as record_count from {{ ref('rejected_events_summary') }}

)

select
    rejects.record_count as rejected_count,
    summaries.record_count as summarised_count
from rejects
cross join summaries
where rejects.record_count <> summaries.record_count
