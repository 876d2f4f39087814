"""How URLs are read and hosts compared (SPEC.md sections 1 and 3)."""

from pyspark.sql import types

from tests.spark.macros import render

HOST = "url_host('text')"
SOURCE = "trimmed(query_parameter(query_parameters('text'), 'utm_source'))"


# --- Query strings --------------------------------------------------------------------------------


def test_the_query_string_is_between_the_first_question_mark_and_the_fragment(assert_answers):
    assert_answers(
        "query_string('text')",
        {
            "https://a.example/p?x=1&y=2": "x=1&y=2",
            "https://a.example?x=1": "x=1",
            "https://a.example/p?x=1#y=2": "x=1",
            "https://a.example/p?x=1#f?y=2": "x=1",
            "https://a.example/p?x=1?y=2": "x=1?y=2",
            "https://a.example/p?x=https://b.example/": "x=https://b.example/",
            "/p?x=1": "x=1",
            "?x=1": "x=1",
            "android-app://com.app/x?y=1": "y=1",
        },
    )


def test_a_url_without_a_query_string_has_none(assert_answers):
    assert_answers(
        "query_string('text')",
        {
            "https://a.example/p": None,
            "https://a.example/p?": None,
            "https://a.example/p?#x=1": None,
            "https://a.example/p#f?x=1": None,
            "x=1&y=2": None,
            "": None,
            None: None,
        },
    )


def test_a_parameter_is_found_wherever_it_stands_whatever_its_case(assert_answers):
    assert_answers(
        SOURCE,
        {
            "utm_source=news": "news",
            "utm_source=news&x=1": "news",
            "x=1&utm_source=news": "news",
            "x=1&utm_source=news&y=2": "news",
            "UTM_SOURCE=News": "News",
            "Utm_Source=news&x": "news",
            "&&utm_source=news&&": "news",
            "x&utm_source=a=b": "a=b",
            "redirect=?utm_source=inner&utm_source=outer": "outer",
        },
    )


def test_a_parameter_without_a_value_or_with_another_name_is_missing(assert_answers):
    assert_answers(
        SOURCE,
        {
            "utm_source=": None,
            "utm_source": None,
            "utm_source=&x=1": None,
            "my_utm_source=news": None,
            "utm_source2=news": None,
            "utm_source_platform=news": None,
            "utm-source=news": None,
            "utmXsource=news": None,
            "x=utm_source=news": None,
            "": None,
            None: None,
        },
    )


def test_of_a_repeated_parameter_the_first_that_is_not_empty_counts(assert_answers):
    assert_answers(
        SOURCE,
        {
            "utm_source=a&utm_source=b": "a",
            "utm_source=&utm_source=b": "b",
            "utm_source&utm_source=b": "b",
            "utm_source=+&utm_source=%20%09&utm_source=+b+": "b",
            "UTM_SOURCE=a&utm_source=b": "a",
        },
    )


def test_a_value_is_decoded_once(assert_answers):
    assert_answers(
        SOURCE,
        {
            "utm_source=spring%20sale": "spring sale",
            "utm_source=spring+sale": "spring sale",
            "utm_source=a%2Bb": "a+b",
            "utm_source=a%26b%3Dc%23d": "a&b=c#d",
            "utm_source=caf%C3%A9": "café",
            "utm_source=caf%c3%a9": "café",
            "utm_source=café": "café",
            "utm_source=%F0%9F%98%80": "\U0001f600",
            "utm_source=100%2525": "100%25",
        },
    )


def test_a_value_that_cannot_be_decoded_stays_as_it_is(assert_answers):
    assert_answers(
        SOURCE,
        {
            "utm_source=100%": "100%",
            "utm_source=100%&x=1": "100%",
            "utm_source=%zz": "%zz",
            "utm_source=%4": "%4",
            "utm_source=50%+off": "50%+off",
            "utm_source=a+%zz": "a+%zz",
            "utm_source=caf%E9": "caf%E9",
            "utm_source=%C3": "%C3",
            "utm_source=a%20b%E9": "a%20b%E9",
        },
    )


# --- Hosts ----------------------------------------------------------------------------------------


def test_a_host_is_lower_case_without_www(assert_answers):
    assert_answers(
        HOST,
        {
            "https://www.google.com/search?q=x": "google.com",
            "https://google.com": "google.com",
            "HTTPS://WWW.Google.COM/": "google.com",
            "http://m.facebook.com/": "m.facebook.com",
            "https://www2.a.example/": "www2.a.example",
            "https://wwwa.example/": "wwwa.example",
            "https://a.www.example/": "a.www.example",
            "https://www.bücher.example/": "bücher.example",
            "https://xn--bcher-kva.example/": "xn--bcher-kva.example",
            "http://192.168.0.1/": "192.168.0.1",
            "http://localhost/": "localhost",
            "//a.example/p": "a.example",
        },
    )


def test_a_host_has_no_port_user_or_trailing_dot(assert_answers):
    assert_answers(
        HOST,
        {
            "http://a.example:8080/p": "a.example",
            "http://a.example:8080": "a.example",
            "http://a.example:/": "a.example",
            "https://user@a.example/": "a.example",
            "https://user:secret@a.example:443/": "a.example",
            "https://user:p%40ss@www.a.example/": "a.example",
            "https://a.example./": "a.example",
            "https://www.a.example.:80/": "a.example",
            "http://localhost:3000/": "localhost",
        },
    )


def test_a_host_ends_where_the_path_query_or_fragment_begins(assert_answers):
    assert_answers(
        HOST,
        {
            "https://a.example?x=b.example": "a.example",
            "https://a.example#b.example": "a.example",
            "https://a.example/?x=user@b.example": "a.example",
            "https://a.example?user@b.example": "a.example",
            "https://a.example/https://b.example/": "a.example",
            "https://a.example/p:80": "a.example",
        },
    )


def test_an_android_app_counts_by_its_package(assert_answers):
    assert_answers(
        HOST,
        {
            "android-app://com.google.android.gm": "com.google.android.gm",
            "android-app://com.google.android.gm/": "com.google.android.gm",
            "android-app://com.google.android.googlequicksearchbox/https/www.google.com": (
                "com.google.android.googlequicksearchbox"
            ),
            "Android-App://Com.Slack/": "com.slack",
        },
    )


def test_without_a_scheme_only_a_name_with_a_dot_is_a_host(assert_answers):
    assert_answers(
        HOST,
        {
            "google.com": "google.com",
            "www.google.com": "google.com",
            "Google.com/search?q=x": "google.com",
            "a.example:8080/p": "a.example",
            "a.example?x=1": "a.example",
            "a.example.": "a.example",
            "localhost": None,
            "google": None,
            "search/a.example": None,
            "/a.example": None,
            "?u=a.example": None,
            "a. example": None,
            "see a.example": None,
            "not a url": None,
        },
    )


def test_what_names_no_host_has_none(assert_answers):
    texts = [None, "", "null", "(direct)", "https://", "https:///p", "about:blank", "//", "/", "-"]
    assert_answers(HOST, dict.fromkeys(texts))


def test_what_is_no_name_is_no_host(assert_answers):
    texts = [
        "https://$(touch x)/",
        "https://'; drop table x; --/",
        "https://<script>/",
        "https://{{ 7 }}.example/",
        "https://=1+1/x",
        "https://a b.example/",
        "https://a.example:80:90/",
        "https://a..example/",
        "https://.example/",
        "https://a\x00.example/",
        "a.example,b.example",
        "$(a.example)",
    ]
    assert_answers(HOST, dict.fromkeys(texts))


def test_a_backslash_ends_a_host_as_in_a_browser(assert_answers):
    assert_answers(
        HOST,
        {
            "https://a.example\\p": "a.example",
            "https://a.example\\@b.example/": "a.example",
        },
    )


def test_a_host_of_a_megabyte_is_read(assert_answers):
    long = "a." * 500_000 + "example"
    assert_answers(
        HOST, {f"HTTPS://{long}/": long, f"HTTPS://{long}$": None, f"x{long}": f"x{long}"}
    )


# --- Sites ----------------------------------------------------------------------------------------


def same_site(spark, pairs):
    rows = [(host, other) for host, other in pairs]
    given = spark.createDataFrame(rows, "host string, other_host string")
    sql = render("is_same_site('host', 'other_host')")
    return [row.answer for row in given.selectExpr(f"{sql} as answer").collect()]


def test_a_host_its_parents_and_its_subdomains_are_one_site(spark):
    pairs = [
        ("shop.a.example", "shop.a.example"),
        ("a.example", "shop.a.example"),
        ("shop.a.example", "a.example"),
        ("b.shop.a.example", "a.example"),
    ]
    assert same_site(spark, pairs) == [True] * len(pairs)


def test_siblings_lookalikes_and_the_unknown_are_other_sites(spark):
    pairs = [
        ("shop.a.example", "blog.a.example"),
        ("nota.example", "a.example"),
        ("a.example", "nota.example"),
        ("a.example", "a.example.evil.example"),
        ("a.example", None),
        (None, "a.example"),
        (None, None),
    ]
    assert same_site(spark, pairs) == [False] * len(pairs)


# --- Rules ----------------------------------------------------------------------------------------


def test_a_hosts_rules_are_kept_under_its_last_two_labels(assert_answers):
    assert_answers(
        "host_key('text')",
        {
            "google.com": "google.com",
            "mail.google.com": "google.com",
            "a.b.c.google.co.uk": "co.uk",
            "com.google.android.gm": "android.gm",
            "google": "google",
            None: None,
        },
    )


RULED = types.StructType(
    [
        types.StructField("rules", types.MapType(types.StringType(), types.StringType())),
        types.StructField("host", types.StringType()),
    ]
)
GOOGLE = {"google.com": "search", "docs.google.com": "none"}


def matched(spark, *rows):
    given = spark.createDataFrame(list(rows), RULED)
    sql = render("matched_host_rule('rules', 'host')")
    return [row.answer for row in given.selectExpr(f"{sql} as answer").collect()]


def test_the_most_particular_rule_that_names_a_host_or_a_parent_domain_counts(spark):
    hosts = ["google.com", "images.google.com", "docs.google.com", "x.docs.google.com"]
    answers = matched(spark, *((GOOGLE, host) for host in hosts))
    assert answers == ["search", "search", "none", "none"]


def test_a_host_that_only_ends_in_the_same_letters_matches_no_rule(spark):
    hosts = ["notgoogle.com", "com", "google.com.evil.example", "bing.com"]
    assert matched(spark, *((GOOGLE, host) for host in hosts)) == [None] * 4


def test_a_word_matches_the_rule_of_that_very_word(spark):
    word = {"google": "search"}
    assert matched(spark, (word, "google"), (word, "google ads")) == ["search", None]


def test_without_rules_or_a_host_nothing_matches(spark):
    assert matched(spark, ({}, "google.com"), (None, "google.com"), (GOOGLE, None)) == [None] * 3


def test_rules_of_up_to_eight_labels_are_found(spark):
    long = "a.b.c.d.e.f.g.example"
    hosts = [long, f"x.{long}", f"y.x.{long}", long[2:]]
    assert matched(spark, *(({long: "search"}, host) for host in hosts)) == ["search"] * 3 + [None]
