"""The oracle's own cases, computed by hand from SPEC.md; nothing here knows the pipeline."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracle import (
    Config,
    RawRecord,
    Rules,
    compare,
    generate,
    generate_clients,
    read_files,
    record_from_raw_row,
    records_from,
    run,
    smallest_client,
    write_files,
)
from tests.oracle.attribution import bounded
from tests.oracle.channels import Evidence, evidence_of, host_of, query_parameter
from tests.oracle.compare import KEYS
from tests.oracle.delivery import UNREADABLE, Delivered, as_text
from tests.oracle.generate import REVENUES, STARTS, WINDOW
from tests.oracle.generate_faults import BAD_REVENUES, BAD_TIMES, BAD_TYPES
from tests.oracle.generate_spend import generate_spend
from tests.oracle.generate_times import time_text
from tests.oracle.records import is_placeholder, is_valid_event_time, parse_revenue, parse_time
from tests.oracle.sessions import Touch
from tests.oracle.staging import event_of, rejection_reason

LANDED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)
US = timedelta(microseconds=1)

PAID = "^(.*cp.*|ppc|retargeting|paid.*)$"
SHOP = "^(.*(([^a-df-z]|^)shop|shopping).*)$"
SEEDS = {
    "event_type_aliases": "alias,event_type\npageview,page_view\norder_completed,purchase\n",
    "click_ids": "rank,click_id,source,medium\n"
    "10,fbclid,facebook,\n9,ttclid,tiktok,paid_social\n2,msclkid,bing,cpc\n1,gclid,google,cpc\n",
    "channel_rules": "rank,channel,source_pattern,source_category,medium_pattern,campaign_pattern\n"
    "100,cross_network,,,,cross-network\n"
    f"200,paid_shopping,,shopping,{PAID},\n"
    f"210,paid_shopping,,,{PAID},{SHOP}\n"
    f"300,paid_search,,search,{PAID},\n"
    f"400,paid_social,,social,{PAID},\n"
    "600,display,,,^(display|cpm)$,\n"
    f"700,paid_other,,,{PAID},\n"
    f"810,organic_shopping,,,,{SHOP}\n"
    "900,organic_social,,social,,\n"
    "1100,organic_search,,search,,\n"
    "1110,organic_search,,,^organic$,\n"
    "1200,ai_assistant,,,^ai-assistant$,\n"
    "1300,referral,,,^(referral|app|link)$,\n"
    "1400,email,^(email|e-mail)$,,,\n"
    "1410,email,,,^(email|e-mail)$,\n",
    "source_categories": "source,category,origin\ngoogle,search,\nbing,search,\nyahoo.com,search,\n"
    "facebook,social,\nfacebook.com,social,\ntiktok,social,\nshopping.yahoo.com,shopping,\n"
    "google.{},search,\nmail.google.com,email,\ndocs.google.com,none,\nchatgpt.com,ai,\n"
    "com.google.android.gm,email,\n",
    "country_suffixes": "suffix\ncom\nde\nco.uk\n",
    "own_domains": "domain\nwww.own.example\n",
    "referral_exclusions": "domain,provider\npaypal.com,paypal\n",
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    directory = tmp_path_factory.mktemp("seeds")
    for name, text in SEEDS.items():
        (directory / f"{name}.csv").write_text(text, encoding="utf-8")
    return Rules.load(directory)


def record(**fields: object) -> RawRecord:
    return records_from([fields], LANDED_AT)[0]


def view(at: datetime, event_id: str, client_id: str = "c", **fields: object) -> Delivered:
    return {
        "client_id": client_id,
        "event_id": event_id,
        "event_time": at.isoformat(),
        "event_type": "page_view",
        **fields,
    }


def purchase(at: datetime, event_id: str, revenue: str, **fields: object) -> Delivered:
    return view(at, event_id, **{"event_type": "purchase", "revenue": revenue, **fields})


def tables(
    rules: Rules, delivered: Sequence[Delivered], config: Config | None = None
) -> dict[str, list[dict[str, object]]]:
    return run(records_from(delivered, LANDED_AT), [], rules, config)


def only(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    (row,) = rows
    return row


# --- Values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01", "2024-03-01T00:00:00+00:00"),
        ("2024-03-01T10:15", "2024-03-01T10:15:00+00:00"),
        ("2024-03-01 10:15:30", "2024-03-01T10:15:30+00:00"),
        ("2024-03-01t10:15:30z", "2024-03-01T10:15:30+00:00"),
        ("2024-03-01T10:15:30.1234569Z", "2024-03-01T10:15:30.123456+00:00"),
        ("2024-03-01T10:15:30,5+02:00", "2024-03-01T08:15:30.500000+00:00"),
        ("2024-03-01T10:15:30 +0530", "2024-03-01T04:45:30+00:00"),
        ("2024-03-01T10:15:30-09", "2024-03-01T19:15:30+00:00"),
        ("2024-03-01T10:15:30+18:00", "2024-02-29T16:15:30+00:00"),
        ("20240301T101530.25+0100", "2024-03-01T09:15:30.250000+00:00"),
        ("1709288130", "2024-03-01T10:15:30+00:00"),
        ("1709288130.1234569", "2024-03-01T10:15:30.123456+00:00"),
        ("1709288130123", "2024-03-01T10:15:30.123000+00:00"),
        ("1709288130123.4567", "2024-03-01T10:15:30.123456+00:00"),
        ("99999999999", "5138-11-16T09:46:39+00:00"),
        ("100000000000", "1973-03-03T09:46:40+00:00"),
        ("-1.5", "1969-12-31T23:59:58.500000+00:00"),
        ("-0.0000001", "1969-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_time_is_read_in_every_accepted_form(text: str, expected: str) -> None:
    parsed = parse_time(text)

    assert parsed is not None
    assert parsed.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T24:00:00Z",
        "2024-03-01T23:59:60Z",
        "2024-02-30",
        "2024-3-1",
        "2024-03-01T10",
        "2024-03-01T10:00:00.",
        "2024-03-01T10:00+18:01",
        "2024-03-01T10:00+01:60",
        "2024-03-01T10:00 UTC",
        "0001-01-01T00:00:00+18:00",
        "1e400",
        "NaN",
        "\u0661\u0662",
        "yesterday",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert parse_time(text) is None


def test_an_event_time_is_valid_from_2000_until_24_hours_after_landing() -> None:
    start, end = datetime(2000, 1, 1, tzinfo=UTC), LANDED_AT + timedelta(hours=24)

    assert is_valid_event_time(start, LANDED_AT)
    assert is_valid_event_time(end, LANDED_AT)
    assert not is_valid_event_time(start - US, LANDED_AT)
    assert not is_valid_event_time(end + US, LANDED_AT)
    assert not is_valid_event_time(None, LANDED_AT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e2", "100.00"),
        ("-0", "0.00"),
        ("-0.00", "0.00"),
        ("0.005", "0.01"),
        ("0.0049999999999999999999999999999999999", "0.00"),
        ("12.345", "12.35"),
        ("+3.1", "3.10"),
        ("1e-999999", "0.00"),
        ("0e999999", "0.00"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("9999999999999999.994999", "9999999999999999.99"),
        ("9999999999999999.995", None),
        ("1e16", None),
        ("1e99999999999999999999", None),
        ("-0.001", None),
        ("-1e-30", None),
        ("NaN", None),
        ("Infinity", None),
        ("1,000.00", None),
        ("5d", None),
        ("1_000", None),
        ("", None),
        (None, None),
    ],
)
def test_revenue_is_rounded_half_up_once_or_refused(text: str, expected: str | None) -> None:
    parsed = parse_revenue(text)

    assert (None if parsed is None else str(parsed)) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.COM:8443/a?b#c", "example.com"),
        ("http://user:p%40ss@sub.example.com./", "sub.example.com"),
        ("//cdn.example.com/x", "cdn.example.com"),
        ("google.de/search?q=http://other.example", "google.de"),
        ("https://a.example?x=/@b.example", "a.example"),
        ("https://my_shop.example/a b|c{d}", "my_shop.example"),
        ("https://b\u00dccher.example", "b\u00fccher.example"),
        ("android-app://com.Google.android.gm/https/x", "com.google.android.gm"),
        ("http://localhost:3000/", "localhost"),
        ("https://", None),
        ("/relative/path", None),
        ("not a url", None),
        ("null", None),
        ("about:blank", None),
        ("", None),
        (None, None),
    ],
)
def test_the_host_of_a_url(url: str | None, host: str | None) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("https://x.example/?utm_source=a", "a"),
        ("https://x.example/?q=1&UTM_Source=A+b%20c", "A b c"),
        ("https://x.example/?utm_source=&utm_source=second&utm_source=third", "second"),
        ("https://x.example/?utm_source=gr%C3%B6%C3%9Fe", "größe"),
        ("https://x.example/?utm_source=50%+off", "50%+off"),
        ("https://x.example/?utm_source=%E9", "%E9"),
        ("https://x.example/?utm_source=a=b#utm_source=c", "a=b"),
        ("https://x.example/#/route?utm_source=a", None),
        ("https://x.example/?utm_source=%20", None),
        ("https://x.example/?xutm_source=a&utm_sourcex=b", None),
        ("https://x.example/?utm_source", None),
        ("https://x.example/", None),
        (None, None),
    ],
)
def test_a_parameter_is_read_from_the_query_string_only(url: str | None, value: str | None) -> None:
    assert query_parameter(url, "utm_source") == value


# --- Channel of an event --------------------------------------------------------------------------

PAGE = "https://www.shop.example/p"
GOOGLE = "https://www.google.de/"
EVIDENCE_CASES = {
    "nothing": ({}, ("direct", None, None, None)),
    "tags keep their case": (
        {"utm_source": " Google ", "utm_medium": "CPC", "utm_campaign": "Spring"},
        ("paid_search", "Google", "CPC", "Spring"),
    ),
    "a blank column is filled from the URL, the column wins otherwise": (
        {
            "utm_source": "(Not Set)",
            "utm_medium": "Email",
            "page_url": f"{PAGE}?utm_source=News&utm_medium=cpc",
        },
        ("email", "News", "Email", None),
    ),
    "a click id fills source and medium": ({"gclid": "x"}, ("paid_search", "google", "cpc", None)),
    "a click id in the URL": (
        {"page_url": f"{PAGE}?MSCLKID=1"},
        ("paid_search", "bing", "cpc", None),
    ),
    "a click id that is missing": ({"gclid": "undefined"}, ("direct", None, None, None)),
    "a click id fills per field": (
        {"utm_source": "newsletter", "gclid": "x"},
        ("paid_other", "newsletter", "cpc", None),
    ),
    "click ids go by rank, which is a number": (
        {"fbclid": "x", "ttclid": "y"},
        ("paid_social", "tiktok", "paid_social", None),
    ),
    "fbclid alone is organic": (
        {"fbclid": "x"},
        ("organic_social", "facebook", None, None),
    ),
    "fbclid with a paid tag": (
        {"fbclid": "x", "utm_medium": "paid"},
        ("paid_social", "facebook", "paid", None),
    ),
    "a search engine": (
        {"referrer": GOOGLE, "page_url": PAGE},
        ("organic_search", "google.de", "organic", None),
    ),
    "the longest host decides": (
        {"referrer": "https://mail.google.com/"},
        ("email", "mail.google.com", "email", None),
    ),
    "a name is no parent domain": (
        {"utm_source": "summer.facebook", "utm_medium": "qr"},
        ("unassigned", "summer.facebook", "qr", None),
    ),
    "a country's host is the search engine": (
        {"utm_source": "news.google.co.uk", "utm_medium": "cpc"},
        ("paid_search", "news.google.co.uk", "cpc", None),
    ),
    "an exception below a search engine": (
        {"referrer": "https://docs.google.com/"},
        ("referral", "docs.google.com", "referral", None),
    ),
    "an AI assistant": (
        {"referrer": "https://chatgpt.com"},
        ("ai_assistant", "chatgpt.com", "ai-assistant", None),
    ),
    "an app": (
        {"referrer": "android-app://com.google.android.gm/"},
        ("email", "com.google.android.gm", "email", None),
    ),
    "a social network's subdomain": (
        {"referrer": "https://l.facebook.com/l.php"},
        ("organic_social", "l.facebook.com", "referral", None),
    ),
    "a campaign keeps the medium from being guessed": (
        {"referrer": GOOGLE, "utm_campaign": "x"},
        ("organic_search", "google.de", None, "x"),
    ),
    "a tagged source gets the referrer's medium": (
        {"referrer": GOOGLE, "utm_source": "newsletter"},
        ("organic_search", "newsletter", "organic", None),
    ),
    "a campaign alone is evidence": (
        {"utm_campaign": "Cross-Network 1"},
        ("cross_network", None, None, "Cross-Network 1"),
    ),
    "a term alone is none": ({"utm_term": "shoes"}, ("direct", None, None, None)),
    "the site itself": (
        {"referrer": "https://shop.example/", "page_url": PAGE},
        ("direct", None, None, None),
    ),
    "its subdomain": (
        {"referrer": "https://pay.shop.example", "page_url": PAGE},
        ("direct", None, None, None),
    ),
    "its parent": (
        {"referrer": "https://shop.example", "page_url": "https://a.b.shop.example/"},
        ("direct", None, None, None),
    ),
    "its sister is another site": (
        {"referrer": "https://a.shop.example", "page_url": "https://b.shop.example/"},
        ("referral", "a.shop.example", "referral", None),
    ),
    "a name that only ends alike": (
        {"referrer": "https://myshop.example", "page_url": "https://shop.example/"},
        ("referral", "myshop.example", "referral", None),
    ),
    "one's own domain": ({"referrer": "https://blog.own.example"}, ("direct", None, None, None)),
    "a payment provider": (
        {"referrer": "https://www.paypal.com/checkout", "page_url": PAGE},
        ("direct", None, None, None),
    ),
    "(direct) and (none)": (
        {"utm_source": "(Direct)", "utm_medium": "(None)", "utm_campaign": "x"},
        ("direct", None, None, None),
    ),
    "(direct) without medium": ({"utm_source": "(direct)"}, ("direct", None, None, None)),
    "(direct) and (not set)": (
        {"utm_source": "(direct)", "utm_medium": "(not set)"},
        ("direct", None, None, None),
    ),
    "(direct) with a real medium": (
        {"utm_source": "(direct)", "utm_medium": "email"},
        ("email", "(direct)", "email", None),
    ),
    "a self-referral that was written down": (
        {"utm_source": "Pay.Shop.example", "utm_medium": "Referral", "page_url": PAGE},
        ("direct", None, None, None),
    ),
    "an excluded source that was written down": (
        {"utm_source": "www.paypal.com", "page_url": PAGE},
        ("direct", None, None, None),
    ),
    "one's own newsletter": (
        {"utm_source": "shop.example", "utm_medium": "email", "page_url": PAGE},
        ("email", "shop.example", "email", None),
    ),
    "the sender's channel stands": (
        {"channel": " Paid Social-X ", "gclid": "x", "utm_source": "TV", "referrer": GOOGLE},
        ("paid_social_x", "TV", None, None),
    ),
    "the sender's direct is no evidence": (
        {"channel": "(None)", "utm_source": "google", "utm_medium": "cpc"},
        ("direct", None, None, None),
    ),
    "the sender said nothing": (
        {"channel": "(not set)", "gclid": "x"},
        ("paid_search", "google", "cpc", None),
    ),
    "a source category goes by the longest parent": (
        {"utm_source": "x.Shopping.Yahoo.com", "utm_medium": "cpc"},
        ("paid_shopping", "x.Shopping.Yahoo.com", "cpc", None),
    ),
    "www. is no part of a source's name": (
        {"utm_source": "www.yahoo.com", "utm_medium": "cpm"},
        ("paid_search", "www.yahoo.com", "cpm", None),
    ),
    "cpm of an unknown source is display": (
        {"utm_source": "adnet", "utm_medium": "cpm"},
        ("display", "adnet", "cpm", None),
    ),
    "eshop is a shop": ({"utm_campaign": "eshop"}, ("organic_shopping", None, None, "eshop")),
    "workshop is no shop": ({"utm_campaign": "workshop"}, ("unassigned", None, None, "workshop")),
    "source and medium that match no rule": (
        {"utm_source": "flyer", "utm_medium": "qr"},
        ("unassigned", "flyer", "qr", None),
    ),
}


@pytest.mark.parametrize(("fields", "expected"), EVIDENCE_CASES.values(), ids=EVIDENCE_CASES)
def test_the_channel_of_an_event(
    rules: Rules, fields: dict[str, str], expected: tuple[str, str | None, str | None, str | None]
) -> None:
    assert evidence_of(record(**fields), rules) == Evidence(*expected)


# --- Staging --------------------------------------------------------------------------------------


def test_the_first_reason_in_order_is_given(rules: Rules) -> None:
    given = purchase(NOON, "e", "1")
    faults: list[tuple[str, Delivered]] = [
        ("invalid_revenue", {"revenue": "-1"}),
        ("unknown_event_type", {"event_type": "refund"}),
        ("invalid_event_time", {"event_time": "1999-12-31"}),
        ("missing_client_id", {"client_id": "  "}),
        ("unreadable_record", {UNREADABLE: "{"}),
    ]

    assert rejection_reason(record(**given), rules) is None
    for reason, fault in faults:
        given |= fault  # the faults before it in this list are still there
        assert rejection_reason(record(**given), rules) == reason


def test_a_page_view_ignores_its_revenue(rules: Rules) -> None:
    row = only(
        tables(rules, [view(NOON, "e", revenue="NaN", event_type=" PageView")])["stg_events"]
    )

    assert (row["event_type"], row["revenue"]) == ("page_view", None)


def test_the_earliest_valid_one_of_an_id_stays(rules: Rules) -> None:
    result = tables(
        rules,
        [
            view(NOON, "e", platform="late"),
            view(NOON - US, " e ", platform="early"),
            view(NOON - 2 * US, "e", event_type="click"),
            view(NOON - 3 * US, "e", client_id="C", platform="other client"),
        ],
    )

    assert [row["platform"] for row in result["stg_events"]] == ["other client", "early"]
    reasons = [(row["event_id"], row["reason"]) for row in result["rejected_events"]]
    assert sorted(reasons) == [("e", "duplicate_event_id"), ("e", "unknown_event_type")]


def test_the_same_record_without_id_is_one_event(rules: Rules) -> None:
    one = {"client_id": "c", "event_time": "2024-01-01", "event_type": "page_view"}
    again = {**one, "CLIENT_ID ": "c", "event_id": " ", "loyalty": ""}
    del again["client_id"]
    other = {**one, "loyalty": "gold"}

    result = tables(rules, [one, again, other])

    assert len(result["stg_events"]) == 2
    assert all(is_placeholder(row["event_id"]) for row in result["stg_events"])
    assert only(result["rejected_events"]) == {
        "client_id": "c",
        "event_id": None,
        "reason": "duplicate_event_id",
        "source_sha256": "generated",
        "source_position": 2,
    }


def test_a_client_is_told_from_its_events_and_its_record(rules: Rules) -> None:
    events = [
        view(NOON, "a", user_id="login-1"),
        purchase(NOON + US, "b", "1.005", platform="ios", user_id="login-2"),
        view(NOON + 2 * US, "c"),
    ]
    clients = [
        {"client_id": " c", "created_at": "2024-01-02", "country": "AT", "platform": "web"},
        {"client_id": "quiet", "user_id": "u", "created_at": "soon", "platform": "web"},
        {"country": "DE"},
    ]

    rows = run(records_from(events, LANDED_AT), records_from(clients, LANDED_AT), rules)

    assert rows["stg_clients"] == [
        {
            "client_id": "c",
            "first_seen_at": NOON,
            "last_seen_at": NOON + 2 * US,
            "first_platform": "ios",
            "event_count": 3,
            "page_view_count": 2,
            "purchase_count": 1,
            "total_revenue": Decimal("1.01"),
            "user_id": "login-2",
            "created_at": datetime(2024, 1, 2, tzinfo=UTC),
            "country": "AT",
        },
        {
            "client_id": "quiet",
            "first_seen_at": None,
            "last_seen_at": None,
            "first_platform": "web",
            "event_count": 0,
            "page_view_count": 0,
            "purchase_count": 0,
            "total_revenue": Decimal("0.00"),
            "user_id": "u",
            "created_at": None,
            "country": None,
        },
    ]


# --- Sessions and touches -------------------------------------------------------------------------

HALF_HOUR = timedelta(minutes=30)
CPC = {"utm_source": "google", "utm_medium": "cpc"}
MAIL = {"utm_source": "news", "utm_medium": "email"}


@pytest.mark.parametrize(
    ("gap", "sessions"), [(HALF_HOUR - US, 1), (HALF_HOUR, 1), (HALF_HOUR + US, 2)]
)
def test_a_session_ends_after_more_than_thirty_minutes(
    rules: Rules, gap: timedelta, sessions: int
) -> None:
    midnight = datetime(2024, 3, 1, tzinfo=UTC)

    result = tables(rules, [view(midnight - US, "a"), purchase(midnight - US + gap, "b", "1")])

    journey = only(result["client_journeys"])
    assert (journey["session_count"], journey["touch_count"]) == (sessions, sessions)


def test_touches_are_new_evidence_and_direct_starts(rules: Rules) -> None:
    minute = timedelta(minutes=1)
    history = [
        view(NOON, "1"),  # (b): a direct start
        view(NOON + minute, "2", **CPC),  # (a)
        view(NOON + 2 * minute, "3"),  # nothing
        view(NOON + 3 * minute, "4", **CPC),  # the same evidence again
        view(NOON + 4 * minute, "5", **MAIL),  # (a)
        view(NOON + 5 * minute, "6", **CPC),  # (a): not the same as just before
        view(NOON + 5 * minute + HALF_HOUR + US, "7", **CPC),  # (a): a new session
        purchase(NOON + 6 * minute + HALF_HOUR, "8", "1", **MAIL),  # a purchase can be a touch
    ]

    result = tables(rules, history)

    path = only(result["conversion_paths"])
    assert [touch["event_id"] for touch in path["touches"]] == list("125678")
    assert path["channel_path"] == (
        "direct > paid_search > email > paid_search > paid_search > email"
    )
    assert (path["touch_count"], path["marketing_touch_count"]) == (6, 5)
    assert only(result["client_journeys"])["session_count"] == 2
    by_channel = {row["channel"]: row for row in result["channel_performance"]}
    assert by_channel["paid_search"]["sessions"] == 2  # first evidence, not the direct start
    assert (by_channel["email"]["sessions"], by_channel["email"]["conversion_rate"]) == (0, None)


def test_equal_times_go_by_the_text_of_the_id(rules: Rules) -> None:
    history = [
        view(NOON, "e9", **CPC),
        view(NOON, "e10", **MAIL),
        view(NOON, "E9", utm_campaign="x"),
        purchase(NOON, "a", "1"),
    ]

    result = tables(rules, history)

    assert only(result["first_touch_attribution"])["channel"] == "unassigned"
    assert only(result["last_touch_attribution"])["channel"] == "paid_search"
    # "E9" sorts first, so it opens the session and the purchase is no direct touch
    assert only(result["conversion_paths"])["channel_path"] == "unassigned > email > paid_search"


# --- Conversions and the window -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "status", "channel", "attributed"),
    [
        (WINDOW - US, "marketing", "paid_search", "10.00"),
        (WINDOW, "marketing", "paid_search", "10.00"),
        (WINDOW + US, "outside_window", "unattributed", "0.00"),
        (timedelta(0), "marketing", "paid_search", "10.00"),
        (-US, "direct", "direct", "10.00"),
    ],
)
def test_the_window_includes_both_ends(
    rules: Rules, before: timedelta, status: str, channel: str, attributed: str
) -> None:
    result = tables(rules, [purchase(NOON, "p", "10"), view(NOON - before, "v", **CPC)])

    for model in ("first_touch_attribution", "last_touch_attribution"):
        row = only(result[model])
        assert (row["attribution_status"], row["channel"]) == (status, channel)
        assert (row["revenue"], row["attributed_revenue"]) == (Decimal(10), Decimal(attributed))
        assert row["touch_at"] == (NOON - before if status == "marketing" else None)
        assert row["source"] == ("google" if status == "marketing" else None)


def test_the_window_is_hours_and_not_days_when_the_clock_changes(rules: Rules) -> None:
    # 30 calendar days in Berlin, but 30 x 24 hours less one: the clock went forward in between
    inside = {"event_time": "2024-03-10T12:00:00+01:00"}
    # 30 calendar days, and one hour more: the clock went back
    outside = {"event_time": "2024-10-10T12:00:00+02:00"}
    history = [
        {**view(NOON, "v", "spring", **CPC), **inside},
        {
            **purchase(NOON, "p", "1"),
            "client_id": "spring",
            "event_time": "2024-04-09T12:00:00+02:00",
        },
        {**view(NOON, "v", "autumn", **CPC), **outside},
        {
            **purchase(NOON, "p", "1"),
            "client_id": "autumn",
            "event_time": "2024-11-09T12:00:00+01:00",
        },
    ]

    rows = tables(rules, history)["last_touch_attribution"]

    statuses = {row["client_id"]: row["attribution_status"] for row in rows}
    assert statuses == {"spring": "marketing", "autumn": "outside_window"}


def test_outside_the_window_can_be_direct_with_the_revenue(rules: Rules) -> None:
    history = [view(NOON - WINDOW - US, "v", **CPC), purchase(NOON, "p", "10")]

    result = tables(rules, history, Config(outside_window_channel="direct"))

    row = only(result["last_touch_attribution"])
    assert (row["channel"], row["attribution_status"]) == ("direct", "outside_window")
    assert row["attributed_revenue"] == Decimal("10.00")
    channels = {row["channel"]: row for row in result["channel_performance"]}
    assert channels["direct"]["unattributed_revenue"] == Decimal("0.00")
    assert "unattributed" not in channels


def test_purchases_at_one_instant_are_one_conversion(rules: Rules) -> None:
    history = [
        purchase(NOON, "b", "0.10", order_id="o1"),
        purchase(NOON, "a", "0.20"),
        purchase(NOON + US, "c", "5"),
    ]

    first, second = tables(rules, history)["conversion_paths"]

    assert (first["revenue"], first["purchase_count"]) == (Decimal("0.30"), 2)
    assert (first["event_ids"], first["order_ids"]) == (["a", "b"], ["o1"])
    assert (second["revenue"], second["event_ids"]) == (Decimal("5.00"), ["c"])


def test_every_conversion_looks_back_on_its_own(rules: Rules) -> None:
    history = [
        view(NOON, "1", **CPC),
        purchase(NOON + timedelta(days=10), "2", "10"),
        view(NOON + timedelta(days=20), "3", **MAIL),
        purchase(NOON + timedelta(days=30), "4", "20"),
        purchase(NOON + timedelta(days=50, microseconds=1), "5", "40"),
    ]

    result = tables(rules, history)

    first = [row["channel"] for row in result["first_touch_attribution"]]
    last = [row["channel"] for row in result["last_touch_attribution"]]
    assert first == ["paid_search", "paid_search", "unattributed"]
    assert last == ["paid_search", "email", "unattributed"]
    assert result["channel_performance"] == [
        {
            "channel": "direct",
            "sessions": 3,
            "touches": 3,
            "clients": 1,
            "assisted_conversions": 0,
            "first_touch_conversions": 0,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 0,
            "last_touch_revenue": Decimal("0.00"),
            "conversion_rate": 0.0,
            "average_order_value": None,
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": None,
            "roas": None,
        },
        {
            "channel": "email",
            "sessions": 1,
            "touches": 1,
            "clients": 1,
            "assisted_conversions": 0,
            "first_touch_conversions": 0,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("20.00"),
            "conversion_rate": 1.0,
            "average_order_value": Decimal("20.00"),
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
        {
            "channel": "paid_search",
            "sessions": 1,
            "touches": 1,
            "clients": 1,
            "assisted_conversions": 1,
            "first_touch_conversions": 2,
            "first_touch_revenue": Decimal("30.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("10.00"),
            "conversion_rate": 1.0,
            "average_order_value": Decimal("10.00"),
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
        {
            "channel": "unattributed",
            "sessions": 0,
            "touches": 0,
            "clients": 0,
            "assisted_conversions": 0,
            "first_touch_conversions": 1,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("0.00"),
            "conversion_rate": None,
            "average_order_value": Decimal("40.00"),
            "unattributed_revenue": Decimal("40.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
    ]


def test_the_journey_goes_from_the_first_touch_to_the_last_purchase(rules: Rules) -> None:
    history = [
        view(NOON - timedelta(days=400), "1"),
        view(NOON - timedelta(days=2) + US, "2", **CPC),
        purchase(NOON - timedelta(days=1), "3", "1"),
        purchase(NOON, "4", "2", utm_campaign="x"),
        view(NOON + US, "5", **MAIL),
    ]

    assert only(tables(rules, history)["client_journeys"]) == {
        "client_id": "c",
        "first_touch_at": NOON - timedelta(days=400),
        "first_touch_channel": "direct",
        "first_purchase_at": NOON - timedelta(days=1),
        "last_purchase_at": NOON,
        "journey_length_days": 400,
        "days_to_first_purchase": 399,
        "session_count": 4,
        "touch_count": 4,
        "purchase_count": 2,
        "total_revenue": Decimal("3.00"),
        "channel_path": "direct > paid_search > direct > unassigned",
        "is_path_truncated": False,
    }


def test_every_touch_is_explained(rules: Rules) -> None:
    day = timedelta(days=1)
    history = [
        view(NOON - 60 * day, "older", **MAIL),
        view(NOON - 40 * day, "old", **MAIL),
        view(NOON - 35 * day, "old direct"),
        view(NOON - 20 * day, "first", **CPC),
        view(NOON - 10 * day, "direct"),
        view(NOON - 5 * day, "between", **MAIL),
        purchase(NOON, "last", "1", **CPC),
    ]

    rows = tables(rules, history)["attribution_explain"]

    explained = [(row["event_id"], row["decision"]) for row in rows]
    assert explained == [
        ("old", "outside_window"),
        ("first", "credited"),
        ("direct", "direct_excluded"),
        ("between", "between"),
        ("last", "credited"),
    ]
    assert [row["age_seconds"] for row in rows] == [86400 * n for n in (40, 20, 10, 5, 0)]
    assert [row["event_id"] for row in rows if row["is_first_touch"]] == ["first"]
    assert [row["event_id"] for row in rows if row["is_last_touch"]] == ["last"]


def test_direct_touches_are_explained_by_what_is_known_of_marketing(rules: Rules) -> None:
    alone = tables(rules, [view(NOON - US, "v"), purchase(NOON, "p", "1")])
    after_old = tables(rules, [view(NOON - 31 * WINDOW, "v", **CPC), purchase(NOON, "p", "1")])

    assert [row["decision"] for row in alone["attribution_explain"]] == ["direct_only"]
    decisions = [row["decision"] for row in after_old["attribution_explain"]]
    assert decisions == ["outside_window", "direct_excluded"]
    assert not any(row["is_first_touch"] for row in alone["attribution_explain"])


@pytest.mark.parametrize(
    ("path", "limit", "kept"),
    [
        ("dmmd", 4, "0123"),
        ("dmdmd", 3, "134"),
        ("dddmd", 3, "234"),
        ("ddmdd", 3, "234"),
        ("dmddd", 3, "134"),
        ("ddddd", 3, "234"),
        ("mmmmm", 1, "0"),
        ("ddddm", 1, "4"),
    ],
)
def test_a_long_list_keeps_its_first_marketing_touch_and_the_latest(
    path: str, limit: int, kept: str
) -> None:
    channels = {"d": Evidence("direct"), "m": Evidence("email")}
    touches = [Touch(NOON + n * US, str(n), channels[one]) for n, one in enumerate(path)]

    assert "".join(touch.event_id for touch in bounded(touches, limit)) == kept


def test_a_bounded_path_keeps_exact_counts(rules: Rules) -> None:
    history = [view(NOON + n * 2 * HALF_HOUR, f"{n}", **CPC) for n in range(5)]
    history.append(purchase(NOON + timedelta(days=10), "p", "1"))

    result = tables(rules, history, Config(max_path_touches=3))

    path = only(result["conversion_paths"])
    assert [touch["event_id"] for touch in path["touches"]] == ["0", "4", "p"]
    assert (path["touch_count"], path["marketing_touch_count"]) == (6, 5)
    assert path["is_path_truncated"] is True
    assert len(result["attribution_explain"]) == 3
    journey = only(result["client_journeys"])
    assert (journey["touch_count"], journey["channel_path"]) == (
        6,
        "paid_search > paid_search > direct",
    )


# --- Comparing ------------------------------------------------------------------------------------


def as_json(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """What `attribution query --format json` prints."""

    def plain(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.loads(json.dumps(rows, default=plain))


@pytest.fixture(scope="module")
def example(rules: Rules) -> dict[str, list[dict[str, object]]]:
    delivered = generate(7, 15)
    clients = records_from(generate_clients(7, delivered), LANDED_AT)
    spend = records_from(generate_spend(7, 20), LANDED_AT)
    return run(records_from(delivered, LANDED_AT), clients, rules, spend_records=spend)


@pytest.mark.parametrize("table", KEYS)
def test_a_table_equals_itself_also_as_text_and_in_another_order(
    example: dict[str, list[dict[str, object]]], table: str
) -> None:
    rows = example[table]
    with_more = [{**row, "one_more_column": 1} for row in rows]
    hashed = json.loads(json.dumps(as_json(with_more)).replace("\\u0000no-event-id:", "hash of "))

    assert rows
    assert compare(table, rows, hashed[::-1]) == []


@pytest.mark.parametrize("table", KEYS)
def test_a_changed_a_lost_and_a_doubled_row_are_reported(
    example: dict[str, list[dict[str, object]]], table: str
) -> None:
    rows = example[table]
    column = {"rejected_events": "reason"}.get(table, list(rows[0])[-1])
    changed = [{**rows[0], column: "changed"}, *rows[1:]]

    assert any("changed" in line for line in compare(table, rows, changed))
    assert compare(table, rows, rows[1:])
    assert compare(table, rows, [*rows, rows[0]])


def test_a_difference_names_client_key_column_and_both_values(rules: Rules) -> None:
    history = [view(NOON - US, "v", **CPC), purchase(NOON, "p", "10")]
    expected = tables(rules, history)
    wrong = [{**expected["last_touch_attribution"][0], "channel": "email"}]

    assert compare("last_touch_attribution", expected["last_touch_attribution"], wrong) == [
        "last_touch_attribution[client_id='c', event_time=2024-06-30T12:00:00Z].channel: "
        "expected 'paid_search', actual 'email'"
    ]


def test_a_missing_column_is_said_once(example: dict[str, list[dict[str, object]]]) -> None:
    rows = example["client_journeys"]
    without = [{k: v for k, v in row.items() if k != "touch_count"} for row in rows]

    assert compare("client_journeys", rows, without) == [
        "client_journeys[].touch_count: expected 'a column', actual '(no such column)'"
    ]


def test_an_unknown_id_must_still_be_there(rules: Rules) -> None:
    delivered = [{"client_id": "c", "event_time": "2024-01-01", "event_type": "page_view"}]
    expected = tables(rules, delivered)["stg_events"]

    assert compare("stg_events", expected, [{**expected[0], "event_id": "3f2a"}]) == []
    assert compare("stg_events", expected, [{**expected[0], "event_id": None}])


def test_the_smallest_client_that_differs_is_shown(rules: Rules) -> None:
    large = [view(NOON + n * US, f"{n}", "large") for n in range(5)]
    small = [{**view(NOON, "s1", "small"), "platform": "web"}]
    records = records_from([*large, *small], LANDED_AT)
    expected = run(records, [], rules)
    actual = {
        "stg_clients": [{**row, "event_count": 99} for row in expected["stg_clients"]],
        "stg_events": expected["stg_events"],
    }

    story = smallest_client(expected, actual, records)

    assert "2 clients differ; the smallest is 'small' (1 records)" in story
    assert '"platform": "web"' in story
    assert "event_count: expected 1, actual 99" in story
    assert smallest_client(expected, expected, records) == ""


# --- Generating and delivering --------------------------------------------------------------------

SEED_NUMBERS = range(12)


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_the_winner_among_generated_records_never_hangs_on_a_hash(rules: Rules, seed: int) -> None:
    valid = [
        event_of(one, rules)
        for one in records_from(generate(seed, 20, landed_at=LANDED_AT), LANDED_AT)
        if rejection_reason(one, rules) is None
    ]
    contents = defaultdict(set)
    ids_at = defaultdict(set)
    for event in valid:
        contents[event.client_id, event.event_id, event.event_time].add(event)
        ids_at[event.client_id, event.event_time].add(event.event_id)

    assert all(len(different) == 1 for different in contents.values())
    without_id = [ids for ids in ids_at.values() if any(is_placeholder(one) for one in ids)]
    assert all(len(ids) == 1 for ids in without_id)


def test_bad_values_are_bad_and_good_ones_are_good(rules: Rules) -> None:
    good = purchase(NOON, "p", "1")

    def reasons(field: str, values: Sequence[object]) -> set[str | None]:
        return {rejection_reason(record(**{**good, field: one}), rules) for one in values}

    assert reasons("event_time", BAD_TIMES) == {"invalid_event_time"}
    assert reasons("event_type", BAD_TYPES) == {"unknown_event_type"}
    assert reasons("revenue", BAD_REVENUES) == {"invalid_revenue"}
    assert reasons("revenue", REVENUES) == {None}


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_a_written_time_means_the_instant(seed: int) -> None:
    rng = random.Random(seed)
    for start in STARTS:
        for _ in range(40):
            instant = start + rng.randrange(3) * timedelta(seconds=30) + rng.randrange(2) * US
            assert parse_time((as_text(time_text(rng, instant)) or "").strip()) == instant


def test_what_is_generated_reaches_every_corner(rules: Rules) -> None:
    seen = defaultdict(set)
    for seed in SEED_NUMBERS:
        result = tables(rules, generate(seed, 20))
        for row in result["rejected_events"]:
            seen["reason"].add(row["reason"])
        for row in result["attribution_explain"]:
            seen["decision"].add(row["decision"])
        for row in result["last_touch_attribution"]:
            seen["status"].add(row["attribution_status"])
        for row in result["conversion_paths"]:
            seen["purchases at once"].add(row["purchase_count"])
            seen["age"] |= {row["event_time"] - touch["touch_at"] for touch in row["touches"]}

    assert len(seen["reason"]) == 6
    assert len(seen["decision"]) == 5
    assert len(seen["status"]) == 3
    assert {1, 2} <= seen["purchases at once"]
    assert {timedelta(0), WINDOW - US, WINDOW} <= seen["age"]


def test_one_seed_gives_one_history() -> None:
    assert generate(3, 10) == generate(3, 10)
    assert generate(3, 10) != generate(4, 10)


@pytest.mark.parametrize("seed", SEED_NUMBERS[:3])
def test_what_spec_does_not_decide_is_the_same_in_any_order(rules: Rules, seed: int) -> None:
    delivered = generate(seed, 10, disputed=True, huge_revenue=True)
    records = records_from(delivered, LANDED_AT)
    shuffled = random.Random(seed).sample(records, len(records))

    once = run(records, [], rules)
    twice = run([*shuffled, *records], [], rules)

    for table in KEYS:
        if table != "rejected_events":
            assert compare(table, once[table], twice[table]) == []
    assert len(records) == len(once["stg_events"]) + len(once["rejected_events"])


@pytest.mark.parametrize("seed", SEED_NUMBERS)
def test_files_hold_what_was_generated(rules: Rules, tmp_path: Path, seed: int) -> None:
    delivered = generate(seed, 10)
    expected = tables(rules, delivered)

    paths = write_files(delivered, tmp_path, random.Random(seed))
    actual = run(read_files(paths, LANDED_AT), [], rules)

    assert len({path.name for path in paths}) == len(paths) > 1
    for table in KEYS:
        assert compare(table, expected[table], actual[table]) == []


def test_a_row_of_the_raw_table_is_the_record_that_was_delivered() -> None:
    row = {
        "client_id": " c",
        "event_id": None,
        "extra": '{"loyalty": "gold"}',
        "unreadable": None,
        "problem": None,
        "source_file": "a.jsonl",
        "source_sha256": "ab",
        "source_position": 3,
        "landed_at": "2024-01-02T03:04:05Z",
        "batch": 1,
    }

    assert record_from_raw_row(row) == RawRecord(
        fields={"client_id": " c", "event_id": None, "loyalty": "gold"},
        unreadable=None,
        landed_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        source_sha256="ab",
        source_position=3,
    )
