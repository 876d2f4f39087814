{#
    What an update changes of a table that increments update is marked beside its files (deletion vectors) instead of
    writing those anew: it costs what it changes. Such a table needs a reader that knows them (Delta 2.4, Spark 3.4 or
    later). Other tables have none: each reader would look for them first.
#}
{% macro spark__tblproperties_clause() -%}
    {%- set properties = dict(config.get('tblproperties') or {}) -%}
    {%- if (config.get('meta') or {}).get('replaces') in ['purchasers', 'clients', 'events', 'dates'] -%}
        {%- do properties.update({'delta.enableDeletionVectors': 'true'}) -%}
    {%- endif -%}
    {%- if properties %}
    tblproperties ({% for name, value in properties.items() %}'{{ name }}' = '{{ value }}'{{ ", " if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}
