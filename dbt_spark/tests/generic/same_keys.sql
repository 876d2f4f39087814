{# Fails for each key that only one of the two relations has. #}
{% test same_keys(model, columns, to) %}

(
    select {{ columns | join(', ') }}, 'missing' as problem from {{ to }}
    except
    select {{ columns | join(', ') }}, 'missing' as problem from {{ model }}
)
union all
(
    select {{ columns | join(', ') }}, 'unexpected' as problem from {{ model }}
    except
    select {{ columns | join(', ') }}, 'unexpected' as problem from {{ to }}
)

{% endtest %}
