{# The number of the block that holds a client's touch; blocks are as long as the longest list. #}
{% macro touch_block(touch_number) -%}
    floor(({{ touch_number }} - 1) / {{ var('max_path_touches') }})
{%- endmacro %}

{#
    The bounded list of the touches numbered above `older` up to `newest`: all of them, or if they
    are too many the first marketing touch and the latest ones.

    latest_touches: array of struct(touch_number, touch) in order, with at least the latest ones.
    first_marketing_touch: the touch to keep, null if there is none.
#}
{% macro bounded_touches(latest_touches, older, newest, first_marketing_touch) -%}
    {%- set limit = var('max_path_touches') -%}
    {%- set latest -%}
        transform(
            filter({{ latest_touches }}, item -> item.touch_number > greatest({{ older }}, {{ newest }} - {{ limit }})
                and item.touch_number <= {{ newest }}),
            item -> item.touch
        )
    {%- endset -%}
    if(
        {{ newest }} - {{ older }} > {{ limit }}
        and {{ first_marketing_touch }} < try_element_at({{ latest }}, 1),
        concat(array({{ first_marketing_touch }}), slice({{ latest }}, 2, {{ limit }})),
        {{ latest }}
    )
{%- endmacro %}
