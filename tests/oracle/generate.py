"""Random client histories that sit on the boundaries of SPEC.md.

What the generator never makes, because SPEC.md leaves the winner to a hash that only the pipeline
can compute: two events of one client at one instant of which one has no id, and two records of one
(client_id, event_id) that differ in content but not in time. What SPEC.md does not decide at all is
only made with `disputed=True`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle.delivery import Delivered
from tests.oracle.generate_evidence import evidence
from tests.oracle.generate_faults import BAD_REVENUES, bad_record, duplicates, shouted
from tests.oracle.generate_times import MICROSECOND, time_text

SESSION_TIMEOUT = timedelta(minutes=30)
WINDOW = timedelta(hours=30 * 24)

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
    records.extend(shouted(rng, rng.choice(records)) for _ in range(max(1, clients // 10)))
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
    history += [copy for record in history for copy in duplicates(rng, record)]
    history += _burst(rng, client)
    if rng.random() < 0.5:
        history.append(bad_record(rng, client.client_id))
    return history


def _palette(rng: random.Random) -> list[Delivered]:
    """A little evidence, so that the same is often seen twice in a row."""
    return [*(evidence(rng) for _ in range(rng.randint(1, 4))), {}]


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
    return dict(rng.choice(client.palette)) if rng.random() < 0.7 else evidence(rng)


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
