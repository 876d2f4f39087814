{{
    config(
        materialized='table_of_increment',
        meta={'rebuilt_with': 'attribution'},
    )
}}

{%- set conversions = earlier('intermediate', 'int_conversions_attributed') -%}
{%- set is_rebuilt = rebuilds('attribution') -%}
{%- set tables_left_behind = [] if is_rebuilt else tables_of_purchasers_left_behind() %}

with

purchases as (

    select client_id from {{ ref('base_events') }} as replaceable
    where
        event_type = 'purchase'
        and not is_duplicate
        and {{ 'false' if is_rebuilt else replaced_rows('events') }}

){% if not is_rebuilt %},

changed_clients as (

    select client_id, changed_from from {{ ref('build_changed_clients') }}

),

-- a purchase that has become a duplicate may have been a conversion
conversions as (

    select conversions.client_id
    from {{ conversions }} as conversions
    inner join changed_clients
        on
            conversions.client_id = changed_clients.client_id
            and conversions.event_time >= changed_clients.changed_from
    {%- for table in tables_left_behind %}
    union all
    select left_behind.client_id
    from {{ table }} as left_behind
    inner join changed_clients
        on left_behind.client_id = changed_clients.client_id
    {%- endfor %}

)
{%- endif %}

select client_id from purchases
{%- if not is_rebuilt %}
union
select client_id from conversions
{%- endif %}
{{ after('build_changed_clients') }}
