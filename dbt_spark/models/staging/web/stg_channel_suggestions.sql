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

neighbours as (

    select
        channel,
        rank,
        lead(rank) over (
            order by rank
        ) as next_rank
    from {{ ref('channel_rules') }}

),

rank_room as (

    -- the ranks between a channel's last rule and the next channel's
    select
        channel,
        max(rank) as last_rank,
        max_by(coalesce(next_rank, 2147483647), rank) as next_rank
    from neighbours
    group by channel

),

numbered as (

    select
        patterned.*,
        rank_room.last_rank,
        rank_room.next_rank,
        (select max(channel_rules.rank) from {{ ref('channel_rules') }} as channel_rules) as greatest_rank,
        dense_rank() over (
            partition by patterned.suggested_channel, patterned.is_category
            order by patterned.patterns
        ) as number_in_channel,
        dense_rank() over (
            partition by patterned.is_category
            order by patterned.suggested_channel, patterned.patterns
        ) as number
    from patterned
    left join rank_room on patterned.suggested_channel = rank_room.channel

)

select
    source,
    medium,
    suggested_channel,
    if(is_category, 'source_categories.csv', 'channel_rules.csv') as suggested_file,
    if(
        is_category,
        concat_ws(',', regexp_replace(source, '^www[.]', ''), substring_index(suggested_channel, '_', -1), 'own'),
        concat_ws(
            ',',
            -- right after the channel's own rules while there is room; where nothing else matched, any place will do
            if(last_rank + number_in_channel < next_rank, last_rank + number_in_channel, greatest_rank + 1000 + number),
            suggested_channel,
            patterns,
            reason
        )
    ) as suggested_rule,
    reason
from numbered
