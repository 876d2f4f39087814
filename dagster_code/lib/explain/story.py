"""What is known of a client's conversions, as plain values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Story:
    """One conversion with all that was considered for it.

    Attributes:
        conversion: its row of ``marts.conversion_paths``.
        touches: its rows of ``marts.attribution_explain``, in order.
        credits: its rows of ``marts.multi_touch_attribution``.
    """

    conversion: Row
    touches: Sequence[Row]
    credits: Sequence[Row]


@dataclass(frozen=True)
class Explanation:
    """A client's conversions, the earliest first.

    Attributes:
        client_id: the client.
        stories: the conversions that are told.
        conversion_count: how many were asked for.
        variables: the dbt variables that the tables were built with.
    """

    client_id: str
    stories: Sequence[Story]
    conversion_count: int
    variables: Mapping[str, Any]


def credits_by_touch(credits_: Iterable[Row]) -> dict[str | None, list[Row]]:
    """Group a conversion's credits by the touch that got them.

    Args:
        credits_: its rows of ``marts.multi_touch_attribution``.

    Returns:
        The rows by the touch's id; ``None`` for what no touch got.
    """
    grouped: dict[str | None, list[Row]] = {}
    for row in credits_:
        grouped.setdefault(row["touch_event_id"], []).append(row)
    return grouped


def totals_by_model(story: Story) -> list[Row]:
    """Add up what each model gave and what it left; together it should be the revenue.

    Args:
        story: the conversion.
    """
    totals: list[Row] = []
    is_left_out = story.conversion["attribution_status"] == "outside_window"
    for model in MODELS:
        rows = [row for row in story.credits if row["model"] == model]
        given = sum((row["attributed_revenue"] for row in rows), Decimal("0.00"))
        # The rows themselves say it: nothing attributed although there is a row without a touch.
        is_unattributed = is_left_out and bool(rows) and not given
        left = story.conversion["revenue"] if is_unattributed else Decimal("0.00")
        totals.append(
            {
                "model": model,
                "attributed_revenue": given,
                "unattributed_revenue": left,
                "revenue": given + left,
            }
        )
    return totals
