{#
    The host of a URL: lower case, without scheme, user, port, trailing dot and `www.`; null if there is none.
    The scheme may be missing; then only a name with a dot is a host. `android-app://com.app/...` gives the app's package.
#}
{% macro url_host(url) -%}
    nullif(
        regexp_replace(
            lower(coalesce(
                nullif(
                    regexp_extract({{ url }}, '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#]*@)?([^]\\[\\\\/?#:@ ]+)', 1),
                    ''
                ),
                regexp_extract({{ url }}, '^(?:[^/?# ]*@)?([^]\\[\\\\/?#:@ ]+[.][^]\\[\\\\/?#:@ ]+)(?:[:/?#]|$)', 1)
            )),
            '^www[.]|[.]$',
            ''
        ),
        ''
    )
{%- endmacro %}

{# Whether two hosts are one site: the same, or one a parent domain of the other. #}
{% macro is_same_site(host, other_host) -%}
    coalesce(
        {{ host }} = {{ other_host }}
        or endswith({{ host }}, concat('.', {{ other_host }}))
        or endswith({{ other_host }}, concat('.', {{ host }})),
        false
    )
{%- endmacro %}

{#
    The key under which base_host_rules keeps all rules that can match a host: its last two labels,
    since every parent domain that a rule can name ends in them; a word without a dot is its own key.
#}
{% macro host_key(host) -%}
    substring_index({{ host }}, '.', -2)
{%- endmacro %}

{# The value of the most particular rule of base_host_rules that names the host or a parent domain of it; null if none does. #}
{% macro matched_host_rule(rules, host) -%}
    try_element_at(
        filter({{ rules }}, rule -> {{ host }} = rule.host or endswith({{ host }}, concat('.', rule.host))),
        1
    ).value
{%- endmacro %}
