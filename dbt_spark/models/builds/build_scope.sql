{{
    config(
        materialized='table',
    )
}}

select
    {{ scope_columns(source('raw', 'events'), ref('stg_rule_version'), ref('stg_channel_rules')) }}
