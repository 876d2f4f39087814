"""What a peer must agree on with the marts before its time counts.

Standard library only, and SQL that Spark and DuckDB both read: the peers run it as it is.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

Answers = dict[str, list[list[str]]]

_BY_CHANNEL = (
    "select channel, count(*) as conversions, sum(attributed_revenue) as revenue"
    " from marts.{model} group by channel"
)
FIRST_AND_LAST: dict[str, str] = {
    "first touch by channel": _BY_CHANNEL.format(model="first_touch_attribution"),
    "last touch by channel": _BY_CHANNEL.format(model="last_touch_attribution"),
}
EVERYTHING: dict[str, str] = {
    **FIRST_AND_LAST,
    "conversions by status": (
        "select attribution_status, count(*) as conversions, sum(revenue) as revenue"
        " from marts.first_touch_attribution group by attribution_status"
    ),
    "journeys": (
        "select count(*), sum(journey_length_days), sum(days_to_first_purchase),"
        " sum(session_count), sum(touch_count), sum(purchase_count), sum(total_revenue),"
        " sum(length(channel_path)) from marts.client_journeys"
    ),
    "channel performance": (
        "select channel, sessions, touches, clients, first_touch_conversions,"
        " last_touch_conversions, assisted_conversions, unattributed_revenue"
        " from marts.channel_performance"
    ),
    "events by type and channel": (
        "select event_type, channel, count(*) as events"
        " from staging.stg_events group by event_type, channel"
    ),
    "clients": (
        "select count(*), sum(event_count), sum(purchase_count), sum(total_revenue)"
        " from staging.stg_clients"
    ),
    "rejected by reason": (
        "select reason, count(*) as records from staging.rejected_events group by reason"
    ),
}


def as_answer(rows: Sequence[Sequence[object]]) -> list[list[str]]:
    """Write a result so that the same numbers of two engines become the same texts.

    Args:
        rows: of a query, in any order.
    """
    return sorted([_as_text(value) for value in row] for row in rows)


def differences(ours: Answers, theirs: Answers) -> list[str]:
    """Name the answers in which two sides differ, with the first row that does.

    Args:
        ours: the marts'.
        theirs: the peer's; what it did not answer is not compared.
    """
    found = []
    for name, rows in theirs.items():
        expected = ours.get(name)
        if expected is None:
            found.append(f"{name}: the marts have no such answer")
        elif rows != expected:
            found.append(f"{name}: {_first_difference(expected, rows)}")
    return found


def merged_answers(parts: Sequence[Mapping[str, list[list[str]]]]) -> Answers:
    """Put answers together, later ones winning.

    Args:
        parts: answers by name.
    """
    return {name: rows for part in parts for name, rows in part.items()}


def _first_difference(expected: Sequence[object], rows: Sequence[object]) -> str:
    missing = next((row for row in expected if row not in rows), None)
    surplus = next((row for row in rows if row not in expected), None)
    return f"ours {missing}, theirs {surplus}"


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return format(Decimal(value).normalize(), "f")
    return str(value)
