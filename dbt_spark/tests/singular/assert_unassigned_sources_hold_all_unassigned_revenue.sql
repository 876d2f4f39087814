{{
    config(
        meta={
            'description': 'The sources listed have all the revenue that last touch gives to `unassigned`, to the cent.',
            'dagster': {'ref': {'name': 'unassigned_sources'}},
        },
    )
}}

-- Fails with both totals unless unassigned_sources has the revenue that last touch gives to `unassigned`, to the cent.
with

credited as (

    select coalesce(sum(attributed_revenue), 0) as total
    from {{ ref('last_touch_attribution') }}
    where channel = 'unassigned'

),

listed as (

    select coalesce(sum(last_touch_revenue), 0) as total from {{ ref('unassigned_sources') }}

)

select
    credited.total as credited,
    listed.total as listed
from credited
cross join listed
where credited.total <> listed.total
