{{
    config(
        materialized='table',
        tags=['rules'],
    )
}}

{#- Per seed the columns that decide something: not those for the reader only (description, origin, provider). -#}
{%- set seeds = {
    'channel_rules': [
        'rank', 'channel', 'source_pattern', 'source_category', 'medium_pattern', 'campaign_pattern'
    ],
    'source_categories': ['source', 'category'],
    'country_suffixes': ['suffix'],
    'click_ids': ['rank', 'click_id', 'source', 'medium'],
    'own_domains': ['domain'],
    'referral_exclusions': ['domain'],
    'event_type_aliases': ['alias', 'event_type'],
} -%}

with

rules as (

    {%- for seed, columns in seeds.items() %}
    -- JSON keeps an empty cell and its neighbours apart
    select
        to_json(array(
            '{{ seed }}'
            {%- for column in columns %},
            cast({{ column }} as string)
            {%- endfor %}
        )) as rule,
        {{ 'true' if seed == 'channel_rules' else 'false' }} as is_channel_rule
    from {{ ref(seed) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select
    -- sorted: the order of a file's lines says nothing
    substring(sha2(array_join(array_sort(collect_list(rule)), '\n'), 256), 1, 12) as rule_version,
    -- of what an event shows by itself, before any channel is given
    substring(
        sha2(array_join(array_sort(collect_list(rule) filter (where not is_channel_rule)), '\n'), 256), 1, 12
    ) as evidence_version,
    count(*) as rule_count
from rules
