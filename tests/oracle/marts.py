"""The rows of every table, from the records to the marts (SPEC.md section 6)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.oracle.attribution import (
    MARKETING,
    NOTHING,
    Attribution,
    Credit,
    attribute,
    bounded,
    conversions_of,
)
from tests.oracle.channels import UNASSIGNED, Evidence, Rules
from tests.oracle.config import Config
from tests.oracle.models import model_comparison_rows, multi_touch_rows
from tests.oracle.records import CENT, RawRecord
from tests.oracle.sessions import Session, Touch, sessions_of
from tests.oracle.spend import Costs, cost_columns, costs_of, staged_spend
from tests.oracle.staging import (
    Event,
    Row,
    client_records_by_id,
    client_rows,
    revenue_of,
    staged,
)

PATH_SEPARATOR = " > "


@dataclass(frozen=True)
class Client:
    """Everything derived about one client that has events."""

    client_id: str
    events: Sequence[Event]
    sessions: Sequence[Session]
    touches: Sequence[Touch]
    attributions: Sequence[Attribution]


def run(
    records: Iterable[RawRecord],
    client_records: Iterable[RawRecord],
    rules: Rules,
    config: Config | None = None,
    spend_records: Iterable[RawRecord] = (),
) -> dict[str, list[Row]]:
    """Computes every table of SPEC.md from the landed records.

    Args:
        records: All records of raw.events, in any order.
        client_records: All records of raw.clients.
        rules: The seeds.
        config: The vars; the shipped ones if not given.
        spend_records: All records of raw.ad_spend.

    Returns:
        Table name (without schema) -> rows (column -> value), in a stable order.
    """
    config = config or Config()
    events, rejected = staged(records, rules)
    events_by_client: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        events_by_client[event.client_id].append(event)
    clients = [_client(*item, config) for item in events_by_client.items()]
    attributions = [one for client in clients for one in client.attributions]
    spend, rejected_spend = staged_spend(spend_records, rules)
    limit = config.max_path_touches
    return {
        "stg_events": [event.row() for event in events],
        "rejected_events": rejected,
        "stg_ad_spend": spend,
        "rejected_ad_spend": rejected_spend,
        "stg_clients": client_rows(events_by_client, client_records_by_id(client_records)),
        "first_touch_attribution": [_touch_row(one, one.first) for one in attributions],
        "last_touch_attribution": [_touch_row(one, one.last) for one in attributions],
        "conversion_paths": [_path_row(one, limit) for one in attributions],
        "client_journeys": [_journey_row(one, limit) for one in clients if one.attributions],
        "channel_performance": channel_performance_rows(clients, costs_of(spend)),
        "attribution_explain": [
            row for one in attributions for row in explain_rows(one, bounded(one.window, limit))
        ],
        "multi_touch_attribution": [
            row for one in attributions for row in multi_touch_rows(one, config)
        ],
        "model_comparison": model_comparison_rows(
            attributions,
            [one.touches for one in clients if not one.attributions],
            config,
            costs_of(spend),
        ),
        "unassigned_sources": unassigned_rows(clients),
    }


def _client(client_id: str, events: Sequence[Event], config: Config) -> Client:
    sessions = sessions_of(events, config.session_timeout)
    # sessions do not overlap, so their touches follow each other in order
    touches = [touch for session in sessions for touch in session.touches]
    attributions = [
        attribute(conversion, touches, config.attribution_window, config.outside_window_channel)
        for conversion in conversions_of(client_id, events)
    ]
    return Client(client_id, events, sessions, touches, attributions)


# --- One row per conversion -----------------------------------------------------------------------


def _touch_row(attribution: Attribution, credit: Credit) -> Row:
    """A row of first_ or last_touch_attribution; tags and time are null when not `marketing`."""
    conversion, touch = attribution.conversion, credit.touch
    return {
        "client_id": conversion.client_id,
        "event_time": conversion.event_time,
        "channel": credit.channel,
        "source": touch.evidence.source if touch else None,
        "medium": touch.evidence.medium if touch else None,
        "campaign": touch.evidence.campaign if touch else None,
        "touch_at": touch.touch_at if touch else None,
        "revenue": conversion.revenue,
        "attributed_revenue": credit.attributed_revenue,
        "attribution_status": attribution.status,
    }


def _path_row(attribution: Attribution, limit: int) -> Row:
    """A row of conversion_paths. The list is bounded, "and the counts stay exact"."""
    conversion, window = attribution.conversion, attribution.window
    listed = bounded(window, limit)
    opened_at = window[0].touch_at if window else None
    orders = [purchase.order_id for purchase in conversion.purchases]
    return {
        "client_id": conversion.client_id,
        "event_time": conversion.event_time,
        "revenue": conversion.revenue,
        "purchase_count": len(conversion.purchases),
        "order_ids": [order for order in orders if order is not None],
        "event_ids": [purchase.event_id for purchase in conversion.purchases],
        "touch_count": len(window),
        "marketing_touch_count": len(attribution.window_marketing),
        "channel_path": channel_path(listed),
        "touches": [_touch_struct(touch) for touch in listed],
        "days_to_conversion": whole_days(opened_at, conversion.event_time) if opened_at else None,
        "attribution_status": attribution.status,
        "is_path_truncated": len(listed) < len(window),
    }


def _touch_struct(touch: Touch) -> Row:
    """A touch; SPEC.md leaves the names of the struct's fields open."""
    return {
        "touch_at": touch.touch_at,
        "event_id": touch.event_id,
        "channel": touch.channel,
        "source": touch.evidence.source,
        "medium": touch.evidence.medium,
        "campaign": touch.evidence.campaign,
    }


def channel_path(touches: Iterable[Touch]) -> str:
    """SPEC: "Channels of the window's touches in order, joined by ` > `"."""
    return PATH_SEPARATOR.join(touch.channel for touch in touches)


def whole_days(start: datetime, end: datetime) -> int:
    """Whole periods of 24 hours, no calendar days."""
    return (end - start) // timedelta(hours=24)


def explain_rows(attribution: Attribution, listed: Sequence[Touch]) -> list[Row]:
    """The rows of attribution_explain for one conversion.

    SPEC: "one row per conversion and touch at or before it (within the window plus the latest
    marketing touch before it)".
    """
    outside = attribution.latest_older_marketing
    touches = [*([outside] if outside is not None else []), *listed]
    return [
        {
            "client_id": attribution.conversion.client_id,
            "event_time": attribution.conversion.event_time,
            **_touch_struct(touch),
            "age_seconds": _seconds(attribution.conversion.event_time - touch.touch_at),
            "is_first_touch": touch == attribution.first.touch,
            "is_last_touch": touch == attribution.last.touch,
            "decision": _decision(attribution, touch),
        }
        for touch in touches
    ]


def _decision(attribution: Attribution, touch: Touch) -> str:
    """Why a touch got credit or not."""
    if touch == attribution.latest_older_marketing:
        return "outside_window"
    if not touch.is_marketing:
        # "direct_excluded (a marketing touch outweighs it), direct_only"
        has_marketing = (
            attribution.status == MARKETING or attribution.latest_older_marketing is not None
        )
        return "direct_excluded" if has_marketing else "direct_only"
    # "credited, between (a marketing touch that is neither)"
    is_credited = touch in (attribution.first.touch, attribution.last.touch)
    return "credited" if is_credited else "between"


def _seconds(age: timedelta) -> Decimal:
    """An exact number of seconds, to the microsecond."""
    return (Decimal(age // timedelta(microseconds=1)) / 1_000_000).quantize(Decimal("0.000001"))


# --- One row per client ---------------------------------------------------------------------------


def _journey_row(client: Client, limit: int) -> Row:
    """A row of client_journeys.

    SPEC: "the whole path from the first touch, of any channel and however old, to the last
    purchase".

    There always is a touch: the client's first event opens a session and is a touch by (a) or (b).
    """
    purchases = [event for event in client.events if event.is_purchase]
    first_purchase_at, last_purchase_at = purchases[0].event_time, purchases[-1].event_time
    # "session_count and touch_count (begun by then)"
    touches = [touch for touch in client.touches if touch.touch_at <= last_purchase_at]
    sessions = [one for one in client.sessions if one.started_at <= last_purchase_at]
    listed = bounded(touches, limit)
    first = touches[0]
    return {
        "client_id": client.client_id,
        "first_touch_at": first.touch_at,
        "first_touch_channel": first.channel,
        "first_purchase_at": first_purchase_at,
        "last_purchase_at": last_purchase_at,
        "journey_length_days": whole_days(first.touch_at, last_purchase_at),
        "days_to_first_purchase": whole_days(first.touch_at, first_purchase_at),
        "session_count": len(sessions),
        "touch_count": len(touches),
        "purchase_count": len(purchases),
        "total_revenue": revenue_of(purchases),
        "channel_path": channel_path(listed),
        # "is_path_truncated says so ... The same holds for the path of a journey"
        "is_path_truncated": len(listed) < len(touches),
    }


# --- One row per channel --------------------------------------------------------------------------


def channel_performance_rows(clients: Sequence[Client], costs: Costs) -> list[Row]:
    """SPEC: "One row per channel that has any of it"."""
    sessions = Counter(session.channel for client in clients for session in client.sessions)
    touches = Counter(touch.channel for client in clients for touch in client.touches)
    reached = Counter(
        channel for client in clients for channel in {touch.channel for touch in client.touches}
    )
    attributions = [one for client in clients for one in client.attributions]
    assisted = assisted_conversions(attributions)
    credited = {one.first.channel for one in attributions} | {
        one.last.channel for one in attributions
    }
    return [
        {
            "channel": channel,
            "sessions": sessions[channel],
            "touches": touches[channel],
            "clients": reached[channel],
            "assisted_conversions": assisted[channel],
            **_credit_columns(channel, sessions[channel], attributions, costs),
        }
        for channel in sorted({*sessions, *touches, *credited, *costs})
    ]


def _credit_columns(
    channel: str, sessions: int, attributions: Sequence[Attribution], costs: Costs
) -> Row:
    """The columns that count conversions credited to a channel."""
    first = [one for one in attributions if one.first.channel == channel]
    last = [one for one in attributions if one.last.channel == channel]
    revenue = _sum(one.conversion.revenue for one in last)
    attributed = _sum(one.last.attributed_revenue for one in last)
    average = (revenue / len(last)).quantize(CENT, ROUND_HALF_UP) if last else None
    return {
        "first_touch_conversions": len(first),
        "first_touch_revenue": _sum(one.first.attributed_revenue for one in first),
        "last_touch_conversions": len(last),
        "last_touch_revenue": attributed,
        # "last-touch conversions per session of the channel, null without sessions"
        "conversion_rate": len(last) / sessions if sessions else None,
        "average_order_value": average,
        # "the revenue left out of attribution"
        "unattributed_revenue": revenue - attributed,
        **cost_columns(costs.get(channel, NOTHING), len(last), attributed),
    }


def assisted_conversions(attributions: Iterable[Attribution]) -> Mapping[str, int]:
    """Channel -> conversions it helped with.

    SPEC: "conversions with this channel among the window's marketing touches, credited to another
    by last touch".
    """
    return Counter(
        channel
        for one in attributions
        for channel in {touch.channel for touch in one.window_marketing} - {one.last.channel}
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, start=NOTHING)


def unassigned_rows(clients: Sequence[Client]) -> list[Row]:
    """The rows of unassigned_sources, without its suggestions."""
    rows: dict[tuple[str | None, str | None], Row] = {}

    def row_of(evidence: Evidence) -> Row:
        tags = [evidence.source, evidence.medium]
        source, medium = (tag.lower() if tag is not None else None for tag in tags)
        return rows.setdefault(
            (source, medium),
            {
                "source": source,
                "medium": medium,
                "sessions": 0,
                "touches": 0,
                "clients": 0,
                "last_touch_conversions": 0,
                "last_touch_revenue": NOTHING,
                "example_campaign": None,
            },
        )

    for client in clients:
        shown = [one.evidence for one in client.events if one.evidence.channel == UNASSIGNED]
        for row in {id(row): row for row in map(row_of, shown)}.values():
            row["clients"] += 1
        for evidence in shown:
            campaigns = {row_of(evidence)["example_campaign"], evidence.campaign} - {None}
            row_of(evidence)["example_campaign"] = min(campaigns, default=None)
        for touch in client.touches:
            if touch.channel == UNASSIGNED:
                row_of(touch.evidence)["touches"] += 1
        for evidence in session_evidence(client):
            if evidence.channel == UNASSIGNED:
                row_of(evidence)["sessions"] += 1
        for one in client.attributions:
            if one.last.touch is not None and one.last.channel == UNASSIGNED:
                row = row_of(one.last.touch.evidence)
                row["last_touch_conversions"] += 1
                row["last_touch_revenue"] += one.last.attributed_revenue
    return list(rows.values())


def session_evidence(client: Client) -> list[Evidence]:
    """The first marketing evidence of each session that has any: its first marketing touch."""
    firsts = (
        next((touch.evidence for touch in session.touches if touch.is_marketing), None)
        for session in client.sessions
    )
    return [evidence for evidence in firsts if evidence is not None]
