{#
    A table that tells an increment what to do. Where everything is made anew nobody reads it, so it is left as it was,
    which saves a full build its price (docs/adr/0010-the-price-of-a-statement.md); it is made once, for tests and docs.
#}
{% materialization table_of_increment, adapter='spark', supported_languages=['sql'] %}
    {%- set standing = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
    {%- if standing is not none and rebuilds(config.require('meta')['rebuilt_with']) -%}
        {%- call noop_statement('main', 'nothing to do') -%}
            select 'left as it was'
        {%- endcall -%}
        {{ return({'relations': [standing]}) }}
    {%- endif -%}
    {{ return(materialization_table_spark()) }}
{% endmaterialization %}
