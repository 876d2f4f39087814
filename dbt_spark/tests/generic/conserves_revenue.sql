{#
    Fails with both totals unless the column adds up, to the cent, to the revenue of all purchases in stg_events; with
    `groups` in each group.
#}
{% test conserves_revenue(model, column, groups=[]) %}

with

purchases as (

    select coalesce(sum(revenue), 0) as total from {{ ref('stg_events') }}

),

model_totals as (

    select coalesce(sum({{ column }}), 0) as total
    from {{ model }}{% if groups %} group by {{ groups | join(', ') }}{% endif %}

)

select
    purchases.total as purchased,
    model_totals.total as accounted_for
from purchases
cross join model_totals
where purchases.total <> model_totals.total

{% endtest %}
