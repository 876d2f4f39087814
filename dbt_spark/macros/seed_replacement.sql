{#
    dbt-spark drops a seed's table and creates it anew, so that for a moment a reader finds no table.
    `create or replace` swaps it in one commit.
#}
{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(create_csv_table(model, agate_table)) }}
{% endmacro %}

{% macro spark__create_csv_table(model, agate_table) %}
    {%- set column_types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        create or replace table {{ this.render() }} (
            {%- for column_name in agate_table.column_names %}
            {{ column_name }} {{ column_types.get(column_name, adapter.convert_type(agate_table, loop.index0)) }}
            {{- "," if not loop.last }}
            {%- endfor %}
        )
        {{ file_format_clause() }}
        {{ comment_clause() }}
    {%- endset -%}
    {% call statement('_') -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{% endmacro %}
