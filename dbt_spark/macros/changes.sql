{# The conversions as the last complete build left them, by Delta's history; nothing where there was none. #}
{% macro earlier_conversions() -%}
    {%- set scope = current_scope() -%}
    {%- set version = scope['last_conversions_version'] if scope is not none else none -%}
    {%- set relation = ref('int_conversions_attributed') -%}
    {%- if version is none -%}
        (select * from {{ relation }} where false)
    {%- else -%}
        {{ relation }} version as of {{ version }}
    {%- endif -%}
{%- endmacro %}

{#
    Lets the session read a version that is older than Delta keeps deleted files: the last complete build may be weeks ago,
    or the clock may have jumped. Its files are there all the same: they were the table's own until this build.
#}
{% macro reads_old_versions() -%}
    set spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration = false
{%- endmacro %}

{# A conversion's key and its credit, as far as the changes of credit go. #}
{% macro conversion_credit_columns() -%}
    client_id,
        event_time,
        event_ids,
        struct(
            attribution_status,
            revenue,
            first_touch_channel,
            last_touch_channel,
            first_marketing_touch as first_touch,
            last_marketing_touch as last_touch,
            touch_count,
            marketing_touch_count
        ) as credit
{%- endmacro %}
