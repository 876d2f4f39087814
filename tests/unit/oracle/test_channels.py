"""The channel of an event by its evidence, by hand from SPEC.md."""

import pytest

from tests.oracle import Rules
from tests.oracle.channels import Evidence, evidence_of
from tests.unit.oracle.cases import record

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
