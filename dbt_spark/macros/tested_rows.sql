{#
    The rows that a data test looks at. Where an increment goes on from tables that have been tested, a test that judges
    a row, or a client, by itself looks at the rows that the build replaces; one that adds up looks at all. `dbt test` by
    itself always looks at all.
#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set tested = graph.nodes.get(model.attached_node) if execute else none -%}
    {%- set meta = (tested.config.meta or {}) if tested else {} -%}
    {%- if
        meta.get('replaces') in ['purchasers', 'clients', 'events', 'shown_events', 'dates']
        and model.test_metadata.name in ['primary_key', 'is_true', 'accepted_values', 'relationships', 'parts_add_up']
        and not config.get('where')
        and flags.WHICH == 'build'
        and (current_scope() or {}).get('invocation_id') == invocation_id
        and not rebuilds(meta['rebuilt_with'])
    -%}
        {{ return('(select * from ' ~ relation ~ ' as replaceable where ' ~ replaced_rows(meta['replaces']) ~ ') as replaced') }}
    {%- endif -%}
    {{ return(default__get_where_subquery(relation)) }}
{%- endmacro %}
