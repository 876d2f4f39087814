{# What is known of a client at a time: everything that later events need of the earlier ones. #}
{% macro client_state() -%}
    {{ return({
        'first_seen_at': ('timestamp', "min({}event_time)"),
        'last_seen_at': ('timestamp', "max({}event_time)"),
        'first_platform': ('string', "min_by({0}platform, struct({0}event_time, {0}event_id)) filter (where {0}platform is not null)"),
        'user_id': ('string', "max_by({0}user_id, struct({0}event_time, {0}event_id)) filter (where {0}user_id is not null)"),
        'event_count': ('bigint', "count(*)"),
        'page_view_count': ('bigint', "count_if({}event_type = 'page_view')"),
        'purchase_count': ('bigint', "count_if({}event_type = 'purchase')"),
        'total_revenue': ('decimal(28,2)', "cast(coalesce(sum({}revenue), 0) as decimal(28, 2))"),
        'session_count': ('bigint', "max({}session_number)"),
        'session_started_at': ('timestamp', "max({}session_started_at)"),
        'last_evidence': (
            'struct<' ~ evidence_type() ~ '>',
            "max_by(struct(" ~ evidence_columns('{0}') ~ "), struct({0}event_time, {0}event_id)) filter (where {0}has_evidence)"
        ),
    }) }}
{%- endmacro %}

{# The evidence of an event that the next one is held against, with its time. #}
{% macro evidence_columns(prefix) -%}
    {{ return(
        prefix ~ 'event_time, ' ~ prefix ~ 'sender_channel, ' ~ prefix ~ 'source, ' ~ prefix ~ 'medium, ' ~ prefix ~ 'campaign'
    ) }}
{%- endmacro %}

{% macro evidence_type() -%}
    {{ return('event_time:timestamp,sender_channel:string,source:string,medium:string,campaign:string') }}
{%- endmacro %}

{% macro client_state_columns(prefix) -%}
    {%- for name in client_state() %}
            {{ prefix }}{{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro client_state_type() -%}
    {%- for name, parts in client_state().items() -%}
        {{ name }}:{{ parts[0] }}{{ "," if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The state that events, without duplicates, leave behind. #}
{% macro client_state_aggregates(prefix) -%}
    {%- for name, parts in client_state().items() %}
            {{ parts[1].format(prefix) }} as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
