{#
    Revenue as decimal(18,2), rounded half up once from the text as delivered; null if it is missing, not a
    number, negative or too large. Minus zero is zero; what rounds to zero from below is still negative.
#}
{% macro parsed_revenue(text) -%}
    case
        when
            {{ text }} rlike '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$'
            and not try_cast({{ text }} as double) < 0
            then try_cast({{ text }} as decimal(18, 2))
    end
{%- endmacro %}
