{{
    config(
        materialized='table_of_increment',
        meta={'rebuilt_with': 'attribution'},
    )
}}

select distinct event_date
from {{ ref('base_events') }} as replaceable
where {{ 'false' if rebuilds('attribution') else replaced_rows('events') }}
{{ after('build_changed_clients') }}
