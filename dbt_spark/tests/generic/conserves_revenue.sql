{#
    Fails with both totals unless the column adds up, to the cent, to the revenue of all conversions; with `groups` in each
    group. That conversions have the revenue of all events is tested once, of them, with `of`: each mart that asked the
    events would read all of them again.
#}
{% test conserves_revenue(model, column, groups=[], of=none) %}

with

purchases as (

    select coalesce(sum(revenue), 0) as total from {{ of or ref('int_conversions_attributed') }}

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
