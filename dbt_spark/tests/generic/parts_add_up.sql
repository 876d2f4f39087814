{# Fails for each key whose parts do not add up to its whole, an expression that is equal on all rows of a key. #}
{% test parts_add_up(model, keys, part, whole) %}

select
    {{ keys | join(', ') }},
    sum({{ part }}) as parts,
    max({{ whole }}) as whole
from {{ model }}
group by {{ keys | join(', ') }}
having sum({{ part }}) <> max({{ whole }})

{% endtest %}
