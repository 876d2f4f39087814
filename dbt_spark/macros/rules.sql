{# A pattern for channel_rules.csv that matches just this value; signs that CSV or a regular expression would read match any sign. #}
{% macro exact_pattern(value) -%}
    concat(
        '^',
        replace(
            replace(regexp_replace({{ value }}, '[^\\p{L}\\p{N} ._-]', '\u0001'), '.', '[.]'),
            '\u0001',
            '.'
        ),
        '$'
    )
{%- endmacro %}
