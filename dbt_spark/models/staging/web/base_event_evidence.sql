{%- set tags = ['utm_source', 'utm_medium', 'utm_campaign'] -%}
{#- The click ids that are columns of their own; those that users add to the seed are unknown fields. -#}
{%- set click_id_columns = ['gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid', 'ttclid', 'fbclid'] -%}

with

records as (

    select
        source_sha256,
        source_position,
        batch,
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
        {%- for field in tags + click_id_columns %}
        {{ campaign_value(field) }} as {{ field }},
        {%- endfor %}
        extra,
        {{ normalized_channel('channel') }} as given_channel,
        {{ query_string('page_url') }} as page_query,
        {{ url_host('page_url') }} as page_host,
        {{ url_host('referrer') }} as referrer_host
    from {{ ref('base_event_records') }}
    where rejection_reason is null

),

click_rules as (

    select
        map_from_entries(collect_list(struct(click_id, struct(rank, source, medium)))) as rules,
        -- their names, as they stand in a query string or among joined names of fields
        concat('(^|&) *(', array_join(collect_list(concat('\\Q', click_id, '\\E')), '|'), ') *(=|&|$)') as pattern,
        -- a name and its value in a plain query string
        concat('(^|&)(', array_join(collect_list(concat('\\Q', click_id, '\\E')), '|'), ')=([^&]*)') as plain_pattern
    from {{ ref('click_ids') }}

),

-- One step a query: what a later expression uses twice would otherwise be computed twice.
-- Reading arrays is slow, so only what a pattern has found is looked up there.
searched as (

    select
        records.*,
        lower(records.page_query) as lower_query,
        lower(records.page_query) rlike '(^|&)utm_(source|medium|campaign)=' as has_tag_parameters,
        coalesce({{ click_id_columns | join(', ') }}) is not null as has_click_columns,
        -- `rlike` would compile the pattern for every row, since it comes from a table
        regexp_instr(
            lower(concat_ws('&', records.page_query, array_join(map_keys(records.extra), '&'))),
            (select click_rules.pattern from click_rules)
        ) > 0 as has_click_parameters
    from records

),

ruled as (

    select
        searched.*,
        if(
            has_click_columns or has_click_parameters,
            (select click_rules.rules from click_rules),
            null
        ) as click_rules,
        -- nothing in it is encoded, empty or to be trimmed: what a pattern finds is what parsing it would give
        (has_tag_parameters or has_click_parameters)
        and not page_query rlike '[%+\\s\u000b\u00a0]|=(&|\\z)' as is_plain_query
    from searched

),

counted as (

    select
        ruled.*,
        if(
            has_click_parameters and is_plain_query and extra is null,
            regexp_count(lower_query, (select click_rules.plain_pattern from click_rules)),
            null
        ) as plain_click_count
    from ruled

),

-- Nearly always there is one click id at most: it is found without a list of all parameters.
plainly_clicked as (

    select
        counted.*,
        if(
            plain_click_count = 1,
            regexp_extract(lower_query, (select click_rules.plain_pattern from click_rules), 2),
            null
        ) as plain_click_name,
        if(
            plain_click_count = 1,
            regexp_extract(lower_query, (select click_rules.plain_pattern from click_rules), 3),
            null
        ) as plain_click_value
    from counted

),

tagged as (

    select
        plainly_clicked.*,
        case
            when is_plain_query and has_tag_parameters
                then
                    struct(
                        {%- for field in tags %}
                        nullif(regexp_extract(page_query, '(?i)(?:^|&){{ field }}=([^&]*)', 1), '') as {{ field }}
                        {{- "," if not loop.last }}
                        {%- endfor %}
                    )
            -- a list of one list, so that the parameters are parsed once for the three lookups
            when has_tag_parameters
                then
                    transform(
                        array({{ query_parameters('page_query') }}),
                        parameters -> struct(
                            {%- for field in tags %}
                            {{ query_parameter('parameters', field) }} as {{ field }}{{ "," if not loop.last }}
                            {%- endfor %}
                        )
                    )[0]
        end as page_tags,
        -- the rule of the lowest rank among the ids that have a value
        case
            when not has_click_parameters or plain_click_count <= 1
                then
                    least(
                        {%- for field in click_id_columns %}
                        if({{ field }} is not null, try_element_at(click_rules, '{{ field }}'), null),
                        {%- endfor %}
                        if(
                            {{ campaign_value('plain_click_value') }} is not null,
                            try_element_at(click_rules, plain_click_name),
                            null
                        )
                    )
            else
                array_min(
                    transform(
                        filter(
                            concat(
                                array(
                                    {%- for field in click_id_columns %}
                                    struct('{{ field }}' as name, {{ field }} as value),
                                    {%- endfor %}
                                    struct('' as name, cast(null as string) as value)
                                ),
                                if(
                                    extra is not null,
                                    transform(
                                        map_entries(extra),
                                        entry -> struct(
                                            lower(trim(entry.key)) as name,
                                            {{ trimmed('entry.value') }} as value
                                        )
                                    ),
                                    array()
                                ),
                                if(page_query is not null, {{ query_parameters('page_query') }}, array())
                            ),
                            field -> {{ campaign_value('field.value') }} is not null
                        ),
                        field -> try_element_at(click_rules, field.name)
                    )
                )
        end as click
    from plainly_clicked

),

clicked as (

    select
        tagged.*,
        coalesce(tagged.utm_source, {{ campaign_value('tagged.page_tags.utm_source') }}) as tag_source,
        coalesce(tagged.utm_medium, {{ campaign_value('tagged.page_tags.utm_medium') }}) as tag_medium,
        coalesce(tagged.utm_campaign, {{ campaign_value('tagged.page_tags.utm_campaign') }}) as tag_campaign
    from tagged

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
    batch,
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
