{{
    config(
        materialized='table',
        meta={'rebuilt_with': 'events'},
    )
}}

-- From the few fields that decide it, before all of any record is read. A table of its own, since Spark knows how small
-- a table is: it hands the keys to whoever reads the records, instead of passing all records on to meet them.
with

invalid as (

    select source_sha256, source_position
    from {{ ref('base_event_records') }}
    where
        rejection_reason is not null
        {% if not rebuilds('events') -%}
        and batch > {{ built_batch() }}
        {%- endif %}

),

duplicates as (

    select source_sha256, source_position
    from {{ ref('base_events') }} as replaceable
    where
        is_duplicate
        {% if not rebuilds('events') -%}
        and {{ replaced_rows('events') }}
        {%- endif %}

)

select * from invalid
union all
select * from duplicates
{{ after('build_scope', 'build_changed_clients') }}
