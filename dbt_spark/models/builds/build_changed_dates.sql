{{
    config(
        materialized='table',
        meta={'rebuilt_with': 'attribution'},
    )
}}

select distinct event_date
from {{ ref('base_events') }} as replaceable
where {{ 'false' if rebuilds('attribution') else replaced_rows('events') }}
-- depends_on: {{ ref('build_changed_clients') }}
