{{
    config(
        meta={'rebuilt_with': 'attribution', 'replaces': 'shown_events'},
    )
}}

select
    event_id,
    client_id,
    event_time,
    event_date,
    event_type,
    channel,
    channel_rule_rank,
    -- a scalar, not a join: who does not ask for it does not pay for it
    (select stg_rule_version.rule_version from {{ ref('stg_rule_version') }} as stg_rule_version) as rule_version,
    source,
    medium,
    campaign,
    referrer_host,
    page_url,
    platform,
    user_id,
    order_id,
    revenue,
    session_number,
    is_session_start,
    is_session_evidence,
    is_touch
from {{ ref('base_channeled_events') }}
