{#
    The value of a parameter of a URL's query string, decoded; null if it is not there or empty.
    The name is matched whatever its case; of several the first that is not empty counts; what cannot
    be decoded stays as it is.
#}
{% macro query_parameter(query, name) -%}
    {%- set text = "nullif(regexp_extract(" ~ query ~ ", '(?i)(?:^|&)" ~ name ~ "=([^&]+)', 1), '')" -%}
    case
        when {{ query }} is not null
            then
                if(
                    instr(coalesce(try_url_decode({{ text }}), '\ufffd'), '\ufffd') > 0,
                    {{ text }},
                    try_url_decode({{ text }})
                )
    end
{%- endmacro %}

{# Everything between the first question mark and the fragment; null without one. #}
{% macro query_string(url) -%}
    nullif(regexp_extract({{ url }}, '^[^?#]*[?]([^#]*)', 1), '')
{%- endmacro %}

{#
    The host of a URL: lower case, without scheme, user, port, trailing dot and `www.`; null if there is none.
    The scheme may be missing; then only a name with a dot is a host. `android-app://com.app/...` gives the app's package.
#}
{% macro url_host(url) -%}
    nullif(
        regexp_replace(
            lower(coalesce(
                nullif(regexp_extract({{ url }}, '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:@ ]+)', 1), ''),
                regexp_extract({{ url }}, '^(?:[^/?#@ ]*@)?([^/?#:@ ]+[.][^/?#:@ ]+)(?:[:/?#]|$)', 1)
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
