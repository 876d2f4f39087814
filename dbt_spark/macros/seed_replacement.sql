{#
    A seed's table is swapped, with its rows, in one commit. dbt-spark drops it, creates it and inserts the rows, so
    that for a moment a reader finds no table or an empty one, and a run that dies in between leaves it so.
#}
{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(create_csv_table(model, agate_table)) }}
{% endmacro %}

{# spark__load_csv_rows creates the table together with its rows; dbt does not call it when there are none. #}
{% macro spark__create_csv_table(model, agate_table) %}
    {%- if agate_table.rows | length == 0 -%}
        {{ return(load_csv_rows(model, agate_table)) }}
    {%- endif -%}
    {{ return('-- created with its rows') }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set column_types = model['config'].get('column_types', {}) -%}
    {%- set bindings = [] -%}
    {%- set sql -%}
        create or replace table {{ this.render() }}
        {{ file_format_clause() }}
        {{ comment_clause() }}
        as
        select
            {%- for column in agate_table.column_names %}
            cast({{ column }} as {{ column_types.get(column, adapter.convert_type(agate_table, loop.index0)) }}) as {{ column }}
            {{- "," if not loop.last }}
            {%- endfor %}
        from values
            {%- for row in agate_table.rows %}
            ({% for cell in row %}{{ get_binding_char() }}{{ ", " if not loop.last }}{% endfor %}),
            {%- do bindings.extend(row) -%}
            {%- endfor %}
            ({% for column in agate_table.column_names %}null{{ ", " if not loop.last }}{% endfor %})
        as cells({{ agate_table.column_names | join(', ') }})
        {#- the row of nulls is for a seed without rows #}
        where not ({{ agate_table.column_names | join(' is null and ') }} is null)
    {%- endset -%}
    {% do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}
