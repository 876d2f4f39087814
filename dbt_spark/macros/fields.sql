{# White space around a value never counts, and what is then empty is missing (null). #}
{% macro trimmed(text) -%}
    nullif({{ without_outer_space(text) }}, '')
{%- endmacro %}

{# A text without the white space around it, which may leave nothing. #}
{% macro without_outer_space(text) -%}
    btrim({{ text }}, ' \t\n\r\u000b\u000c\u00a0')
{%- endmacro %}

{# A campaign field, trimmed before: some trackers write their language's null as text. #}
{% macro campaign_value(text) -%}
    if(lower({{ text }}) in ('null', 'undefined', 'nan', '(not set)'), null, {{ text }})
{%- endmacro %}

{# A channel that the sender decided, trimmed before: in snake case; null if there is none. #}
{% macro normalized_channel(text) -%}
    replace(replace(lower({{ campaign_value(text) }}), ' ', '_'), '-', '_')
{%- endmacro %}

{#
    The parameters of a query string that have a value, in order: array of struct(name, value). Names are lower case;
    values are trimmed and decoded (`+` is a space), what cannot be decoded stays as it is.
#}
{% macro query_parameters(query) -%}
    filter(
        transform(
            transform(
                split({{ query }}, '&'),
                pair -> struct(
                    lower(substring_index(pair, '=', 1)) as name,
                    if(instr(pair, '=') > 0, substr(pair, instr(pair, '=') + 1), '') as text
                )
            ),
            parameter -> struct(parameter.name, {{ decoded_parameter('parameter.text') }} as value)
        ),
        parameter -> parameter.value is not null
    )
{%- endmacro %}

{# The value of a parameter as it stands in a query string: decoded and trimmed; null if nothing is left. #}
{% macro decoded_parameter(text) -%}
    {#- Java's decoder takes `%+b` for a number. -#}
    {%- set decoded = "if(" ~ text ~ " rlike '%(?![0-9A-Fa-f]{2})', null, try_url_decode(" ~ text ~ "))" -%}
    {{ trimmed(
        "if(" ~ text ~ " rlike '[%+]', if(coalesce(instr(" ~ decoded ~ ", '\ufffd'), 1) > 0, "
        ~ text ~ ", " ~ decoded ~ "), " ~ text ~ ")"
    ) }}
{%- endmacro %}

{# The first value of a parameter of query_parameters; null if it is not there. #}
{% macro query_parameter(parameters, name) -%}
    try_element_at(filter({{ parameters }}, parameter -> parameter.name = '{{ name }}'), 1).value
{%- endmacro %}

{# Everything between the first question mark and the fragment; null without one. #}
{% macro query_string(url) -%}
    if(
        instr({{ url }}, '?') > 0,
        nullif(regexp_extract({{ url }}, '^[^?#]*[?]([^#]*)', 1), ''),
        null
    )
{%- endmacro %}

{# The record's unknown fields that are not empty, as entries (key, value) ordered by key. #}
{% macro unknown_fields() -%}
    array_sort(filter(
        transform(map_entries(extra), entry -> struct(entry.key as key, {{ trimmed('entry.value') }} as value)),
        entry -> entry.value is not null
    ))
{%- endmacro %}

{#
    A hash of the record's content alone, whatever file it came in and in whichever order its fields stood. It
    decides between records that claim one event id at one instant. Spark's hashes pass over nulls, so
    that (a, null) and (null, a) would be equal: hence the empty strings.
#}
{% macro content_hash(fields) -%}
    xxhash64(
        {%- for field in fields %}
        coalesce({{ field }}, ''),
        {%- endfor %}
        coalesce(to_json({{ unknown_fields() }}), '')
    )
{%- endmacro %}

{# The event id of a record that came without one: sha256 of the names and values of all its fields that are not empty. #}
{% macro record_fingerprint(fields) -%}
    sha2(
        to_json(array_sort(filter(
            concat(
                array(
                    {%- for field in fields %}
                    struct('{{ field }}' as key, {{ field }} as value),
                    {%- endfor %}
                    struct('' as key, cast(null as string) as value)
                ),
                coalesce({{ unknown_fields() }}, array())
            ),
            entry -> entry.value is not null
        ))),
        256
    )
{%- endmacro %}

{# The record as one JSON object: known and unknown fields as they were delivered, absent ones left out. #}
{% macro record_as_json(fields) -%}
    to_json(map_concat(
        map_filter(
            map(
                {%- for field in fields %}
                '{{ field }}', {{ field }}{{ "," if not loop.last }}
                {%- endfor %}
            ),
            (key, value) -> value is not null
        ),
        coalesce(extra, map())
    ))
{%- endmacro %}
