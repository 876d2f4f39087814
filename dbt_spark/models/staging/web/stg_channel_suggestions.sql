{{
    config(
        materialized='table',
    )
}}

with

unassigned as (

    select distinct
        lower(source) as source,
        lower(medium) as medium
    from {{ ref('base_channel_lookup') }}
    where channel = 'unassigned' and (source is not null or medium is not null)

),

channel_suggestions as (

    select rank, source_pattern, medium_pattern, channel, reason from {{ ref('channel_suggestions') }}

),

source_categories as (

    select source, category from {{ ref('source_categories') }}
    where category in ('search', 'social', 'shopping', 'video')

),

brands as (

    -- a name, or the first label of a host of two labels: pinterest of pinterest.com; a short one tells too little
    select
        substring_index(source, '.', 1) as brand,
        min_by(category, struct(instr(source, '.'), category)) as category
    from source_categories
    where source rlike '^[a-z0-9]{4,}([.][^.]+)?$'
    group by substring_index(source, '.', 1)

),

worded as (

    -- facebook_ads and facebookads begin with the name of facebook
    select
        source,
        medium,
        explode(array(
            regexp_extract(source, '^(?:www[.])?([a-z0-9]+)', 1),
            regexp_extract(source, '^(?:www[.])?([a-z0-9]+?)ads?([^a-z0-9]|$)', 1)
        )) as word
    from unassigned

),

branded as (

    select
        worded.source,
        worded.medium,
        max(struct(length(brands.brand) as brand_length, brands.brand, brands.category)) as found
    from worded
    left join brands on worded.word = brands.brand
    group by worded.source, worded.medium

),

guessed as (

    select
        branded.source,
        branded.medium,
        branded.found.brand,
        branded.found.category as brand_category,
        min(struct(
            channel_suggestions.rank,
            channel_suggestions.channel,
            channel_suggestions.medium_pattern is not null as is_by_medium,
            channel_suggestions.reason
        )) as guess
    from branded
    -- a few dozen guesses against each distinct source and medium
    left join channel_suggestions
        on
            branded.source rlike channel_suggestions.source_pattern
            or branded.medium rlike channel_suggestions.medium_pattern
    group by branded.source, branded.medium, branded.found

),

decided as (

    select
        source,
        medium,
        case
            when guess.channel = 'paid_other' and brand_category is not null then concat('paid_', brand_category)
            when guess.channel is not null then guess.channel
            when brand_category is not null then concat('organic_', brand_category)
        end as suggested_channel,
        -- what a source is belongs into source_categories: it then counts for paid mediums too
        not coalesce(guess.is_by_medium, false)
        and coalesce(guess.channel like 'organic!_%' escape '!', brand_category is not null) as is_category,
        guess.channel = 'paid_other' and brand_category is not null as is_paid_brand,
        coalesce(guess.is_by_medium, false) as is_by_medium,
        coalesce(guess.reason, concat('the source begins like ', brand)) as reason
    from guessed

),

patterned as (

    select
        decided.*,
        if(is_category, null, concat_ws(
            ',',
            if(is_by_medium and not is_paid_brand, '', {{ exact_pattern('source') }}),
            '',
            if(is_by_medium, {{ exact_pattern('medium') }}, ''),
            ''
        )) as patterns
    from decided
    where
        suggested_channel is not null
        -- other signs are no source that a list could hold
        and (not is_category or source rlike '^[a-z0-9_]+([ .-][a-z0-9_]+)*$')

),

numbered as (

    select
        patterned.*,
        dense_rank() over (
            partition by patterned.is_category
            -- what says more comes first
            order by
                not patterned.is_by_medium, not patterned.is_paid_brand,
                patterned.suggested_channel, patterned.patterns
        ) as number
    from patterned

),

last_rules as (

    -- after all other rules: a suggestion moves nothing that has a channel already
    select greatest(9000, max(rank)) as greatest_rank from {{ ref('channel_rules') }}

)

select
    numbered.source,
    numbered.medium,
    numbered.suggested_channel,
    if(numbered.is_category, 'source_categories.csv', 'channel_rules.csv') as suggested_file,
    if(
        numbered.is_category,
        concat_ws(
            ',', regexp_replace(numbered.source, '^www[.]', ''), substring_index(suggested_channel, '_', -1), 'own'
        ),
        concat_ws(
            ',',
            cast(last_rules.greatest_rank + numbered.number as string),
            numbered.suggested_channel,
            numbered.patterns,
            numbered.reason
        )
    ) as suggested_rule,
    numbered.reason
from numbered
cross join last_rules
