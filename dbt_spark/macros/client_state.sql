{#
    What is known of a client at a time: everything that later events need of the earlier ones. Written as

    type: the type of a struct that holds it;
    columns: the columns of base_clients, of which `a` is the prefix;
    aggregates: what events without duplicates leave behind, of which `a` is the prefix;
    continued: what is known after the events of `b`, of a client of whom `a` was known before them.
#}
{% macro client_state(form, a='', b='') -%}
    {%- set evidence = 'event_time:timestamp,sender_channel:string,source:string,medium:string,campaign:string' -%}
    {%- set last = 'struct({0}event_time, {0}event_id)' -%}
    {%- set parts = [
        ('first_seen_at', 'timestamp', 'first', 'min({0}event_time)'),
        ('last_seen_at', 'timestamp', 'last', 'max({0}event_time)'),
        ('first_platform', 'string', 'first', 'min_by({0}platform, ' ~ last ~ ') filter (where {0}platform is not null)'),
        ('user_id', 'string', 'last', 'max_by({0}user_id, ' ~ last ~ ') filter (where {0}user_id is not null)'),
        ('event_count', 'bigint', 'sum', 'count(*)'),
        ('page_view_count', 'bigint', 'sum', "count_if({0}event_type = 'page_view')"),
        ('purchase_count', 'bigint', 'sum', "count_if({0}event_type = 'purchase')"),
        ('total_revenue', 'decimal(28,2)', 'sum', 'cast(coalesce(sum({0}revenue), 0) as decimal(28, 2))'),
        ('session_count', 'bigint', 'last', 'max({0}session_number)'),
        ('session_started_at', 'timestamp', 'last', 'max({0}session_started_at)'),
        (
            'last_evidence', 'struct<' ~ evidence ~ '>', 'last',
            'max_by(' ~ evidence_of('{0}') ~ ', ' ~ last ~ ') filter (where {0}has_evidence)',
        ),
    ] -%}
    {%- for name, type, merge, aggregate in parts %}
    {%- if form == 'type' -%}
        {{ name }}:{{ type }}
    {%- elif form == 'columns' %}
        {{ a }}{{ name }}
    {%- elif form == 'aggregates' %}
        {{ aggregate.format(a) }} as {{ name }}
    {%- elif merge == 'first' %}
    coalesce({{ a }}.{{ name }}, {{ b }}.{{ name }}) as {{ name }}
    {%- elif merge == 'last' %}
    coalesce({{ b }}.{{ name }}, {{ a }}.{{ name }}) as {{ name }}
    {%- else %}
    cast(coalesce({{ a }}.{{ name }}, 0) + coalesce({{ b }}.{{ name }}, 0) as {{ type }}) as {{ name }}
    {%- endif -%}
    {{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The evidence of an event, with its time: what the next event's is held against. #}
{% macro evidence_of(prefix) -%}
    struct({{ prefix }}event_time, {{ prefix }}sender_channel, {{ prefix }}source, {{ prefix }}medium, {{ prefix }}campaign)
{%- endmacro %}
