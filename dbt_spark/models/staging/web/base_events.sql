{{
    config(
        materialized='incremental',
        unique_key=['source_sha256', 'source_position'],
        partition_by='event_month',
        tblproperties={'delta.dataSkippingStatsColumns': 'event_time,event_date,batch'},
        meta={'rebuilt_with': 'events', 'replaces': 'events'},
    )
}}

{#- What a record is known by and judged by. -#}
{%- set judged = [
    'client_id', 'event_id', 'event_time', 'has_evidence', 'sender_channel', 'source', 'medium', 'campaign',
    'content_hash', 'source_sha256', 'source_position',
] -%}
{#- What it only takes along: as one value, which the windows pass on without looking into it. -#}
{%- set taken_along = [
    'event_type', 'referrer_host', 'page_url', 'platform', 'user_id', 'order_id', 'revenue', 'batch',
] %}

-- One exchange: every window below is within a client, and rows stay where the first one put them.
with

{% if is_incremental() -%}

client_states as (

    select client_id, carried from {{ ref('build_client_states') }}

),

-- What is new, and of the clients concerned what comes after it.
records as (

    select
        {{ judged | join(', ') }},
        struct({{ taken_along | join(', ') }}) as payload,
        false as was_duplicate
    from {{ ref('build_new_events') }}
    union all
    select
        {{ judged | join(', ') }},
        struct({{ taken_along | join(', ') }}) as payload,
        is_duplicate as was_duplicate
    from {{ this }} as replaceable
    where
        batch <= {{ built_batch() }}
        and {{ replaced_rows('events') }}

),

evidence as (

    select /*+ repartition(client_id) */
        records.*,
        client_states.carried
    from records
    left join client_states
        on records.client_id = client_states.client_id

),

{%- else -%}

evidence as (

    select /*+ repartition(client_id) */
        {{ judged | join(', ') }},
        struct({{ taken_along | join(', ') }}) as payload,
        false as was_duplicate,
        cast(null as struct<{{ client_state('type') }}>) as carried
    from {{ ref('base_event_evidence') }}

),

{%- endif %}

deduplicated as (

    select
        {{ judged | join(', ') }},
        payload,
        carried,
        -- The first one of its id stays; a window over the client's records is cheaper than one for each id. The file
        -- and the position only tell records of equal content apart; a duplicate stays one for ever.
        was_duplicate
        or coalesce(
            lag(event_id) over (
                partition by client_id
                order by event_id, event_time, content_hash, source_sha256, source_position
            ) = event_id,
            false
        ) as is_duplicate
    from evidence

),

gaps_measured as (

    -- duplicates are kept, for rejected_events, in a partition of their own: they touch nothing
    select
        deduplicated.*,
        coalesce(
            deduplicated.event_time > coalesce(
                lag(deduplicated.event_time) over (
                    partition by deduplicated.client_id, deduplicated.is_duplicate
                    order by deduplicated.event_time, deduplicated.event_id
                ),
                deduplicated.carried.last_seen_at
            ) + interval '{{ var("session_timeout_minutes") }}' minute,
            true
        ) as is_session_start
    from deduplicated

),

sessionized as (

    select
        gaps_measured.*,
        coalesce(gaps_measured.carried.session_count, 0)
        + sum(cast(gaps_measured.is_session_start as bigint)) over client_so_far as session_number,
        coalesce(
            max(if(is_session_start, gaps_measured.event_time, null)) over client_so_far,
            gaps_measured.carried.session_started_at
        ) as session_started_at,
        coalesce(
            last_value(
                if(gaps_measured.has_evidence, {{ evidence_of('gaps_measured.') }}, null)
            ) ignore nulls over (
                partition by gaps_measured.client_id, gaps_measured.is_duplicate
                order by gaps_measured.event_time, gaps_measured.event_id
                rows between unbounded preceding and 1 preceding
            ),
            gaps_measured.carried.last_evidence
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

-- what stands behind another record has no session and is no touch
select
    client_id,
    event_id,
    event_time,
    cast(event_time as date) as event_date,
    payload.event_type,
    sender_channel,
    source,
    medium,
    campaign,
    has_evidence,
    payload.referrer_host,
    payload.page_url,
    payload.platform,
    payload.user_id,
    payload.order_id,
    payload.revenue,
    is_duplicate,
    if(is_duplicate, null, session_number) as session_number,
    if(is_duplicate, null, session_started_at) as session_started_at,
    is_session_start and not is_duplicate as is_session_start,
    has_evidence and not session_had_evidence and not is_duplicate as is_session_evidence,
    case
        when is_duplicate then false
        when has_evidence then not (has_previous_tags and previous_evidence.sender_channel <=> sender_channel)
        else is_session_start
    end as is_touch_by_tags,
    -- Equal tags, but only one of the two events brought a channel of its own: they repeat each other
    -- if the rules give that very channel to the other one. stg_events knows the rules' channel.
    case
        when
            not is_duplicate
            and has_evidence
            and has_previous_tags
            and (sender_channel is null) <> (previous_evidence.sender_channel is null)
            then coalesce(sender_channel, previous_evidence.sender_channel)
    end as repeated_if_channel,
    content_hash,
    xxhash64(client_id, event_id) as event_key,
    source_sha256,
    source_position,
    payload.batch,
    cast(date_trunc('month', event_time) as date) as event_month
from compared
{{ after('build_new_events', 'build_client_states') }}
