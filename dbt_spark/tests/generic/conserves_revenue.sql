{# Fails with both totals unless the column adds up, to the cent, to the revenue of all purchases in stg_events. #}
{% test conserves_revenue(model, column) %}

with

purchases as (

    select coalesce(sum(revenue), 0) as total from {{ ref('stg_events') }}

),

model_totals as (

    select coalesce(sum({{ column }}), 0) as total from {{ model }}

)

select
    purchases.total as purchased,
    model_totals.total as accounted_for
from purchases
cross join model_totals
where purchases.total <> model_totals.total

{% endtest %}
