{#
    Stops a run whose variables make no sense, before it touches a table. Called by on-run-start.
#}
{% macro check_vars() -%}
    {%- for name in ['session_timeout_minutes', 'attribution_window_days', 'max_clock_skew_hours'] -%}
        {%- if var(name) is not integer or var(name) < 0 -%}
            {{ exceptions.raise_compiler_error("var " ~ name ~ " is " ~ var(name) ~ ": it must be a whole number from 0") }}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('max_path_touches') is not integer or var('max_path_touches') < 2 -%}
        {{ exceptions.raise_compiler_error(
            "var max_path_touches is " ~ var('max_path_touches') ~ ": it must be a whole number from 2"
        ) }}
    {%- endif -%}
    {%- for name in ['position_based_first_percent', 'position_based_last_percent'] -%}
        {%- if var(name) is not integer or var(name) < 0 or var(name) > 100 -%}
            {{ exceptions.raise_compiler_error("var " ~ name ~ " is " ~ var(name) ~ ": it must be a whole number from 0 to 100") }}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('position_based_first_percent') + var('position_based_last_percent') > 100 -%}
        {{ exceptions.raise_compiler_error(
            "vars position_based_first_percent and position_based_last_percent: together they must not exceed 100"
        ) }}
    {%- endif -%}
    {%- if var('time_decay_half_life_days') is not number or var('time_decay_half_life_days') <= 0 -%}
        {{ exceptions.raise_compiler_error(
            "var time_decay_half_life_days is " ~ var('time_decay_half_life_days') ~ ": it must be a number above 0"
        ) }}
    {%- endif -%}
    {%- if var('outside_window_channel') not in ['unattributed', 'direct'] -%}
        {{ exceptions.raise_compiler_error(
            "var outside_window_channel is " ~ var('outside_window_channel') ~ ": it must be unattributed or direct"
        ) }}
    {%- endif -%}
    {%- for name in ['trailing_days', 'min_trailing_days'] -%}
        {%- if var(name) is not integer or var(name) < 0 -%}
            {{ exceptions.raise_compiler_error("var " ~ name ~ " is " ~ var(name) ~ ": it must be a whole number from 0") }}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in ['range_volume_tolerance', 'range_share_tolerance'] -%}
        {%- if var(name) is not number or var(name) < 0 -%}
            {{ exceptions.raise_compiler_error("var " ~ name ~ " is " ~ var(name) ~ ": it must be a number from 0") }}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('range_severity') not in ['warn', 'fail'] -%}
        {{ exceptions.raise_compiler_error("var range_severity is " ~ var('range_severity') ~ ": it must be warn or fail") }}
    {%- endif -%}
    {%- if not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', var('earliest_event_date') | string) -%}
        {{ exceptions.raise_compiler_error(
            "var earliest_event_date is " ~ var('earliest_event_date') ~ ": it must be a day like 2000-01-01"
        ) }}
    {%- endif -%}
{%- endmacro %}
