{{
    config(
        materialized='incremental',
        unique_key=['source', 'medium', 'campaign'],
        meta={'rebuilt_with': 'attribution', 'replaces': 'lookup'},
    )
}}

with

evidence as (

    -- of duplicates too: what has been seen stays seen, whatever lands later
    select source, medium, campaign
    from {{ ref('build_new_events') if is_incremental() else ref('base_events') }}
    where has_evidence
    union
    select source, medium, campaign
    from {{ ref('base_ad_spend_records') }}
    where
        rejection_reason is null
        and sender_channel is null
        and coalesce(source, medium, campaign) is not null

),

prepared as (

    select
        source,
        medium,
        campaign,
        lower(source) as lower_source,
        lower(medium) as lower_medium,
        lower(campaign) as lower_campaign,
        regexp_replace(lower(source), '^www[.]', '') as source_host
    from evidence

),

categorized as (

    select
        prepared.*,
        {{ matched_host_rule('source_rules.categories', 'prepared.source_host') }} as source_category
    from prepared
    left join {{ ref('base_host_rules') }} as source_rules
        on {{ host_key('prepared.source_host') }} = source_rules.host_key

),

matched as (

    select
        categorized.source,
        categorized.medium,
        categorized.campaign,
        min(struct(channel_rules.rank, channel_rules.channel)) as rule
    from categorized
    -- a few dozen rules against each distinct evidence, not against each event
    left join {{ ref('channel_rules') }} as channel_rules
        on
            (channel_rules.source_pattern is null or categorized.lower_source rlike channel_rules.source_pattern)
            and (channel_rules.source_category is null or categorized.source_category = channel_rules.source_category)
            and (channel_rules.medium_pattern is null or categorized.lower_medium rlike channel_rules.medium_pattern)
            and (
                channel_rules.campaign_pattern is null
                or categorized.lower_campaign rlike channel_rules.campaign_pattern
            )
    group by categorized.source, categorized.medium, categorized.campaign

)

select
    source,
    medium,
    campaign,
    coalesce(rule.channel, 'unassigned') as channel,
    rule.rank as channel_rule_rank
from matched
{{ after('build_new_events', 'base_events') }}
