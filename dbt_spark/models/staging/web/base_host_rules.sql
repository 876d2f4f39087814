{{
    config(
        materialized='table',
        tags=['rules'],
    )
}}

with

source_categories as (

    select source, category from {{ ref('source_categories') }}

),

country_suffixes as (

    select suffix from {{ ref('country_suffixes') }}

),

internal_hosts as (

    select domain from {{ ref('own_domains') }}
    union
    select domain from {{ ref('referral_exclusions') }}

),

expanded_categories as (

    select source as host, category, 0 as is_expanded
    from source_categories
    where not endswith(source, '.{}')
    union all
    select
        replace(source_categories.source, '{}', country_suffixes.suffix) as host,
        source_categories.category,
        1 as is_expanded
    from source_categories
    cross join country_suffixes
    where endswith(source_categories.source, '.{}')

),

rules as (

    -- a host that is listed itself and also arises from a country's suffix keeps its own row
    select host, 'category' as rule, min_by(category, struct(is_expanded, category)) as value
    from expanded_categories
    group by host
    union all
    select domain as host, 'internal' as rule, 'internal' as value from internal_hosts

),

keyed as (

    select
        {{ host_key('host') }} as host_key,
        rule,
        struct(host, value) as entry
    from rules

)

select
    host_key,
    map_from_entries(collect_list(entry) filter (where rule = 'category')) as categories,
    map_from_entries(collect_list(entry) filter (where rule = 'internal')) as internals
from keyed
group by host_key
