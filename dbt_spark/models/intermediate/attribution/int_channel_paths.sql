{{
    config(
        materialized='table',
    )
}}

with

conversions as (

    select marketing_channels, revenue
    from {{ ref('int_conversions_attributed') }}
    where attribution_status = 'marketing'

),

unconverted_paths as (

    select channels from {{ ref('int_unconverted_paths') }}

),

paths as (

    select marketing_channels as channels, 1 as conversion_count, revenue, 0 as unconverted_count
    from conversions
    union all
    select channels, 0 as conversion_count, cast(0 as decimal(28, 2)) as revenue, 1 as unconverted_count
    from unconverted_paths

)

select
    channels,
    sum(conversion_count) as conversion_count,
    cast(sum(revenue) as decimal(28, 2)) as revenue,
    sum(unconverted_count) as unconverted_count
from paths
group by channels
