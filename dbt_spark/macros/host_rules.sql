{# The value of the most particular rule of base_host_rules that names the host or a parent domain of it; null if none does. #}
{% macro matched_host_rule(rules, host) -%}
    try_element_at(
        filter({{ rules }}, rule -> {{ host }} = rule.host or endswith({{ host }}, concat('.', rule.host))),
        1
    ).value
{%- endmacro %}
