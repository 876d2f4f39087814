{{
    config(
        meta={
            'description': 'Every landed record, of events and of ad spend, is staged or rejected, and not both.',
            'dagster': {'ref': {'name': 'stg_events'}},
        },
    )
}}

-- A row here: records were lost or doubled between a raw table and the two tables that share them out.
with

counts as (

    select
        'events' as kind,
        (select count(*) from {{ source('raw', 'events') }}) as landed_count,
        (select count(*) from {{ ref('stg_events') }}) as staged_count,
        (select count(*) from {{ ref('rejected_events') }}) as rejected_count
    union all
    select
        'spend' as kind,
        (select count(*) from {{ source('raw', 'ad_spend') }}) as landed_count,
        (select count(*) from {{ ref('stg_ad_spend') }}) as staged_count,
        (select count(*) from {{ ref('rejected_ad_spend') }}) as rejected_count

)

select * from counts
where landed_count <> staged_count + rejected_count
