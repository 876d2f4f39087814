"""Random fields that may show where an event came from: tags, click ids, referrers, page URLs."""

import random

from tests.oracle.delivery import Delivered

SITES = (
    "https://www.shop.example/",
    "https://shop.example",
    "HTTPS://WWW.Shop.Example:8443/p/1",
    "https://checkout.shop.example/cart",
    "shop.example/landing",
    "//blog.shop.example/post",
    "https://user:secret@www.shop.example/",
    "https://shop.example./",
    "app://home",
    "",
    None,
)
SOURCES = (
    "google",
    "Google",
    "GOOGLE.com",
    "www.bing.com",
    "news.google.com",
    "facebook",
    "m.facebook.com",
    "instagram",
    "youtube.com",
    "amazon.com",
    "newsletter",
    "Email",
    "sms",
    "firebase",
    "partner-42",
    "shop.example",
    "www.shop.example",
    "pay.shop.example",
    "paypal.com",
    "(direct)",
    "(Direct)",
    "chatgpt.com",
    "x.com",
    "t.co",
    "日本",
    "Ünïcode",
)
MEDIA = (
    "cpc",
    "CPC",
    "ppc",
    "cpm",
    "paid_social",
    "retargeting",
    "email",
    "Email",
    "e-mail",
    "organic",
    "referral",
    "Referral",
    "social",
    "Social Network",
    "display",
    "banner",
    "video",
    "affiliate",
    "audio",
    "sms",
    "push",
    "webpush",
    "mobile notification",
    "ai-assistant",
    "(none)",
    "(None)",
    "qr",
    "app",
)
CAMPAIGNS = (
    "spring",
    "Spring",
    "Cross-Network",
    "shop now",
    "workshop",
    "eshop",
    "my-shop",
    "Shopping 2024",
    'a "quoted", list',
    "50% off",
    "größe=xl&more",
    "100 + 1",
)
MISSING_TAGS = ("", " ", "null", "NULL", "undefined", "NaN", "(not set)", "(Not Set)", "\t")
REFERRERS = (
    "https://www.google.com/",
    "https://www.google.co.uk/search?q=a b|c{d}",
    "google.de/search",
    "https://news.google.com/x",
    "https://docs.google.com/d/1",
    "https://duckduckgo.com",
    "HTTPS://WWW.BING.COM:443/",
    "https://user@search.yahoo.com/",
    "https://l.facebook.com/l.php?u=x",
    "https://t.co/abc",
    "https://out.reddit.com",
    "https://www.youtube.com/watch?v=1",
    "https://chatgpt.com/",
    "https://gemini.google.com/app",
    "https://www.perplexity.ai/search",
    "https://mail.google.com/mail/u/0",
    "https://outlook.live.com/",
    "android-app://com.google.android.gm",
    "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
    "android-app://com.example.reader/",
    "android-app://com.google.android.youtube",
    "https://blog.example.org/post",
    "https://blog.example.org./post#top",
    "http://my_partner.example.net/a?b",
    "https://b\u00fccher.example/",
    "https://news.example.org/?utm_source=not_ours",
    # not another site
    "https://shop.example/",
    "https://www.shop.example/cart",
    "https://pay.shop.example",
    "https://WWW.Checkout.SHOP.example:443/",
    "https://www.paypal.com/checkout",
    "https://checkout.stripe.com/pay",
    "https://accounts.google.com/signin",
    # nothing
    "",
    "   ",
    "https://",
    "/relative/path",
    "?q=1",
    "#",
)
CLICK_IDS = ("gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "fbclid")
SENDER_CHANNELS = (
    "Paid Social",
    "paid-social",
    "paid_social",
    "Email",
    " Organic Search ",
    "TV-Spot 2024",
    "(direct)",
    "Direct",
    "none",
    "(None)",
    "null",
    "(not set)",
    "",
)


def evidence(rng: random.Random) -> Delivered:
    """Fields that may show where an event came from; any mixture may occur."""
    fields: Delivered = {}
    parameters: list[tuple[str, str]] = []
    if rng.random() < 0.5:
        for name, value in _tags(rng).items():
            if rng.random() < 0.5:
                fields[name] = value
            else:
                parameters.append((name, value))
                if rng.random() < 0.3:  # the column wins, if it says anything
                    fields[name] = rng.choice((*MISSING_TAGS, "from-column"))
    if rng.random() < 0.25:
        for name in rng.sample(CLICK_IDS, rng.choice((1, 1, 2))):
            value = rng.choice(("Cj0KCQ", "abc-123", "null", " "))
            if rng.random() < 0.5:
                fields[name] = value
            else:
                parameters.append((name, value))
    if rng.random() < 0.5:
        fields["referrer"] = rng.choice(REFERRERS)
    if rng.random() < 0.12:
        fields["channel"] = rng.choice(SENDER_CHANNELS)
    page_url = _page_url(rng, parameters)
    if page_url is not None:
        fields["page_url"] = page_url
    return fields


def _tags(rng: random.Random) -> dict[str, str]:
    """Some of the campaign tags, some of them blank."""
    pools = {"utm_source": SOURCES, "utm_medium": MEDIA, "utm_campaign": CAMPAIGNS}
    tags = {name: rng.choice(pool) for name, pool in pools.items() if rng.random() < 0.65}
    for name in tags:
        if rng.random() < 0.15:
            tags[name] = rng.choice(MISSING_TAGS)
        elif rng.random() < 0.1:
            tags[name] = f"  {tags[name]} "
    if rng.random() < 0.1:
        tags["utm_term"] = "shoes"
    return tags


def _page_url(rng: random.Random, parameters: list[tuple[str, str]]) -> str | None:
    """A URL with these parameters in its query string, written in one of the usual ways."""
    site = rng.choice(SITES)
    if not parameters and rng.random() < 0.3:
        return site
    pairs = [(_spelled(rng, name), _encoded(rng, value)) for name, value in parameters]
    pairs += rng.sample([("q", "1"), ("utm_sourcex", "no"), ("x_utm_source", "no")], 1)
    rng.shuffle(pairs)
    given = [name for name, value in parameters if value.strip() and value not in MISSING_TAGS]
    if given and rng.random() < 0.15:
        name = rng.choice(given)
        pairs.insert(0, (name, ""))  # "first non-empty occurrence wins"
        pairs.append((name, "second"))
    query = rng.choice(("", "&")) + "&".join(f"{name}={value}" for name, value in pairs)
    fragment = rng.choice(("", "", "#top", "#?utm_source=fragment&gclid=x", "#utm_medium=cpc"))
    if rng.random() < 0.1:
        return f"{site or ''}#/route?{query}"  # all of it is a fragment
    return f"{site or 'https://shop.example/'}?{query}{fragment}"


def _spelled(rng: random.Random, name: str) -> str:
    return rng.choice((name, name, name.upper(), name.title()))


def _encoded(rng: random.Random, value: str) -> str:
    """Percent-encoded in one of the usual ways, or with a stray percent sign."""
    if value == "50% off":
        return rng.choice(("50%+off", "50%25+off", "50%25%20off"))
    quoted = "".join(c if c.isascii() and c.isalnum() else _percent(c) for c in value)
    if rng.random() < 0.5:
        quoted = quoted.replace("%20", "+")
    return quoted.replace("%2D", "-").replace("%28", "(").replace("%5F", "_")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8"))
