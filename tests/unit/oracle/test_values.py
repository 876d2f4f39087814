"""Times, revenue, hosts and parameters, as SPEC.md reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.oracle.channels import host_of, query_parameter
from tests.oracle.records import is_valid_event_time, parse_revenue, parse_time
from tests.unit.oracle.cases import LANDED_AT, US


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
