{#
    An event's time as a timestamp, null if it is in none of the accepted forms (docs/data_contract.md):
    ISO 8601 with an offset, `Z` or nothing (UTC), with `T` or a space; epoch seconds or milliseconds.
    Numbers below 1e11 are seconds (until the year 5138), larger ones milliseconds (from March 1973).
    Digits beyond the microsecond are cut off.
#}
{% macro parsed_event_time(text) -%}
    {%- set number = "try_cast(" ~ text ~ " as decimal(38, 15))" -%}
    case
        -- what most trackers write; the extended form below would read it too, with more work
        when {{ text }} rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$'
            then try_cast({{ text }} as timestamp)
        when {{ text }} rlike '^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?$'
            then
                case
                    when abs({{ number }}) < 1e11
                        then timestamp_micros(cast(floor({{ number }} * 1000000) as bigint))
                    when abs({{ number }}) < 1e15
                        then timestamp_micros(cast(floor({{ number }} * 1000) as bigint))
                end
        -- the extended form
        when upper({{ text }}) rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$'
            then try_cast(replace(replace(replace(upper({{ text }}), ',', '.'), ' +', '+'), ' -', '-') as timestamp)
        -- the same without seconds, which Spark reads only without an offset
        when upper({{ text }}) rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2} ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$'
            then try_cast(regexp_replace(upper({{ text }}), '^(.{16}) ?', '$1:00') as timestamp)
        -- the basic form (20201101T001925Z), which has no separator at all
        when upper({{ text }}) rlike '^[0-9]{8}T[0-9]{6}([.,][0-9]+)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$'
            then
                try_cast(
                    regexp_replace(
                        replace(replace(upper({{ text }}), ',', '.'), ' ', ''),
                        '^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})',
                        '$1-$2-$3T$4:$5:'
                    ) as timestamp
                )
    end
{%- endmacro %}

{#
    The day of a spend record, null if it is in none of the accepted forms (docs/data_contract.md): a day, also as
    eight digits, or any form of an event's time, of which the UTC day counts.
#}
{% macro parsed_spend_date(text) -%}
    case
        -- for an event eight digits would be epoch seconds, of 1970
        when {{ text }} rlike '^[0-9]{8}$'
            then try_cast(regexp_replace({{ text }}, '^(.{4})(.{2})', '$1-$2-') as date)
        else cast({{ parsed_event_time(text) }} as date)
    end
{%- endmacro %}
