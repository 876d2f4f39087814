{#
    The host of a URL: lower case, without scheme, user, port, trailing dot and `www.`; null if there is none.
    The scheme may be missing; then only a name with a dot is a host. `android-app://com.app/...` gives the app's package.
    What has signs in it that no name has (`https://$(x)/`) is no host.
    Nearly all URLs have the plain form of the first pattern; the second one reads every form, at several times the price.
#}
{% macro url_host(url) -%}
    nullif(
        coalesce(
            nullif(
                regexp_extract({{ url }}, '^https?://(?:www[.])?([a-z0-9-]++(?:[.][a-z0-9-]++)*+)(?:[/?#]|\\z)', 1),
                ''
            ),
            if(
                instr({{ url }}, '.') > 0 or instr({{ url }}, '//') > 0,
                regexp_replace(
                    lower(regexp_extract(
                        {{ url }},
                        '^(?U)(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#\\\\]*@)?'
                        || '|(?:[^/?# ]*@)?(?=[\\w-]++[.][\\w-]))'
                        || '([\\w-]++(?:[.][\\w-]++)*+[.]?)(?::[0-9]*+)?(?:[/?#\\\\]|\\z)',
                        1
                    )),
                    '^www[.]|[.]$',
                    ''
                ),
                null
            )
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

{#
    The value of the most particular rule of base_host_rules that names the host or a parent domain of it; null if none
    does. Hosts of up to three labels, nearly all, have two names to look for; longer ones are tried from the longest
    name that a rule can have: seven labels (lib/rules.py), of which the last may stand for two.
#}
{% macro matched_host_rule(rules, host) -%}
    if(
        {{ rules }} is null,
        null,
        coalesce(
            try_element_at({{ rules }}, {{ host }}),
            if(
                substring_index({{ host }}, '.', -3) = {{ host }},
                try_element_at({{ rules }}, {{ host_key(host) }}),
                try_element_at(
                    filter(
                        transform(
                            sequence(8, 2, -1),
                            labels -> try_element_at({{ rules }}, substring_index({{ host }}, '.', -labels))
                        ),
                        rule -> rule is not null
                    ),
                    1
                )
            )
        )
    )
{%- endmacro %}
