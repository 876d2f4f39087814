select
    rank as channel_rule_rank,
    channel,
    source_pattern,
    source_category,
    medium_pattern,
    campaign_pattern,
    description
from {{ ref('channel_rules') }}
