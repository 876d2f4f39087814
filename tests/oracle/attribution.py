"""Conversions, their windows, and who gets the credit (SPEC.md section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from tests.oracle.channels import DIRECT
from tests.oracle.sessions import Touch
from tests.oracle.staging import Event, revenue_of

MARKETING = "marketing"
DIRECT_STATUS = "direct"
OUTSIDE_WINDOW = "outside_window"
NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Conversion:
    """SPEC: "All purchases of one client at one instant"."""

    client_id: str
    event_time: datetime
    purchases: Sequence[Event]

    @property
    def revenue(self) -> Decimal:
        """SPEC: "Revenue summed"."""
        return revenue_of(self.purchases)


@dataclass(frozen=True)
class Credit:
    """What one model makes of a conversion: a row of the first- or last-touch mart."""

    channel: str
    touch: Touch | None
    attributed_revenue: Decimal


@dataclass(frozen=True)
class Attribution:
    """A conversion with the touches that can explain it."""

    conversion: Conversion
    window: Sequence[Touch]
    latest_older_marketing: Touch | None
    status: str
    first: Credit
    last: Credit

    @property
    def window_marketing(self) -> list[Touch]:
        """The marketing touches inside the window, in order."""
        return [touch for touch in self.window if touch.is_marketing]


def conversions_of(client_id: str, events: Sequence[Event]) -> list[Conversion]:
    """SPEC: "Key (client_id, event_time), revenue summed, the events and orders kept as arrays"."""
    purchases = [event for event in events if event.is_purchase]
    return [
        Conversion(client_id, event_time, tuple(group))
        for event_time, group in groupby(purchases, key=lambda purchase: purchase.event_time)
    ]


def attribute(
    conversion: Conversion,
    touches: Sequence[Touch],
    window: timedelta,
    outside_window_channel: str,
) -> Attribution:
    """Looks back from one conversion over the client's touches (in order)."""
    opens_at, closes_at = conversion.event_time - window, conversion.event_time
    # "event_time - 30 x 24 h <= touch_at <= event_time, both ends included, instants in UTC"
    inside = [touch for touch in touches if opens_at <= touch.touch_at <= closes_at]
    older = [touch for touch in touches if touch.touch_at < opens_at and touch.is_marketing]
    marketing = [touch for touch in inside if touch.is_marketing]
    if marketing:
        # "First and last go by (touch_at, event_id): the smallest, the greatest."
        status = MARKETING
        first, last = (_credit_to(touch, conversion) for touch in (marketing[0], marketing[-1]))
    else:
        # "marketing touches, but all older than the window" | "no marketing touch at all, ever"
        status = OUTSIDE_WINDOW if older else DIRECT_STATUS
        channel = outside_window_channel if older else DIRECT
        first = last = _credit_without_touch(channel, conversion)
    latest_older = older[-1] if older else None
    return Attribution(conversion, inside, latest_older, status, first, last)


def _credit_to(touch: Touch, conversion: Conversion) -> Credit:
    return Credit(touch.channel, touch, conversion.revenue)


def _credit_without_touch(channel: str, conversion: Conversion) -> Credit:
    """A conversion that no touch is credited for.

    SPEC: "Var outside_window_channel: direct turns it into direct with the revenue, as GA4 does
    it". Otherwise a conversion outside the window leaves its revenue unattributed.
    """
    return Credit(channel, None, conversion.revenue if channel == DIRECT else NOTHING)


def bounded(touches: Sequence[Touch], limit: int) -> list[Touch]:
    """SPEC: "Longer ones keep the first marketing touch and the latest ones".

    The latest `limit` when the first marketing touch is among them (or there is none), else the
    first marketing touch and the latest `limit` - 1.
    """
    if len(touches) <= limit:
        return list(touches)
    first_marketing = next((n for n, touch in enumerate(touches) if touch.is_marketing), None)
    if first_marketing is None or first_marketing >= len(touches) - limit:
        return list(touches[len(touches) - limit :])
    return [touches[first_marketing], *touches[len(touches) - limit + 1 :]]
