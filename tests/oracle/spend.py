"""What was spent on which channel (docs/attribution_rules.md, "Spend")."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from math import floor

from tests.oracle.channels import (
    DIRECT,
    DIRECT_BY_SENDER,
    UNASSIGNED,
    Rules,
    Tags,
    channel_of,
    evidence_by_sender,
)
from tests.oracle.records import (
    RawRecord,
    content_placeholder,
    is_valid_event_time,
    parse_revenue,
    parse_time,
)

Row = dict[str, object]
Costs = Mapping[str, Decimal]

_EIGHT_DIGITS = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


def staged_spend(records: Iterable[RawRecord], rules: Rules) -> tuple[list[Row], list[Row]]:
    """The rows of stg_ad_spend, and a row with a reason for every record that is not among them."""
    rejected: list[Row] = []
    valid: dict[str, list[RawRecord]] = defaultdict(list)
    for record in records:
        reason = spend_rejection(record)
        if reason is None:
            valid[content_placeholder(record)].append(record)
        else:
            rejected.append(_rejected_row(record, reason))
    staged: list[Row] = []
    for spend_id, deliveries in valid.items():
        # one content, so only the place tells them apart
        record, *rest = sorted(deliveries, key=lambda one: (one.source_sha256, one.source_position))
        staged.append(_staged_row(spend_id, record, rules))
        rejected.extend(_rejected_row(other, "duplicate_record") for other in rest)
    return staged, rejected


def spend_rejection(record: RawRecord) -> str | None:
    """The first reason that applies, duplicates aside; None for a valid record."""
    if record.unreadable is not None:
        return "unreadable_record"
    day = parse_day(record.text("date"))
    midnight = datetime.combine(day, time(), UTC) if day else None
    if not is_valid_event_time(midnight, record.landed_at):
        return "invalid_date"
    return "invalid_cost" if parse_revenue(record.text("cost")) is None else None


def parse_day(text: str | None) -> date | None:
    """The day a text means: eight digits are a day, anything else is read like an event's time."""
    digits = _EIGHT_DIGITS.fullmatch(text or "")
    if digits is None:
        instant = parse_time(text)
        return instant.date() if instant else None
    try:
        return date(*map(int, digits.groups()))
    except ValueError:
        return None


def _staged_row(spend_id: str, record: RawRecord, rules: Rules) -> Row:
    tags = Tags(*(record.campaign_text(name) for name in ("source", "medium", "campaign")))
    return {
        "spend_id": spend_id,
        "spend_date": parse_day(record.text("date")),
        "channel": _channel(record.campaign_text("channel"), tags, rules),
        "source": tags.source,
        "medium": tags.medium,
        "campaign": tags.campaign,
        "cost": parse_revenue(record.text("cost")),
    }


def _channel(given: str | None, tags: Tags, rules: Rules) -> str:
    """The channel given as on an event, else that of the tags; nothing given is unassigned."""
    if given is not None:
        is_direct = given.lower() in DIRECT_BY_SENDER
        return DIRECT if is_direct else evidence_by_sender(given, tags).channel
    return UNASSIGNED if tags == Tags() else channel_of(tags, rules)


def _rejected_row(record: RawRecord, reason: str) -> Row:
    return {
        "reason": reason,
        "source_sha256": record.source_sha256,
        "source_position": record.source_position,
    }


def costs_of(staged: Iterable[Mapping[str, object]]) -> Costs:
    """Channel -> what was spent on it."""
    costs: dict[str, Decimal] = defaultdict(Decimal)
    for row in staged:
        cost = row["cost"]
        assert isinstance(cost, Decimal)
        costs[str(row["channel"])] += cost
    return costs


def cost_columns(cost: Decimal, conversions: Fraction | int, revenue: Decimal) -> Row:
    """What a channel's conversions cost and its spend returned, by the model that counted them."""
    halves_up = floor(Fraction(cost) / conversions * 100 + Fraction(1, 2)) if conversions else None
    return {
        "cost": cost,
        "cpa": None if halves_up is None else Decimal(halves_up).scaleb(-2),
        "roas": float(revenue) / float(cost) if cost else None,
    }
