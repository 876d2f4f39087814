{# Fails for each row of which the expression is not true; unknown (null) is not true. #}
{% test is_true(model, expression) %}

select *
from {{ model }}
where not coalesce({{ expression }}, false)

{% endtest %}
