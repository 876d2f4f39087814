{#
    The rule-based models: array of struct(model, touches, shares), with a whole-number share (bigint) for each touch.
    docs/adr/0007 has the table. First and last touch go by the window, the others by the bounded list of marketing
    touches, of which touch_count is the length and last_touch_at the time of the last one.
#}
{% macro model_shares(first_touch, last_touch, touches, touch_count, last_touch_at) -%}
    {%- set first = var('position_based_first_percent') -%}
    {%- set last = var('position_based_last_percent') -%}
    array(
        struct('first_touch' as model, array({{ first_touch }}) as touches, array(1L) as shares),
        struct('last_touch' as model, array({{ last_touch }}) as touches, array(1L) as shares),
        struct('linear' as model, {{ touches }} as touches, transform({{ touches }}, touch -> 1L) as shares),
        struct(
            'position_based' as model,
            {{ touches }} as touches,
            transform(
                {{ touches }},
                (touch, position) -> cast(
                    case
                        when {{ touch_count }} = 1 then 1
                        when {{ touch_count }} = 2 then if({{ first }} + {{ last }} = 0, 1, if(position = 0, {{ first }}, {{ last }}))
                        when position = 0 then {{ first }} * ({{ touch_count }} - 2)
                        when position = {{ touch_count }} - 1 then {{ last }} * ({{ touch_count }} - 2)
                        else 100 - {{ first }} - {{ last }}
                    end as bigint
                )
            ) as shares
        ),
        struct(
            'time_decay' as model,
            {{ touches }} as touches,
            transform(
                {{ touches }},
                touch -> cast(
                    floor(
                        1e12D * pow(
                            2D,
                            (unix_micros(touch.touch_at) - unix_micros({{ last_touch_at }}))
                            / ({{ var('time_decay_half_life_days') }} * 86400000000D)
                        )
                    ) as bigint
                )
            ) as shares
        )
    )
{%- endmacro %}
