{#- Steps with a list in them are projections of many small methods; what lies between is one method each, which the JVM
    compiles only while it is not too large. docs/adr/0008 tells what that costs and why the steps are cut as they are. -#}
{%- set tags = ['utm_source', 'utm_medium', 'utm_campaign'] -%}
{#- The click ids that are columns of their own; those that users add to the seed are unknown fields. -#}
{%- set click_id_columns = ['gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'ttclid', 'fbclid'] -%}
{#- What a record passes through unchanged. -#}
{%- set kept = [
    'source_sha256', 'source_position', 'batch', 'client_id', 'event_id', 'event_time', 'event_type', 'page_url',
    'platform', 'user_id', 'order_id', 'revenue', 'content_hash',
] -%}
{#- A value that is encoded, empty or has white space in it, so that it must be parsed to be known. -#}
{%- set odd_value = '([&#]|\\\\z|[^&#]*[%+\\\\s\\u000b\\u00a0])' %}

with

click_rules as (

    select
        map_from_entries(collect_list(struct(click_id, struct(rank, source, medium)))) as rules,
        transform(array_sort(collect_list(struct(rank, click_id))), rule -> rule.click_id) as names,
        array_join(collect_list(concat('\\Q', click_id, '\\E')), '|') as any_name
    from {{ ref('click_ids') }}

),

click_patterns as (

    select
        rules,
        names,
        -- among the joined names of fields, and in a query string with a value
        concat('(^|&) *(', any_name, ') *(&|\\z)') as field_pattern,
        concat('(^|&)(', any_name, ')=[^&]') as parameter_pattern,
        -- a value that may count as missing although there is one
        concat(
            '[?&](', any_name, ')=({{ odd_value }}|(null|undefined|nan|[(]not set[)])([&#]|\\z))'
        ) as odd_pattern
    from click_rules

),

-- What is rare is read with lists, which Spark interprets: only here, and only where a pattern finds it. (`rlike` with
-- a pattern that comes from a table would compile it for every row.)
records as (

    select
        {{ kept | join(', ') }},
        {%- for field in tags %}
        {{ campaign_value(field) }} as {{ field }},
        {%- endfor %}
        {{ normalized_channel('channel') }} as given_channel,
        -- the rule of the lowest rank among the click ids that are columns
        if(
            coalesce({{ click_id_columns | join(', ') }}) is null,
            null,
            least(
                {%- for field in click_id_columns %}
                if(
                    {{ campaign_value(field) }} is null,
                    null,
                    try_element_at((select click_patterns.rules from click_patterns), '{{ field }}')
                )
                {{- "," if not loop.last }}
                {%- endfor %}
            )
        ) as column_click,
        if(
            instr(page_url, '?') > 0
            and page_url rlike '(?i)[?&]utm_(source|medium|campaign)={{ odd_value }}',
            transform(
                -- a list of one list, so that the parameters are parsed once for the three lookups
                array({{ query_parameters(query_string('page_url')) }}),
                parameters -> struct(
                    {%- for field in tags %}
                    {{ query_parameter('parameters', field) }} as {{ field }}{{ "," if not loop.last }}
                    {%- endfor %}
                )
            )[0],
            null
        ) as odd_tags,
        if(
            instr(page_url, '?') > 0
            and regexp_instr(lower(page_url), (select click_patterns.odd_pattern from click_patterns)) > 0
            or extra is not null
            and regexp_instr(
                lower(array_join(map_keys(extra), '&')), (select click_patterns.field_pattern from click_patterns)
            ) > 0,
            transform(
                filter(
                    concat(
                        transform(
                            coalesce(map_entries(extra), array()),
                            entry -> struct(lower(trim(entry.key)) as name, {{ trimmed('entry.value') }} as value)
                        ),
                        coalesce({{ query_parameters(query_string('page_url')) }}, array())
                    ),
                    field -> {{ campaign_value('field.value') }} is not null
                ),
                field -> field.name
            ),
            null
        ) as odd_click_names,
        {{ query_string('page_url') }} as page_query,
        -- only other hosts, and tags, are held against it
        if(
            referrer is null and utm_source is null and instr(page_url, '?') = 0,
            null,
            {{ url_host('page_url') }}
        ) as page_host,
        {{ url_host('referrer') }} as referrer_host
    from {{ ref('base_event_records') }}
    where rejection_reason is null

),

-- One step a query: what a later expression uses twice would otherwise be computed twice.
searched as (

    select
        records.*,
        lower(page_query) as lower_query,
        contains(lower(page_query), 'utm_') and odd_tags is null as may_have_tags
    from records

),

tagged as (

    select
        {{ (kept + ['given_channel', 'page_host', 'referrer_host', 'column_click', 'odd_tags']) | join(', ') }},
        {%- for field in tags %}
        {{ field }},
        if(
            may_have_tags,
            nullif(regexp_extract(page_query, '(?i)(?:^|&){{ field }}=([^&]*)', 1), ''),
            null
        ) as page_{{ field }},
        {%- endfor %}
        coalesce(
            odd_click_names,
            if(
                regexp_instr(lower_query, (select click_patterns.parameter_pattern from click_patterns)) > 0,
                regexp_extract_all(lower_query, (select click_patterns.parameter_pattern from click_patterns), 2),
                null
            )
        ) as click_names
    from searched

),

clicked as (

    select
        {{ (kept + ['given_channel', 'page_host', 'referrer_host']) | join(', ') }},
        {%- for field in tags %}
        coalesce(
            {{ field }},
            {{ campaign_value('odd_tags.' ~ field) }},
            {{ campaign_value('page_' ~ field) }}
        ) as {{ field | replace('utm', 'tag') }},
        {%- endfor %}
        least(
            column_click,
            if(
                click_names is null,
                null,
                try_element_at(
                    (select click_patterns.rules from click_patterns),
                    try_element_at(
                        array_intersect((select click_patterns.names from click_patterns), click_names), 1
                    )
                )
            )
        ) as click
    from tagged

),

known as (

    select
        clicked.*,
        coalesce(tag_source, click.source) as known_source,
        coalesce(tag_medium, click.medium) as known_medium,
        -- a source of another medium than referral may be whatever it is
        if(
            coalesce(lower(coalesce(tag_medium, click.medium)), 'referral') = 'referral',
            {{ url_host('tag_source') }},
            null
        ) as tag_source_host
    from clicked

),

referred as (

    select
        known.*,
        -- the referrer's kind; null where there is no referrer or it is not another site
        case
            when known.referrer_host is null or {{ is_same_site('known.referrer_host', 'known.page_host') }} then null
            when {{ matched_host_rule('referrer_rules.internals', 'known.referrer_host') }} is not null then null
            else coalesce({{ matched_host_rule('referrer_rules.categories', 'known.referrer_host') }}, 'none')
        end as referrer_kind,
        case
            when known.tag_source_host is null then false
            when {{ is_same_site('known.tag_source_host', 'known.page_host') }} then true
            else {{ matched_host_rule('source_rules.internals', 'known.tag_source_host') }} is not null
        end as is_self_referral
    from known
    left join {{ ref('base_host_rules') }} as referrer_rules
        on {{ host_key('known.referrer_host') }} = referrer_rules.host_key
    left join {{ ref('base_host_rules') }} as source_rules
        on {{ host_key('known.tag_source_host') }} = source_rules.host_key

),

combined as (

    select
        {{ (kept + ['given_channel', 'referrer_host', 'is_self_referral']) | join(', ') }},
        tag_source,
        tag_medium,
        tag_campaign,
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
        ) as found_medium
    from referred

),

judged as (

    select
        combined.*,
        case
            when given_channel in ('direct', '(direct)', 'none', '(none)') then false
            when given_channel is not null then true
            when coalesce(found_source, found_medium, tag_campaign) is null then false
            when lower(found_source) = '(direct)' and coalesce(lower(found_medium), '(none)') = '(none)' then false
            -- a self-referral that some tracker wrote down as a tag
            when is_self_referral and coalesce(lower(found_medium), 'referral') = 'referral' then false
            else true
        end as has_evidence
    from combined

)

select
    {{ kept | join(', ') }},
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
    if(has_evidence, tag_campaign, null) as campaign
from judged
