"""Which records become events, and who the clients are (SPEC.md section 2)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.oracle.channels import Evidence, Rules, evidence_of, host_of
from tests.oracle.records import (
    RawRecord,
    content_placeholder,
    is_valid_event_time,
    parse_revenue,
    parse_time,
)

PAGE_VIEW = "page_view"
PURCHASE = "purchase"

Row = dict[str, object]


@dataclass(frozen=True)
class Event:
    """A row of stg_events."""

    client_id: str
    event_id: str
    event_time: datetime
    event_type: str
    evidence: Evidence
    referrer_host: str | None
    page_url: str | None
    platform: str | None
    user_id: str | None
    order_id: str | None
    revenue: Decimal | None

    @property
    def is_purchase(self) -> bool:
        """Whether this is a purchase; exactly then it has revenue."""
        return self.event_type == PURCHASE

    @property
    def order(self) -> tuple[datetime, str]:
        """SPEC: "events in the order (event_time, event_id)".

        Python orders text by code point, which is the order of its UTF-8 bytes, as in Spark.
        """
        return self.event_time, self.event_id

    def row(self) -> Row:
        """The columns SPEC.md names."""
        return {
            "event_id": self.event_id,
            "client_id": self.client_id,
            "event_time": self.event_time,
            "event_date": self.event_time.date(),
            "event_type": self.event_type,
            "channel": self.evidence.channel,
            "source": self.evidence.source,
            "medium": self.evidence.medium,
            "campaign": self.evidence.campaign,
            "referrer_host": self.referrer_host,
            "page_url": self.page_url,
            "platform": self.platform,
            "user_id": self.user_id,
            "order_id": self.order_id,
            "revenue": self.revenue,
        }


def staged(records: Iterable[RawRecord], rules: Rules) -> tuple[list[Event], list[Row]]:
    """The events that count, and a row with a reason for every record that does not.

    "Nothing is lost. Every landed record is in stg_events or in rejected_events with a reason."
    """
    rejected: list[Row] = []
    valid: dict[tuple[str, str], list[tuple[Event, RawRecord]]] = defaultdict(list)
    for record in records:
        reason = rejection_reason(record, rules)
        if reason is not None:
            rejected.append(rejected_row(record, reason))
            continue
        event = event_of(record, rules)
        valid[event.client_id, event.event_id].append((event, record))

    events: list[Event] = []
    for candidates in valid.values():
        (event, _), *rest = sorted(candidates, key=_duplicate_order)
        events.append(event)
        rejected.extend(rejected_row(record, "duplicate_event_id") for _, record in rest)
    return sorted(events, key=lambda event: (event.client_id, *event.order)), rejected


def rejection_reason(record: RawRecord, rules: Rules) -> str | None:
    """The first reason that applies, in SPEC.md's order, duplicates aside; None for a valid one."""
    if record.unreadable is not None:
        return "unreadable_record"
    if record.text("client_id") is None:
        return "missing_client_id"
    if not is_valid_event_time(parse_time(record.text("event_time")), record.landed_at):
        return "invalid_event_time"
    event_type = event_type_of(record, rules)
    if event_type is None:
        return "unknown_event_type"
    if event_type == PURCHASE and parse_revenue(record.text("revenue")) is None:
        return "invalid_revenue"
    return None


def event_type_of(record: RawRecord, rules: Rules) -> str | None:
    """SPEC: "Lower-cased and trimmed; ... (a seed holds the aliases)"; None when unknown."""
    given = (record.text("event_type") or "").lower()
    return given if given in (PAGE_VIEW, PURCHASE) else rules.event_types.get(given)


def event_of(record: RawRecord, rules: Rules) -> Event:
    """The event a valid record tells of."""
    event_type = event_type_of(record, rules)
    event_time = parse_time(record.text("event_time"))
    client_id = record.text("client_id")
    assert event_type is not None
    assert event_time is not None
    assert client_id is not None
    return Event(
        client_id=client_id,
        event_id=record.text("event_id") or content_placeholder(record),
        event_time=event_time,
        event_type=event_type,
        evidence=evidence_of(record, rules),
        referrer_host=host_of(record.text("referrer")),
        page_url=record.text("page_url"),
        platform=record.text("platform"),
        user_id=record.text("user_id"),
        order_id=record.text("order_id"),
        # "null unless a purchase"; "ignored on a page view"
        revenue=parse_revenue(record.text("revenue")) if event_type == PURCHASE else None,
    )


def _duplicate_order(candidate: tuple[Event, RawRecord]) -> tuple[datetime, str, str, int]:
    """SPEC: "the one with the smallest (event_time, content hash) among the otherwise valid stays".

    The content itself stands for its hash: the generator makes no two records of one key that
    differ in content and not in time, so which of them stays cannot be seen.
    """
    event, record = candidate
    return (
        event.event_time,
        content_placeholder(record),
        record.source_sha256,
        record.source_position,
    )


def rejected_row(record: RawRecord, reason: str) -> Row:
    """A row of rejected_events: the ids as delivered, trimmed, and where the record came from."""
    return {
        "client_id": record.text("client_id"),
        "event_id": record.text("event_id"),
        "reason": reason,
        "source_sha256": record.source_sha256,
        "source_position": record.source_position,
    }


# --- Clients --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientRecord:
    """What raw.clients says of one client."""

    user_id: str | None = None
    created_at: datetime | None = None
    country: str | None = None
    platform: str | None = None


def client_records_by_id(records: Iterable[RawRecord]) -> dict[str, ClientRecord]:
    """Client -> its record; of several the latest value wins per column."""
    found: dict[str, list[ClientRecord]] = defaultdict(list)
    for record in records:
        client_id = record.text("client_id")
        if record.unreadable is None and client_id is not None:
            found[client_id].append(_client_record(record))
    return {client_id: _merged(several) for client_id, several in found.items()}


def _client_record(record: RawRecord) -> ClientRecord:
    return ClientRecord(
        user_id=record.text("user_id"),
        created_at=parse_time(record.text("created_at")),
        country=record.text("country"),
        platform=record.text("platform"),
    )


def _merged(several: Sequence[ClientRecord]) -> ClientRecord:
    """Per column the latest value that is not null.

    SPEC.md does not say which of equally new ones: docs/data_contract.md has the last as text.
    """
    return ClientRecord(
        user_id=_latest(several, lambda one: one.user_id),
        created_at=max((one.created_at for one in several if one.created_at), default=None),
        country=_latest(several, lambda one: one.country),
        platform=_latest(several, lambda one: one.platform),
    )


def _latest(
    several: Sequence[ClientRecord], column: Callable[[ClientRecord], str | None]
) -> str | None:
    start = datetime.min.replace(tzinfo=UTC)
    given = [(one.created_at or start, column(one)) for one in several]
    values = [(created_at, value) for created_at, value in given if value is not None]
    return max(values)[1] if values else None


def _first_given(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def client_rows(
    events_by_client: Mapping[str, Sequence[Event]], clients: Mapping[str, ClientRecord]
) -> list[Row]:
    """SPEC: "One row per client in stg_events or raw.clients"."""
    return [
        _client_row(client_id, events_by_client.get(client_id, ()), clients.get(client_id))
        for client_id in sorted({*events_by_client, *clients})
    ]


def _client_row(client_id: str, events: Sequence[Event], client: ClientRecord | None) -> Row:
    """One client; its events come in the order (event_time, event_id)."""
    client = client or ClientRecord()
    purchases = [event for event in events if event.is_purchase]
    return {
        "client_id": client_id,
        "first_seen_at": events[0].event_time if events else None,
        "last_seen_at": events[-1].event_time if events else None,
        "first_platform": _first_given(event.platform for event in events) or client.platform,
        "event_count": len(events),
        "page_view_count": sum(event.event_type == PAGE_VIEW for event in events),
        "purchase_count": len(purchases),
        "total_revenue": revenue_of(purchases),
        "user_id": client.user_id or _first_given(event.user_id for event in reversed(events)),
        "created_at": client.created_at,
        "country": client.country,
    }


def revenue_of(purchases: Iterable[Event]) -> Decimal:
    """The exact sum of the revenue; 0.00 for no purchase."""
    amounts = (purchase.revenue for purchase in purchases)
    return sum((amount for amount in amounts if amount is not None), start=Decimal("0.00"))
