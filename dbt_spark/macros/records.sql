{# White space around a value never counts, and what is then empty is missing (null). #}
{% macro trimmed(column) -%}
    nullif(trim(both ' \t\n\r\u000b\u000c\u00a0' from {{ column }}), '')
{%- endmacro %}

{# A campaign field: some trackers write their language's null as text. #}
{% macro campaign_value(column) -%}
    case
        when lower({{ trimmed(column) }}) not in ('null', 'undefined', 'nan', '(not set)') then {{ trimmed(column) }}
    end
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
