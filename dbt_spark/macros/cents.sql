{#
    Splitting an amount to the cent by whole-number shares: each part is cut off, and the cents that are left go one
    each to the largest remainders, of equal ones to the first. Whole numbers all the way, so that every machine gets
    the same. In three steps, because a later one uses the earlier one's column more than once:
    parts = cent_parts(...), cutoff = cent_cutoff('parts', ...), then for each of the parts rounded_part('part', 'cutoff').
#}

{# A fraction from 0 to 1 (double) as a whole-number share: twelve digits, which hide the rounding of doubles. #}
{% macro whole_share(fraction) -%}
    cast(round({{ fraction }} * 1e12D) as bigint)
{%- endmacro %}

{# The sum of an array of shares (bigint). #}
{% macro total_share(shares) -%}
    aggregate({{ shares }}, 0L, (total, share) -> total + share)
{%- endmacro %}

{# array of struct(share, cents, remainder, position): what each share brings for sure, and its claim to one cent more. #}
{% macro cent_parts(amount, shares, share_total) -%}
    transform(
        {{ shares }},
        (share, position) -> struct(
            share,
            -- `div` would be a bigint, which the largest amounts exceed
            cast(
                (
                    cast({{ amount }} * 100 as decimal(30, 0)) * share
                    - cast({{ amount }} * 100 as decimal(30, 0)) * share % {{ share_total }}
                ) / {{ share_total }} as decimal(30, 0)
            ) as cents,
            cast({{ amount }} * 100 as decimal(30, 0)) * share % {{ share_total }} as remainder,
            position
        )
    )
{%- endmacro %}

{# The last claim, in order, that gets a cent more; null if every part is exact. #}
{% macro cent_cutoff(parts, amount) -%}
    try_element_at(
        array_sort(transform({{ parts }}, part -> struct(-part.remainder as claim, part.position))),
        nullif(
            cast(
                cast({{ amount }} * 100 as decimal(30, 0))
                - aggregate(
                    {{ parts }},
                    cast(0 as decimal(30, 0)),
                    (total, part) -> cast(total + part.cents as decimal(30, 0))
                ) as int
            ),
            0
        )
    )
{%- endmacro %}

{# A part as an amount: decimal(28, 2). #}
{% macro rounded_part(part, cutoff) -%}
    cast(
        (
            {{ part }}.cents
            + if(coalesce(struct(-{{ part }}.remainder as claim, {{ part }}.position) <= {{ cutoff }}, false), 1, 0)
        ) * cast(0.01 as decimal(3, 2)) as decimal(28, 2)
    )
{%- endmacro %}


{# What a conversion cost, rounded half up; null without conversions. A sum of fractions that is a whole number counts as
   one, and is divided by exactly: as doubles 1234567.89 / 6 is below the half cent that it is. Other sums have no exact
   value to begin with; nine digits are those that their doubles are sure of. #}
{% macro cost_per_conversion(cost, conversions) -%}
    {%- set whole = 'round(' ~ conversions ~ ', 12)' -%}
    if(
        {{ whole }} = floor({{ whole }}),
        cast({{ cost }} / nullif(cast({{ whole }} as bigint), 0) as decimal(28, 2)),
        cast(cast({{ cost }} / {{ whole }} as decimal(38, 9)) as decimal(28, 2))
    )
{%- endmacro %}
