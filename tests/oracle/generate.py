"""Random client histories that sit on the boundaries of SPEC.md.

What the generator never makes, because SPEC.md leaves the winner to a hash that only the pipeline
can compute: two events of one client at one instant of which one has no id, and two records of one
(client_id, event_id) that differ in content but not in time. What SPEC.md does not decide at all is
only made with `disputed=True`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from tests.oracle.delivery import UNREADABLE, Delivered

MICROSECOND = timedelta(microseconds=1)
SESSION_TIMEOUT = timedelta(minutes=30)
WINDOW = timedelta(hours=30 * 24)
BERLIN = ZoneInfo("Europe/Berlin")

# No valid event is later than this, so that records can land at any time after it.
LATEST = datetime(2025, 12, 31, tzinfo=UTC)

# From an earlier event of the client (not always the previous one) to the next.
GAPS = (
    timedelta(0),
    MICROSECOND,
    timedelta(seconds=1),
    timedelta(minutes=7),
    SESSION_TIMEOUT - MICROSECOND,
    SESSION_TIMEOUT,
    SESSION_TIMEOUT,
    SESSION_TIMEOUT + MICROSECOND,
    SESSION_TIMEOUT + timedelta(seconds=59),
    timedelta(hours=5),
    timedelta(hours=23, minutes=59, seconds=59, microseconds=999999),
    timedelta(days=1),
    timedelta(days=9, hours=3),
    WINDOW - MICROSECOND,
    WINDOW,
    WINDOW,
    WINDOW + MICROSECOND,
    WINDOW + timedelta(hours=1),
    timedelta(days=31),
    timedelta(days=75),
)

# Where a history starts: the first valid instant, midnights, both nights of Berlin's clock change.
STARTS = (
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 45, tzinfo=UTC),
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2024, 3, 31, 0, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
    datetime(2025, 2, 28, 12, tzinfo=UTC),
)

PAGE_VIEW_TYPES = ("page_view", "pageview", "screen_view", "PAGE_VIEW", " Pageview ", "page_view")
PURCHASE_TYPES = (
    "purchase",
    "order_completed",
    "transaction",
    "in_app_purchase",
    "PURCHASE",
    " Purchase",
)
# As text "e10" comes before "e9"; all clients have the same ids; case makes another event.
EVENT_IDS = ("e{}", "e{}", "E{}", "\u00e9{}", "e-{}", " e{} ", "\u65e5{}")
PLATFORMS = (None, "web", "ios", "android", " web ", "")
REVENUES = (
    "0",
    "-0",
    "-0.00",
    "0.005",
    "0.004999999999",
    "12.345",
    "12.344999",
    " 7 ",
    "1e2",
    "1.5E+1",
    "250e-2",
    "+3.10",
    "19.99",
    "1234567890.12",
    "00012.50",
    0,
    5,
    12.345,
    99.9,
)
LARGEST_REVENUE = "9999999999999999.99"
BAD_REVENUES = (
    None,
    "",
    "  ",
    "NaN",
    "nan",
    "Infinity",
    "-inf",
    "1,000.00",
    "1.000,00",
    "-0.001",
    "-5",
    "-1e-30",
    "9999999999999999.995",
    "10000000000000000",
    "1e16",
    "1e400",
    "$5",
    "12.34 EUR",
    "0x10",
    "1_000",
    "5d",
    "1e",
    "--1",
    "1 000",
    "\u0663",
    "free",
    True,
)
BAD_TYPES = (None, "", " ", "refund", "REFUND", "click", "page view", "purchases", "page_view;")
BAD_TIMES = (
    None,
    "",
    "   ",
    "yesterday",
    "NaN",
    "Infinity",
    "0",
    -1,
    "-86400",
    "2024",
    "20240301",
    "2024-03",
    "2024-3-1",
    "2024-1-01T10:00:00Z",
    "2024-03-01T1:00:00Z",
    "2024-03-01T10",
    "2024-03-01T10:00:00.",
    "2024-03-01T10:00:0",
    "2024-03-01  10:00:00",
    "2024-02-30T00:00:00Z",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-01T24:00:00Z",
    "2024-01-01T23:59:60Z",
    "2024-01-01T23:60:00Z",
    "2024-01-01T10:00:00+18:01",
    "2024-01-01T10:00:00-19:00",
    "2024-01-01T10:00:00+01:60",
    "2024-01-01T10:00:00 UTC",
    "2024-01-01T10:00:00 Europe/Berlin",
    "2024-01-01T10:00:00Z+01:00",
    "2024-W09-5",
    "2024-061",
    "01/02/2024",
    "1. 3. 2024 10:00",
    "T10:00:00",
    "1999-12-31T23:59:59.999999Z",
    "1999-12-31",
    "2000-01-01T00:00:00+00:01",
    "2000-01-01 00:59:59.999999 +01",
    "946684799.999999",
    "0001-01-01T00:00:00+18:00",
    "9999-12-31T23:59:59-18:00",
    "99999999999",
    "1e30",
    "2100-01-01T00:00:00Z",
    "4102444800",
    "4102444800000",
)

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

# Only with disputed=True: SPEC.md can be read in more than one way here.
DISPUTED_FIELDS: tuple[Delivered, ...] = (
    {"referrer": "null"},
    {"referrer": "not a url"},
    {"referrer": "about:blank"},
    {"referrer": "https://localhost/"},
    {"referrer": "mailto:somebody@example.org"},
    {"referrer": "android-app://org.example.youtube"},
    {"utm_source": "summer.instagram"},
    {"utm_source": "google\u00a0"},
    {"utm_source": "(direct)", "utm_medium": "none"},
    {"page_url": "https://shop.example/?utm_source=%E9"},
    {"page_url": "https://shop.example/?utm_source=(not set)&utm_source=google"},
    {"page_url": "https://shop.example/?utm%5Fsource=google"},
    {"page_url": "https://shop.example/?a=1;utm_source=google"},
    {"page_url": "https://shop.example/?a=1&amp;utm_source=google"},
    {"channel": "unattributed"},
    {"event_time": "1.7093e9"},
    {"event_time": "2024-03-01Z"},
    {"event_type": "purchase", "revenue": ".5"},
    {"event_type": "purchase", "revenue": "5."},
    {"event_type": "purchase", "revenue": "9\u00a0"},
)


@dataclass
class _Client:
    """A client while its history is being written."""

    client_id: str
    instants: list[datetime] = field(default_factory=list)
    without_id: set[datetime] = field(default_factory=set)
    palette: list[Delivered] = field(default_factory=list)
    event_count: int = 0


def generate(
    seed: int,
    clients: int = 20,
    *,
    longest_history: int = 12,
    landed_at: datetime | None = None,
    disputed: bool = False,
    huge_revenue: bool = False,
) -> list[Delivered]:
    """Random histories, as records ready to be written as JSON lines, in random order.

    Args:
        seed: Equal seeds (and arguments) give equal records.
        clients: How many clients; some differ from another one only by case.
        longest_history: Most events of one client, before duplicates and bad records.
        landed_at: When the test lets the records land, if it controls that: then some events lie
            exactly 24 hours (and a microsecond more) after it.
        disputed: Also records that SPEC.md does not decide, see `DISPUTED_FIELDS`.
        huge_revenue: Also two purchases at one instant of the largest revenue: their sum does not
            fit into decimal(18,2).

    Returns:
        Field name -> JSON value; the key `delivery.UNREADABLE` holds the text of a broken line.
    """
    rng = random.Random(seed)
    records: list[Delivered] = []
    for number in range(clients):
        client = _Client(client_name(rng, number), palette=_palette(rng))
        records.extend(_history(rng, client, longest_history))
        if landed_at is not None and rng.random() < 0.3:
            records.extend(_around_landing(client, landed_at))
    if disputed:
        records.extend(_disputed(rng))
    if huge_revenue:
        records.extend(huge_purchases())
    records.extend(_shouted(rng, rng.choice(records)) for _ in range(max(1, clients // 10)))
    rng.shuffle(records)
    return records


def generate_clients(seed: int, records: Sequence[Delivered]) -> list[Delivered]:
    """Records for raw.clients, at most one a client: of some who have events and some who do not.

    An identical second delivery and a record without client_id are among them.
    """
    rng = random.Random(f"clients {seed}")
    known = sorted({str(row["client_id"]).strip() for row in records if row.get("client_id")})
    chosen = [name for name in known if name and rng.random() < 0.5]
    rows = [_client_record(rng, name) for name in [*chosen, "only-in-clients", "ONLY-in-clients"]]
    rows.append(dict(rng.choice(rows)))
    rows.append({**_client_record(rng, "x"), "client_id": rng.choice((None, "", "  "))})
    rng.shuffle(rows)
    return rows


def _client_record(rng: random.Random, client_id: str) -> Delivered:
    return {
        "client_id": f" {client_id} " if rng.random() < 0.1 else client_id,
        "user_id": rng.choice((None, "", "login-7", " login-8 ")),
        "created_at": rng.choice(
            (None, "", "soon", "2023-05-06T07:08:09Z", "2024-01-01 00:30:00+02:00", 1700000000)
        ),
        "country": rng.choice((None, "", "DE", " at ")),
        "platform": rng.choice(PLATFORMS),
        "segment": rng.choice(("a", "b")),
    }


# --- One history ----------------------------------------------------------------------------------


def client_history(
    rng: random.Random, client_id: str, longest_history: int = 12
) -> list[Delivered]:
    """One client's records, duplicates and bad ones among them."""
    return _history(rng, _Client(client_id, palette=_palette(rng)), longest_history)


def _history(rng: random.Random, client: _Client, longest_history: int) -> list[Delivered]:
    history = [_event(rng, client) for _ in range(rng.randint(1, longest_history))]
    history += [copy for record in history for copy in _duplicates(rng, record)]
    history += _burst(rng, client)
    if rng.random() < 0.5:
        history.append(_bad_record(rng, client))
    return history


def _palette(rng: random.Random) -> list[Delivered]:
    """A little evidence, so that the same is often seen twice in a row."""
    return [*(_evidence(rng) for _ in range(rng.randint(1, 4))), {}]


def client_name(rng: random.Random, number: int) -> str:
    """A name that differs from a neighbour's only by case, or orders otherwise as text."""
    # two in a row differ only by case; the ids order differently as text and as numbers
    pair = number // 2
    name = rng.choice((f"client-{pair}", f"кліент-{pair}", f"c {pair}", f"anna{pair}"))
    client_id = f"{name.upper()}#{number}" if number % 5 == 0 else f"{name}#{number}"
    if number % 7 in (1, 2):
        client_id = f"twin-{number // 7}" if number % 7 == 1 else f"TWIN-{number // 7}"
    return client_id


def _next_instant(rng: random.Random, client: _Client) -> datetime:
    """A boundary away from one of the client's events."""
    if not client.instants:
        start = rng.choice(STARTS)
        if rng.random() < 0.6:
            start += timedelta(seconds=rng.randrange(300 * 86400), microseconds=rng.randrange(10))
        return start
    while True:
        anchor = rng.choice(client.instants) if rng.random() < 0.5 else max(client.instants)
        instant = anchor + rng.choice(GAPS)
        if instant <= LATEST and instant not in client.without_id:
            return instant


def _event(rng: random.Random, client: _Client) -> Delivered:
    """One valid event; without an id only at an instant that the client has to itself."""
    instant = _next_instant(rng, client)
    client.event_count += 1
    event_id = rng.choice(EVENT_IDS).format(client.event_count)
    if client.instants and instant not in client.instants and rng.random() < 0.15:
        client.without_id.add(instant)
        return _record(rng, client, instant, rng.choice((None, "", "  ")), rng.random() < 0.35)
    client.instants.append(instant)
    return _record(rng, client, instant, event_id, rng.random() < 0.35)


def _record(
    rng: random.Random, client: _Client, instant: datetime, event_id: str | None, is_purchase: bool
) -> Delivered:
    """A page view or a purchase of the client."""
    padded = rng.choice((f" {client.client_id}", f"{client.client_id}\t"))
    record: Delivered = {
        "client_id": padded if rng.random() < 0.05 else client.client_id,
        "event_id": event_id,
        "event_time": time_text(rng, instant),
        "event_type": rng.choice(PURCHASE_TYPES if is_purchase else PAGE_VIEW_TYPES),
        "platform": rng.choice(PLATFORMS),
        "user_id": rng.choice((None, None, "", "login-1", " login-2 ")),
        **_random_evidence(rng, client, is_purchase),
    }
    if is_purchase:
        record["revenue"] = rng.choice(REVENUES)
        record["order_id"] = rng.choice((None, "", f"o-{client.event_count}", "same-order"))
    elif rng.random() < 0.2:
        record["revenue"] = rng.choice(BAD_REVENUES)  # "ignored on a page view"
    if rng.random() < 0.1:
        record["experiment"] = rng.choice(("A", "B", ""))
    return _with_spelled_names(rng, record)


def _random_evidence(rng: random.Random, client: _Client, is_purchase: bool) -> Delivered:
    """Often from the client's palette; purchases mostly come without their own."""
    if is_purchase and rng.random() < 0.5:
        return {}
    return dict(rng.choice(client.palette)) if rng.random() < 0.7 else _evidence(rng)


def _with_spelled_names(rng: random.Random, record: Delivered) -> Delivered:
    """Field names in other spellings, now and then."""
    if rng.random() > 0.05:
        return record
    return {rng.choice((name, name.upper(), f" {name.title()} ")): v for name, v in record.items()}


def _burst(rng: random.Random, client: _Client) -> list[Delivered]:
    """Purchases and views at one instant, some on the window's boundary. Ids sort at random."""
    if rng.random() < 0.6:
        return []
    instant = rng.choice(client.instants) + rng.choice((timedelta(0), WINDOW, WINDOW + MICROSECOND))
    if instant > LATEST or instant in client.without_id:
        return []
    client.instants.append(instant)
    return [
        _record(rng, client, instant, f"{rng.choice('aZé')}-burst-{number}", number < 2)
        for number in range(rng.randint(2, 4))
    ]


def _around_landing(client: _Client, landed_at: datetime) -> list[Delivered]:
    """One event at the last valid instant, one just after it."""
    last = landed_at + timedelta(hours=24)
    return [
        {
            "client_id": client.client_id,
            "event_id": name,
            "event_time": instant.isoformat(),
            "event_type": "page_view",
        }
        for name, instant in (("last-valid", last), ("too-late", last + MICROSECOND))
    ]


def huge_purchases() -> list[Delivered]:
    """Two purchases at one instant: the sum does not fit into decimal(18,2)."""
    return [
        {
            "client_id": "whale",
            "event_id": f"huge-{number}",
            "event_time": "2024-06-01T12:00:00Z",
            "event_type": "purchase",
            "revenue": LARGEST_REVENUE,
        }
        for number in range(2)
    ]


def _disputed(rng: random.Random) -> list[Delivered]:
    """One client per disputed record, so that a difference concerns nobody else."""
    return [
        {
            "client_id": f"disputed-{number:02d}",
            "event_id": "d1",
            "event_time": time_text(rng, datetime(2024, 6, 1, 10, number, tzinfo=UTC)),
            "event_type": "page_view",
            "page_url": "https://shop.example/",
            **fields,
        }
        for number, fields in enumerate(DISPUTED_FIELDS)
    ]


# --- Duplicates and bad records -------------------------------------------------------------------


def _duplicates(rng: random.Random, record: Delivered) -> list[Delivered]:
    """The record again: as it was, with blanks, at another time, or spoiled."""
    if rng.random() > 0.2:
        return []
    kinds: list[Callable[[random.Random, Delivered], Delivered]] = [_same, _same_with_blanks]
    names = {name.strip().lower(): name for name in record}
    given_id = record[names["event_id"]]
    if isinstance(given_id, str) and given_id.strip():
        kinds += [_at_another_time, _spoiled]
    return [rng.choice(kinds)(rng, record) for _ in range(rng.randint(1, 3))]


def _same(_rng: random.Random, record: Delivered) -> Delivered:
    return dict(record)


def _same_with_blanks(rng: random.Random, record: Delivered) -> Delivered:
    """Equal content: blank fields, known and unknown, are as good as absent ones."""
    absent = {"utm_term", "utm_content", "loyalty"} - {name.strip().lower() for name in record}
    return {**record, **dict.fromkeys(sorted(absent), rng.choice((None, "", " ")))}


def _at_another_time(rng: random.Random, record: Delivered) -> Delivered:
    """Same id, other content, and an instant no other record of this id has.

    Instants of duplicates are off every boundary, so they never meet an event without id.
    """
    names = {name.strip().lower(): name for name in record}
    instant = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(
        seconds=rng.randrange(500_000_000), microseconds=rng.randrange(20, 999_980)
    )
    return {
        names["client_id"]: record[names["client_id"]],
        names["event_id"]: record[names["event_id"]],
        "event_time": time_text(rng, instant),
        "event_type": rng.choice(("page_view", "purchase")),
        "revenue": "77.77",
        **_evidence(rng),
    }


def _spoiled(rng: random.Random, record: Delivered) -> Delivered:
    """Same id, at the earliest instant of all, but not valid: it must not win."""
    names = {name.strip().lower(): name for name in record}
    return {
        names["client_id"]: record[names["client_id"]],
        names["event_id"]: record[names["event_id"]],
        "event_time": "2000-01-01T00:00:00Z",
        **rng.choice(
            (
                {"event_type": rng.choice(BAD_TYPES)},
                {"event_type": "purchase", "revenue": rng.choice(BAD_REVENUES)},
                {"event_type": "page_view", "event_time": rng.choice(BAD_TIMES)},
            )
        ),
    }


def _bad_record(rng: random.Random, client: _Client) -> Delivered:
    """A record with one or more faults; the first in SPEC.md's order is its reason."""
    if rng.random() < 0.15:
        broken = ('{"client_id": "c1", "event_id": ', "not json at all", "[1, 2]", '"text"', "42")
        return {UNREADABLE: rng.choice(broken)}
    record: Delivered = {
        "client_id": client.client_id,
        "event_id": f"bad-{rng.randrange(3)}" if rng.random() < 0.8 else None,
        "event_time": "2024-05-01T10:00:00Z",
        "event_type": "purchase",
        "revenue": "10",
    }
    faults: tuple[Delivered, ...] = (
        {"client_id": rng.choice((None, "", "   "))},
        {"event_time": rng.choice(BAD_TIMES)},
        {"event_type": rng.choice(BAD_TYPES)},
        {"revenue": rng.choice(BAD_REVENUES)},
    )
    for fault in rng.sample(faults, rng.choice((1, 1, 1, 2, 3, 4))):
        record |= fault
    if rng.random() < 0.2:
        record = {name: value for name, value in record.items() if value not in (None, "")}
    return record


def _shouted(rng: random.Random, record: Delivered) -> Delivered:
    """A record of another client id: only the case differs, and that is another client."""
    names = {name.strip().lower(): name for name in record}
    if UNREADABLE in record or not record.get(names.get("client_id", "")):
        return {"client_id": f"alone-{rng.randrange(1000)}", "event_time": "2024-01-01"}
    client_id = str(record[names["client_id"]])
    return {**record, names["client_id"]: f"{client_id.swapcase()}!"}


# --- Evidence -------------------------------------------------------------------------------------


def _evidence(rng: random.Random) -> Delivered:
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


# --- Instants as text -----------------------------------------------------------------------------


def time_text(rng: random.Random, instant: datetime) -> str | int | float:
    """The instant in one of the accepted forms."""
    writers = [_iso, _iso, _iso, _iso, _basic, _epoch_seconds, _epoch_milliseconds]
    return rng.choice(writers)(rng, instant)


def _offset_text(rng: random.Random, local: datetime) -> str:
    """The offset of a local time as text; "without one it is UTC"."""
    offset = local.utcoffset() or timedelta(0)
    if not offset:
        return rng.choice(("Z", "Z", "z", "", "+00:00", "-00:00", "+0000", "+00", " Z"))
    sign = "-" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    forms = [f"{hours:02d}:{minutes:02d}", f"{hours:02d}{minutes:02d}"]
    if not minutes:
        forms.append(f"{hours:02d}")
    return rng.choice(("", " ")) + sign + rng.choice(forms)


def _local(rng: random.Random, instant: datetime) -> datetime:
    """The instant on some clock: UTC, Berlin's (with its clock changes), or a far one."""
    far = timezone(rng.choice((timedelta(hours=18), timedelta(hours=-18), -timedelta(hours=9.5))))
    odd = timezone(timedelta(hours=5, minutes=45))
    return instant.astimezone(rng.choice((UTC, UTC, BERLIN, BERLIN, far, odd)))


def _fraction(rng: random.Random, local: datetime) -> str:
    """The fraction of the second; digits beyond the microsecond are cut, never rounded."""
    digits = f"{local.microsecond:06d}"
    shorter = digits.rstrip("0")
    forms = [digits, f"{digits}999", f"{digits}0000"] + ([shorter] if shorter else [""])
    chosen = rng.choice(forms)
    return rng.choice(".,.") + chosen if chosen else ""


def _iso(rng: random.Random, instant: datetime) -> str:
    local = _local(rng, instant)
    is_whole_minute = not local.second and not local.microsecond
    is_midnight = is_whole_minute and not local.hour and not local.minute
    if is_midnight and not local.utcoffset() and rng.random() < 0.5:
        return f"{local:%Y-%m-%d}"
    clock = f"{local:%H:%M}"
    if not is_whole_minute or rng.random() < 0.7:
        clock = f"{local:%H:%M:%S}" + _fraction(rng, local)
    text = f"{local:%Y-%m-%d}{rng.choice('TT t')}{clock}{_offset_text(rng, local)}"
    return f" {text} " if rng.random() < 0.05 else text


def _basic(rng: random.Random, instant: datetime) -> str:
    local = _local(rng, instant)
    return f"{local:%Y%m%dT%H%M%S}{_fraction(rng, local)}{_offset_text(rng, local)}"


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def _epoch_seconds(rng: random.Random, instant: datetime) -> str | int | float:
    seconds, rest = divmod(_microseconds(instant), 1_000_000)
    if not rest:
        return rng.choice((seconds, str(seconds), f"{seconds}.0", float(seconds)))
    if rest % 250_000 == 0 and rng.random() < 0.5:
        return seconds + rest / 1_000_000
    return f"{seconds}.{rest:06d}" + rng.choice(("", "9"))


def _epoch_milliseconds(rng: random.Random, instant: datetime) -> str | int | float:
    milliseconds, rest = divmod(_microseconds(instant), 1_000)
    if not rest:
        return rng.choice((milliseconds, str(milliseconds)))
    return f"{milliseconds}.{rest:03d}" + rng.choice(("", "9"))
