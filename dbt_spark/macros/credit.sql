{# The channel that a conversion's whole credit goes to, given its `attribution_status` and the touch. #}
{% macro credited_channel(touch='credited_touch') -%}
    case attribution_status
        when 'marketing' then {{ touch }}.channel
        when 'direct' then 'direct'
        else '{{ var("outside_window_channel") }}'
    end
{%- endmacro %}

{# The revenue that a single-touch model attributes: all of it, or none where the conversion stays unattributed. #}
{% macro credited_revenue() -%}
    cast(
        if(attribution_status = 'outside_window' and '{{ var("outside_window_channel") }}' = 'unattributed', 0, revenue)
        as decimal(28, 2)
    )
{%- endmacro %}

{# Whole days of 24 hours between two instants, cut off. #}
{% macro whole_days(from_time, to_time) -%}
    cast((unix_micros({{ to_time }}) - unix_micros({{ from_time }})) div 86400000000 as int)
{%- endmacro %}

{# The channels of a list of touches as one text, for people: `paid_search > direct > email`. #}
{% macro channel_path(touches) -%}
    concat_ws(' > ', transform({{ touches }}, touch -> touch.channel))
{%- endmacro %}
