{{
    config(
        materialized='table',
    )
}}

-- One exchange: every window below is within a client, and rows stay where the first one put them.
with

evidence as (

    select /*+ repartition(client_id) */ * from {{ ref('base_event_evidence') }}

),

deduplicated as (

    select
        evidence.*,
        -- the file and the position only tell records of equal content apart
        row_number() over (
            partition by evidence.client_id, evidence.event_id
            order by
                evidence.event_time, evidence.content_hash, evidence.source_sha256, evidence.source_position
        ) > 1 as is_duplicate
    from evidence

),

gaps_measured as (

    -- duplicates are kept, for rejected_events, in a partition of their own: they touch nothing
    select
        deduplicated.*,
        coalesce(
            deduplicated.event_time > lag(deduplicated.event_time) over (
                partition by deduplicated.client_id, deduplicated.is_duplicate
                order by deduplicated.event_time, deduplicated.event_id
            ) + interval '{{ var("session_timeout_minutes") }}' minute,
            true
        ) as is_session_start
    from deduplicated

),

sessionized as (

    select
        gaps_measured.*,
        sum(cast(gaps_measured.is_session_start as bigint)) over client_so_far as session_number,
        max(if(is_session_start, gaps_measured.event_time, null)) over client_so_far as session_started_at,
        last_value(
            if(
                gaps_measured.has_evidence,
                struct(
                    gaps_measured.event_time,
                    gaps_measured.sender_channel,
                    gaps_measured.source,
                    gaps_measured.medium,
                    gaps_measured.campaign
                ),
                null
            )
        ) ignore nulls over (
            partition by gaps_measured.client_id, gaps_measured.is_duplicate
            order by gaps_measured.event_time, gaps_measured.event_id
            rows between unbounded preceding and 1 preceding
        ) as previous_evidence
    from gaps_measured
    window client_so_far as (
        partition by gaps_measured.client_id, gaps_measured.is_duplicate
        order by gaps_measured.event_time, gaps_measured.event_id
        rows between unbounded preceding and current row
    )

),

compared as (

    select
        sessionized.*,
        coalesce(previous_evidence.event_time >= session_started_at, false) as session_had_evidence,
        coalesce(previous_evidence.event_time >= session_started_at, false)
        and previous_evidence.source <=> source
        and previous_evidence.medium <=> medium
        and previous_evidence.campaign <=> campaign as has_previous_tags
    from sessionized

)

select
    client_id,
    event_id,
    event_time,
    event_type,
    sender_channel,
    source,
    medium,
    campaign,
    has_evidence,
    referrer_host,
    page_url,
    platform,
    user_id,
    order_id,
    revenue,
    is_duplicate,
    session_number,
    session_started_at,
    is_session_start,
    has_evidence and not session_had_evidence as is_session_evidence,
    case
        when has_evidence then not (has_previous_tags and previous_evidence.sender_channel <=> sender_channel)
        else is_session_start
    end as is_touch_by_tags,
    -- Equal tags, but only one of the two events brought a channel of its own: they repeat each other
    -- if the rules give that very channel to the other one. stg_events knows the rules' channel.
    case
        when
            has_evidence
            and has_previous_tags
            and (sender_channel is null) <> (previous_evidence.sender_channel is null)
            then coalesce(sender_channel, previous_evidence.sender_channel)
    end as repeated_if_channel,
    source_sha256,
    source_position
from compared
