{# Schemas are named exactly as configured (staging, intermediate, marts, seeds): the contract of docs/data_contract.md. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
