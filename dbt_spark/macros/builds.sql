{#
    What a build has to do, and how it does it. docs/adr/0009 has the reasons.

    A build covers what `build_scope` says: the batches landed since the last complete build, or everything. The tables
    built with a configuration are rebuilt together when that changes, as two groups: `events` (what an event shows:
    sessions, evidence, clients) and `attribution` (channels and all that follows from them).
#}

{# A table of an earlier build, without an edge in the graph: what a model reads of its own successors' past. #}
{% macro earlier(schema_name, table_name) -%}
    {{ return(adapter.get_relation(database=none, schema=schema_name, identifier=table_name)) }}
{%- endmacro %}

{# What a model is built after, besides what it always reads. Said to dbt while it parses: a unit test need not give it. #}
{% macro after() -%}
    {%- if not execute -%}
        {%- for name in varargs -%}
            {%- do ref(name) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{#
    The rows of a query about the build under way, asked once for all models: they would each wait for it several times.
    dbt keeps the graph as long as it runs, and shares it among its threads.
#}
{% macro asked_once(sql) -%}
    {%- set answers = graph.setdefault('answers of this build', {}) -%}
    {%- if sql not in answers -%}
        {%- do answers.update({sql: run_query(sql).rows}) -%}
    {%- endif -%}
    {{ return(answers[sql]) }}
{%- endmacro %}

{# The one row of `build_scope`, as a mapping; none where no build has begun, or while dbt parses or tests. #}
{% macro current_scope() -%}
    {%- if not execute or model.resource_type == 'unit_test' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set known = graph.get('scope of this build') -%}
    {%- if known -%}
        {{ return(known) }}
    {%- endif -%}
    {%- set relation = earlier('builds', 'build_scope') -%}
    {%- if relation is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set rows = run_query('select * from ' ~ relation).rows -%}
    {%- set scope = rows[0].dict() if rows | length == 1 else none -%}
    {#- Before that model has been built it is the scope of an earlier build. -#}
    {%- if scope is not none and scope['invocation_id'] == invocation_id -%}
        {%- do graph.update({'scope of this build': scope}) -%}
    {%- endif -%}
    {{ return(scope) }}
{%- endmacro %}

{# The last batch of events that the tables have, and the last one that they will have after this build. #}
{% macro built_batch() -%}
    {{ current_scope()['from_batch'] }}
{%- endmacro %}

{% macro landed_batch() -%}
    {{ current_scope()['to_batch'] }}
{%- endmacro %}

{# Whether this build makes the tables of a group anew. True where nothing is known, hence in unit tests. #}
{% macro rebuilds(group) -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set scope = current_scope() -%}
    {%- if scope is none -%}
        {{ return(true) }}
    {%- endif -%}
    {%- if flags.FULL_REFRESH and scope['invocation_id'] != invocation_id -%}
        {{ exceptions.raise_compiler_error(
            "a full refresh of " ~ model.name ~ " alone would mix builds: select build_scope+ with it"
        ) }}
    {%- endif -%}
    {{ return(scope['is_full_' ~ group]) }}
{%- endmacro %}

{#
    dbt asks this of every incremental model, and is_incremental() asks it too: a model with a group in its meta follows
    the build's scope, so that a changed rule or variable rebuilds what it concerns without --full-refresh.
#}
{% macro should_full_refresh() %}
    {%- set own = config.get('full_refresh') -%}
    {%- if own is not none -%}
        {{ return(own) }}
    {%- endif -%}
    {%- set group = (config.get('meta') or {}).get('rebuilt_with') -%}
    {{ return(rebuilds(group) if group else flags.FULL_REFRESH) }}
{% endmacro %}

{#
    The earliest time from which a client changes, as a literal; how many clients are late, which is to say that not all of
    their new events are later than those that they had, and the earliest and latest time from which those change. Of the
    other clients no earlier event changes.
#}
{% macro change_bounds() -%}
    {%- set found = asked_once(
        'select cast(min(changed_from) as string) as first, count_if(is_late) as late_client_count,'
        ~ ' cast(min(changed_from) filter (where is_late) as string) as first_late,'
        ~ ' cast(max(changed_from) filter (where is_late) as string) as last_late'
        ~ ' from builds.build_changed_clients'
    )[0] -%}
    {%- set bounds = {'late_client_count': found['late_client_count']} -%}
    {%- for name in ['first', 'first_late', 'last_late'] -%}
        {%- do bounds.update({name: "timestamp '" ~ (found[name] or '9999-12-31 00:00:00') ~ "Z'"}) -%}
    {%- endfor -%}
    {{ return(bounds) }}
{%- endmacro %}

{#
    Whether a row can be one that this build writes or wrote before it died, by what Delta keeps of each file: files of
    which no row can be are not read. A condition on a table with batch and event_time.
#}
{% macro may_be_replaced(prefix) -%}
    ({{ prefix }}.batch > {{ built_batch() }} or {{ prefix }}.event_time >= {{ change_bounds()['first_late'] }})
{%- endmacro %}

{# The dates with events that this build can change, as a list of literals, by which files are left out. #}
{% macro changed_dates() -%}
    {%- for row in asked_once('select event_date from builds.build_changed_dates order by 1') -%}
        date '{{ row[0] }}'{{ ", " if not loop.last }}
    {%- else -%}
        date '9999-12-31'
    {%- endfor -%}
{%- endmacro %}

{# The batches, as a list of numbers, of older records that stand behind another one since this build. #}
{% macro batches_of_new_duplicates() -%}
    {#- First asked when base_events has been brought up to date: it does not change any more. -#}
    {%- set rows = asked_once(
        'select distinct batch from ' ~ earlier('staging', 'base_events') ~ ' as replaceable where is_duplicate and batch <= '
        ~ built_batch() ~ ' and ' ~ replaced_rows('events')
    ) -%}
    {{ rows | map(attribute=0) | map('string') | join(', ') or '0' }}
{%- endmacro %}

{#
    The tables of purchasers that a build may have left behind: it brought the conversions up to date, and died. Of a
    purchase that is none any more only they know then. None where the conversions are those of the last complete build.
#}
{% macro tables_of_purchasers_left_behind() -%}
    {%- set tables = [] -%}
    {%- set conversions = earlier('intermediate', 'int_conversions_attributed') -%}
    {%- if current_scope()['last_conversions_version'] != latest_version(conversions) -%}
        {%- for node in graph.nodes.values() -%}
            {%- if
                node.resource_type == 'model'
                and node.config.meta.get('replaces') == 'purchasers'
                and node.name != 'int_conversions_attributed'
            -%}
                {%- do tables.append(earlier(node.schema, node.alias)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(tables) }}
{%- endmacro %}

{# The rows of an earlier table that this build replaces, by the `replaces` of a model's meta; a condition. #}
{% macro replaced_rows(kind) -%}
    {%- if kind == 'purchasers' -%}
        client_id in (select client_id from builds.build_changed_purchasers)
    {%- elif kind == 'clients' -%}
        client_id in (select client_id from builds.build_changed_clients)
    {%- elif kind == 'rejects' -%}
        batch > {{ built_batch() }} or batch in ({{ batches_of_new_duplicates() }})
    {%- elif kind == 'lookup' -%}
        true
    {%- elif kind in ['events', 'shown_events'] -%}
        {%- if kind == 'events' -%}
            {{ may_be_replaced('replaceable') }}
        {%- else -%}
            {#- of a view that does not show the batch: read whole from the earliest change on -#}
            event_time >= {{ change_bounds()['first'] }}
        {%- endif %}
        and exists (
            select 1 from builds.build_changed_clients as changed_clients
            where replaceable.client_id = changed_clients.client_id
            and replaceable.event_time >= changed_clients.changed_from
        )
    {%- elif kind == 'dates' -%}
        event_date in ({{ changed_dates() }})
    {%- elif kind == 'log' -%}
        invocation_id = '{{ invocation_id }}'
    {%- elif kind == 'build' -%}
        since_build <=> (select last_build from builds.build_scope)
    {%- else -%}
        {{ exceptions.raise_compiler_error(model.name ~ ": meta.replaces is " ~ kind) }}
    {%- endif -%}
{%- endmacro %}

{#
    Brings a table up to date in one commit: of the rows that the model replaces, those that are gone are deleted, those
    that differ updated, new ones inserted, and equal ones not touched. Doing it again changes nothing.
#}
{% macro spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='name') | list -%}
    {%- set replaces = (config.get('meta') or {}).get('replaces') -%}
    {#- What raw records have shown once is never unseen: these tables only grow. -#}
    {%- set adds_only = replaces in ['rejects', 'lookup'] %}
    merge into {{ target }} as target
    using (
        select
            {%- for column in columns %}
            if(computed.is_there, computed.{{ column }}, standing.{{ column }}) as {{ column }},
            {%- endfor %}
            computed.is_there is null as is_gone
        from (
            select replaceable.*, true as is_there from {{ target }} as replaceable
            where {{ replaced_rows(replaces) }}
        ) as standing
        full outer join (select *, true as is_there from {{ source }}) as computed
            on {% for key in unique_key %}{{ "and " if not loop.first }}standing.{{ key }} <=> computed.{{ key }} {% endfor %}
        where
            {% if not adds_only -%}
            computed.is_there is null
            or {% endif -%}
            standing.is_there is null
            or computed.is_there and not (
                struct({% for column in columns %}computed.{{ column }}{{ ", " if not loop.last }}{% endfor %})
                <=> struct({% for column in columns %}standing.{{ column }}{{ ", " if not loop.last }}{% endfor %})
            )
    ) as change
    on
        {% if replaces == 'events' -%} {{ may_be_replaced('target') }} and {% endif %}
        {%- for key in unique_key %}{{ "and " if not loop.first }}target.{{ key }} <=> change.{{ key }} {% endfor %}
    when matched and change.is_gone then delete
    when matched then update set
        {%- for column in columns %}
        target.{{ column }} = change.{{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    when not matched then insert ({{ columns | join(', ') }})
    values ({% for column in columns %}change.{{ column }}{{ ", " if not loop.last }}{% endfor %})
{% endmacro %}

{# Whether everything that a build brings up to date is in this one: a condition. #}
{% macro is_whole_build() -%}
    {%- set left_out = [] -%}
    {%- if execute -%}
        {%- for id, node in graph.nodes.items() -%}
            {%- if node.resource_type == 'model' and node.config.meta.get('rebuilt_with') and id not in selected_resources -%}
                {%- do left_out.append(id) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ 'false' if left_out else 'true' }}
{%- endmacro %}

{# What changes a table's files and not its rows. Further ones would only make a build do more than it has to. #}
{% macro is_upkeep(operation) -%}
    {{ return(operation in ['OPTIMIZE', 'REORG', 'VACUUM START', 'VACUUM END', 'SET TBLPROPERTIES']) }}
{%- endmacro %}

{# The Delta version of a table as it is now. #}
{% macro latest_version(relation) -%}
    {{ return(run_query('describe history ' ~ relation ~ ' limit 1').rows[0]['version'] if execute else 'null') }}
{%- endmacro %}

{# The newest version with the rows of an earlier one: upkeep rewrites files, and in the end deletes the former ones. #}
{% macro newest_like(relation, version) -%}
    {%- set found = namespace(version=none) -%}
    {%- for commit in run_query('describe history ' ~ relation).rows -%}
        {%- set found.version = commit['version'] if found.version is none else found.version -%}
        {%- if commit['version'] == version -%}
            {{ return(found.version) }}
        {%- elif not is_upkeep(commit['operation']) -%}
            {%- set found.version = none -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}

{# Whether rows of a table were changed since a version otherwise than by adding some: by hand. #}
{% macro is_rewritten_since(relation, version) -%}
    {%- for commit in run_query('describe history ' ~ relation).rows if commit['version'] > version -%}
        {%- if not is_upkeep(commit['operation']) and commit['operation'] not in ['WRITE', 'CREATE TABLE'] -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
