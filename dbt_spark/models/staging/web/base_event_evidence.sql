{%- set tags = ['utm_source', 'utm_medium', 'utm_campaign'] -%}
{%- set click_ids = ['gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'ttclid', 'fbclid'] -%}

with

records as (

    select
        source_sha256,
        source_position,
        landed_at,
        client_id,
        event_id,
        event_time,
        event_type,
        page_url,
        platform,
        user_id,
        order_id,
        revenue,
        content_hash,
        channel,
        referrer,
        {{ query_string('page_url') }} as page_query,
        {{ url_host('page_url') }} as page_host,
        {%- for field in tags + click_ids %}
        {{ campaign_value(field) }} as {{ field }},
        {%- endfor %}
        {{ url_host('referrer') }} as referrer_host
    from {{ ref('base_event_records') }}
    where rejection_reason is null

),

tagged as (

    select
        records.*,
        replace(replace(lower({{ campaign_value('records.channel') }}), ' ', '_'), '-', '_') as given_channel,
        {%- for field in tags %}
        {%- set parameter = query_parameter('records.page_query', field) %}
        coalesce(records.{{ field }}, {{ campaign_value(parameter) }}) as tag_{{ field | replace('utm_', '') }},
        {%- endfor %}
        array_compact(array(
            {%- for field in click_ids %}
            {%- set parameter = query_parameter('records.page_query', field) %}
            if(coalesce(records.{{ field }}, {{ campaign_value(parameter) }}) is not null, '{{ field }}', null),
            {%- endfor %}
            null
        )) as click_ids
    from records

),

click_rules as (

    select array_sort(collect_list(struct(rank, click_id, source, medium))) as rules
    from {{ ref('click_ids') }}

),

clicked as (

    select
        tagged.*,
        try_element_at(
            filter(click_rules.rules, rule -> array_contains(tagged.click_ids, rule.click_id)),
            1
        ) as click
    from tagged
    cross join click_rules

),

referred as (

    select
        clicked.*,
        coalesce(clicked.tag_source, clicked.click.source) as known_source,
        coalesce(clicked.tag_medium, clicked.click.medium) as known_medium,
        -- the referrer's kind; null where there is no referrer or it is not another site
        case
            when
                clicked.referrer_host is not null
                and not {{ is_same_site('clicked.referrer_host', 'clicked.page_host') }}
                and {{ matched_host_rule('referrer_rules.internals', 'clicked.referrer_host') }} is null
                then coalesce({{ matched_host_rule('referrer_rules.categories', 'clicked.referrer_host') }}, 'none')
        end as referrer_kind
    from clicked
    left join {{ ref('base_host_rules') }} as referrer_rules
        on {{ host_key('clicked.referrer_host') }} = referrer_rules.host_key

),

combined as (

    select
        referred.*,
        coalesce(known_source, if(referrer_kind is not null, referrer_host, null)) as found_source,
        coalesce(
            known_medium,
            case
                when tag_campaign is not null or referrer_kind is null then null
                when referrer_kind = 'search' then 'organic'
                when referrer_kind = 'ai' then 'ai-assistant'
                when referrer_kind = 'email' then 'email'
                else 'referral'
            end
        ) as found_medium,
        tag_campaign as found_campaign,
        {{ url_host('tag_source') }} as tag_source_host
    from referred

),

judged as (

    select
        combined.*,
        case
            when combined.given_channel in ('direct', '(direct)', 'none', '(none)') then false
            when combined.given_channel is not null then true
            when coalesce(combined.found_source, combined.found_medium, combined.found_campaign) is null then false
            when
                lower(combined.found_source) = '(direct)'
                and coalesce(lower(combined.found_medium), '(none)') = '(none)'
                then false
            -- a self-referral that some tracker wrote down as a tag
            when
                combined.tag_source is not null
                and coalesce(lower(combined.found_medium), 'referral') = 'referral'
                and (
                    {{ is_same_site('combined.tag_source_host', 'combined.page_host') }}
                    or {{ matched_host_rule('source_rules.internals', 'combined.tag_source_host') }} is not null
                )
                then false
            else true
        end as has_evidence
    from combined
    left join {{ ref('base_host_rules') }} as source_rules
        on {{ host_key('combined.tag_source_host') }} = source_rules.host_key

)

select
    source_sha256,
    source_position,
    client_id,
    event_id,
    event_time,
    event_type,
    page_url,
    platform,
    user_id,
    order_id,
    revenue,
    content_hash,
    referrer_host,
    has_evidence,
    if(has_evidence, given_channel, null) as sender_channel,
    case
        when has_evidence and given_channel is not null then tag_source
        when has_evidence then found_source
    end as source,
    case
        when has_evidence and given_channel is not null then tag_medium
        when has_evidence then found_medium
    end as medium,
    case when has_evidence then tag_campaign end as campaign
from judged
