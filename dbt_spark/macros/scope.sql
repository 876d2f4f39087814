{#
    The columns of build_scope: which events this build covers, and what is made anew because it was built with something
    else, or not completely. What "something else" is: the facts of a group, kept as JSON with each build.
#}
{% macro scope_columns(events, rule_version, rule_words) -%}
    {%- set event_vars = ['session_timeout_minutes', 'max_clock_skew_hours', 'earliest_event_date'] -%}
    {%- set attribution_vars = [
        'attribution_window_days', 'outside_window_channel', 'max_path_touches',
        'position_based_first_percent', 'position_based_last_percent', 'time_decay_half_life_days',
    ] -%}
    {%- set known = namespace(
        to_batch=0, fingerprints={}, reasons={}, log=none, last=none, begun=none, evidence='', rules='', events_table='',
        code=env_var('ATTRIBUTION_CODE_VERSION', ''), events_version=none, conversions_version=none, is_rewritten=false
    ) -%}

    {%- if execute -%}
        {%- set known.to_batch = run_query(
            'select coalesce(max(batch), 0) as batch from ' ~ events
        ).rows[0]['batch'] -%}
        {%- set known.events_table = run_query('describe detail ' ~ events).rows[0]['id'] -%}
        {%- set versions = run_query('select evidence_version, rule_version from ' ~ rule_version).rows[0] -%}
        {%- set known.evidence = versions['evidence_version'] -%}
        {%- set known.rules = versions['rule_version'] -%}
        {%- set known.log = earlier('builds', 'build_log') -%}
        {%- if known.log is not none -%}
            {%- set rows = run_query('select * from ' ~ known.log ~ ' order by build_number desc limit 1').rows -%}
            {%- set known.last = rows[0].dict() if rows | length else none -%}
        {%- endif -%}
        {%- set known.begun = current_scope() -%}
        {%- set known.events_version = latest_version(events) -%}
        {%- if known.last is not none -%}
            {%- set known.is_rewritten = is_rewritten_since(events, known.last['events_version']) -%}
            {%- set conversions = earlier('intermediate', 'int_conversions_attributed') -%}
            {%- if conversions is not none -%}
                {%- set known.conversions_version = newest_like(conversions, known.last['conversions_version']) -%}
            {%- endif -%}
        {%- endif -%}

        {#- Run by hand dbt does not know the version of the code: then it is taken to be the last one's. -#}
        {%- if not known.code and known.last is not none -%}
            {%- set known.code = known.last['code_version'] -%}
        {%- endif -%}
        {%- set event_facts = {'events table': known.events_table, 'code': known.code, 'evidence rules': known.evidence} -%}
        {%- for name in event_vars -%}
            {%- do event_facts.update({name: var(name)}) -%}
        {%- endfor -%}
        {#- attribution_explain repeats the words of the rules. -#}
        {%- set words = run_query(
            "select substring(sha2(array_join(array_sort(collect_list(to_json(struct(channel_rule_rank, description)))), ','), 256), 1, 12)"
            ~ " as version from " ~ rule_words
        ).rows[0]['version'] -%}
        {%- set attribution_facts = {'channel rules': known.rules, 'descriptions of rules': words} -%}
        {%- for name in attribution_vars -%}
            {%- do attribution_facts.update({name: var(name)}) -%}
        {%- endfor -%}
        {%- do attribution_facts.update(event_facts) -%}
        {%- set facts = {'events': event_facts, 'attribution': attribution_facts} -%}

        {%- for group in ['events', 'attribution'] -%}
            {%- set text = tojson(facts[group], sort_keys=true) -%}
            {%- do known.fingerprints.update({group: text}) -%}
            {%- set reason = namespace(text='') -%}
            {%- set missing = namespace(names=[]) -%}
            {%- for node in graph.nodes.values() -%}
                {%- if
                    node.resource_type == 'model'
                    and node.config.materialized == 'incremental'
                    and node.config.meta.get('rebuilt_with') == group
                    and earlier(node.schema, node.alias) is none
                -%}
                    {%- do missing.names.append(node.schema ~ '.' ~ node.alias) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- if flags.FULL_REFRESH -%}
                {%- set reason.text = 'a full refresh was asked for' -%}
            {%- elif known.last is none -%}
                {%- set reason.text = 'there is no complete build yet' -%}
            {%- elif missing.names -%}
                {%- set reason.text = (missing.names | sort)[0] ~ ' is not there' -%}
            {%- elif known.is_rewritten -%}
                {%- set reason.text = 'rows of raw.events were changed otherwise than by a landing' -%}
            {%- elif known.last[group ~ '_fingerprint'] != text -%}
                {%- set before = fromjson(known.last[group ~ '_fingerprint']) -%}
                {%- set changes = [] -%}
                {%- for name, value in facts[group].items() -%}
                    {%- if before.get(name) != value -%}
                        {%- do changes.append(name ~ ' changed from ' ~ before.get(name) ~ ' to ' ~ value) -%}
                    {%- endif -%}
                {%- endfor -%}
                {%- set reason.text = changes | join(', ') -%}
            {%- elif
                known.begun is not none
                and known.begun['invocation_id'] != known.last['invocation_id']
                and (known.begun['is_full_' ~ group] or known.begun[group ~ '_fingerprint'] != text)
            -%}
                {#- It may have left tables of another configuration, or a part of them. -#}
                {%- set reason.text = 'the last build that was begun was not completed' -%}
            {%- endif -%}
            {%- do known.reasons.update({group: reason.text}) -%}
        {%- endfor -%}
        {%- if known.reasons['events'] and not known.reasons['attribution'] -%}
            {%- do known.reasons.update({'attribution': known.reasons['events']}) -%}
        {%- endif -%}
    {%- endif %}
    '{{ invocation_id }}' as invocation_id,
    cast('{{ run_started_at.astimezone(modules.pytz.utc).isoformat() }}' as timestamp) as started_at,
    cast({{ known.last['to_batch'] if known.last is not none else 0 }} as bigint) as from_batch,
    cast({{ known.to_batch }} as bigint) as to_batch,
    {{ 'true' if known.reasons.get('events', 'x') else 'false' }} as is_full_events,
    {{ 'true' if known.reasons.get('attribution', 'x') else 'false' }} as is_full_attribution,
    '{{ known.reasons.get("events", "") | replace("\\", "") | replace("'", "") }}' as events_reason,
    '{{ known.reasons.get("attribution", "") | replace("\\", "") | replace("'", "") }}' as attribution_reason,
    '{{ known.fingerprints.get("events", "") | replace("\\", "\\\\") | replace("'", "\\'") }}' as events_fingerprint,
    '{{ known.fingerprints.get("attribution", "") | replace("\\", "\\\\") | replace("'", "\\'") }}'
        as attribution_fingerprint,
    '{{ known.code }}' as code_version,
    cast({{ known.last['build_number'] if known.last is not none else 0 }} as bigint) as last_build,
    cast({{ known.events_version if known.events_version is not none else 'null' }} as bigint) as events_version,
    cast({{ known.conversions_version if known.conversions_version is not none else 'null' }} as bigint)
        as last_conversions_version
{%- endmacro %}
