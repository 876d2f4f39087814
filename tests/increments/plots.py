"""Directed histories: one client each, delivered in steps that trouble an incremental build.

A step comes with a later batch than the one before it. Drawn histories meet most of this by chance;
here each trouble is there for certain, alone, with little around it. All clients use the same event
ids, so that a key without its client would show.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.increments.parcels import Parcel
from tests.oracle.delivery import Delivered
from tests.oracle.generate import SESSION_TIMEOUT, WINDOW
from tests.oracle.generate_times import MICROSECOND, time_text

# No history lasts longer than a year and a half from here.
FIRST_DAY = datetime(2022, 1, 1, tzinfo=UTC)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

ADS: Sequence[Delivered] = (
    {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"},
    {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "weekly"},
    {"gclid": "Cj0"},
    {"referrer": "https://www.bing.com/", "page_url": "https://shop.example/"},
    {"channel": "Paid-Search"},
    {"utm_source": "facebook", "utm_medium": "paid_social"},
    {"referrer": "https://chatgpt.com/"},
    {"utm_source": "partner-42", "utm_medium": "affiliate"},
)
NO_AD: Delivered = {}

Steps = list[Parcel]


@dataclass(frozen=True)
class Story:
    """A client to whom something happens, in instants counted from a start."""

    client_id: str
    start: datetime
    rng: random.Random

    def view(self, event_id: str | None, after: timedelta, ad: Delivered = NO_AD) -> Delivered:
        """A page view so long after the start."""
        return {
            "client_id": self.client_id,
            "event_id": event_id,
            "event_time": time_text(self.rng, self.start + after),
            "event_type": "page_view",
            "platform": self.rng.choice(("web", "ios", None)),
            **ad,
        }

    def purchase(
        self, event_id: str | None, after: timedelta, revenue: str, ad: Delivered = NO_AD
    ) -> Delivered:
        """A purchase so long after the start."""
        return {
            **self.view(event_id, after, ad),
            "event_type": "purchase",
            "revenue": revenue,
            "order_id": f"order-{event_id}",
        }

    def ads(self, count: int) -> list[Delivered]:
        """Different evidence."""
        return self.rng.sample(ADS, count)

    def profile(self, **fields: object) -> Delivered:
        """A record of raw.clients."""
        return {"client_id": self.client_id, **fields}


Tell = Callable[[Story], Steps]


def events(*steps: Sequence[Delivered]) -> Steps:
    """Steps that bring events only."""
    return [Parcel(events=list(step)) for step in steps]


# --- Late and early events ------------------------------------------------------------------------


def purchase_comes_last(story: Story) -> Steps:
    """Touches for batches, a purchase at last: the client's first."""
    first, second, third = story.ads(3)
    return events(
        [story.view("a", timedelta(0), first), story.view("b", 3 * DAY)],
        [story.view("c", 8 * DAY, second), story.view("d", 20 * DAY, third)],
        [story.purchase("e", 35 * DAY, "10.01")],
    )


def touch_comes_late(story: Story, before: timedelta, is_alone: bool) -> Steps:
    """A campaign touch so long before a conversion that is known already."""
    late, known = story.ads(2)
    at = 100 * DAY
    touch = story.view("b", at - 3 * DAY, known) if not is_alone else story.view("b", at - 3 * DAY)
    return events(
        [touch, story.purchase("c", at, "20.00"), story.purchase("d", at + 12 * DAY, "5.55")],
        [story.view("a", at - before, late)],
    )


def touches_come_in_reverse(story: Story) -> Steps:
    """Each batch brings an older touch than the one before."""
    one, two, three = story.ads(3)
    return events(
        [story.purchase("z", 28 * DAY, "9.99"), story.view("c", 20 * DAY, one)],
        [story.view("b", 10 * DAY, two)],
        [story.view("a", timedelta(0), three)],
    )


def direct_visit_comes_late(story: Story) -> Steps:
    """An older direct visit: the journey begins earlier, the credit stays."""
    (ad,) = story.ads(1)
    return events(
        [story.view("b", 50 * DAY, ad), story.purchase("c", 51 * DAY, "7.00")],
        [story.view("a", timedelta(0))],
    )


def purchase_comes_late(story: Story) -> Steps:
    """A purchase between, and one before, those known already."""
    one, two = story.ads(2)
    return events(
        [
            story.view("a", timedelta(0), one),
            story.view("b", 40 * DAY, two),
            story.purchase("d", 45 * DAY, "100.00"),
        ],
        [story.purchase("c", 25 * DAY, "1.00")],
        [story.purchase("e", MINUTE, "2.00")],
    )


def purchase_joins_a_conversion(story: Story) -> Steps:
    """Another purchase at the very instant of a known one: the revenue of one conversion grows."""
    (ad,) = story.ads(1)
    return events(
        [story.view("a", timedelta(0), ad), story.purchase("m", DAY, "3.00")],
        [story.purchase("b", DAY, "4.00"), story.purchase("z", DAY, "0.01")],
    )


def client_reappears_directly(story: Story) -> Steps:
    """Months later there are only direct events."""
    (ad,) = story.ads(1)
    return events(
        [story.view("a", timedelta(0), ad), story.purchase("b", 2 * DAY, "50.00")],
        [story.view("c", 150 * DAY), story.view("d", 150 * DAY + MINUTE)],
        [story.purchase("e", 200 * DAY, "60.00"), story.view("f", 300 * DAY)],
    )


def whole_past_comes_late(story: Story) -> Steps:
    """All that happened before what is known: sessions and touches are numbered anew."""
    one, two, three = story.ads(3)
    return events(
        [
            story.view("e", 200 * DAY, one),
            story.purchase("f", 201 * DAY, "12.00"),
            story.view("g", 202 * DAY, two),
        ],
        [
            story.view("a", timedelta(0), three),
            story.purchase("b", DAY, "13.00"),
            story.view("c", 90 * DAY),
            story.view("d", 175 * DAY, two),
        ],
    )


# --- Sessions -------------------------------------------------------------------------------------


def sessions_merge(story: Story) -> Steps:
    """A late event bridges the gap between two sessions; a third one is numbered anew."""
    one, two = story.ads(2)
    gap = SESSION_TIMEOUT - story.rng.choice((timedelta(0), MICROSECOND, 5 * MINUTE))
    return events(
        [
            story.view("a", timedelta(0), one),
            story.view("c", 2 * gap, one),
            story.view("d", 2 * DAY, two),
            story.purchase("e", 3 * DAY, "8.00"),
        ],
        [story.view("b", gap)],
    )


def session_splits(story: Story) -> Steps:
    """The event in the middle of a session turns out to be a duplicate of an older one."""
    one, two = story.ads(2)
    return events(
        [
            story.view("a", 5 * DAY, one),
            story.view("b", 5 * DAY + 25 * MINUTE),
            story.view("c", 5 * DAY + 50 * MINUTE, one),
            story.purchase("d", 9 * DAY, "6.00"),
        ],
        [story.view("b", DAY, two)],
    )


def session_goes_on(story: Story) -> Steps:
    """Each batch ends in the middle of a session: what repeats in it is no touch."""
    one, two = story.ads(2)
    return events(
        [story.view("a", timedelta(0), one), story.view("b", 10 * MINUTE)],
        [story.view("c", 20 * MINUTE, one), story.purchase("d", 40 * MINUTE, "30.00")],
        [story.view("e", 70 * MINUTE, two), story.purchase("f", 71 * MINUTE, "31.00", two)],
    )


def session_gets_its_channel(story: Story) -> Steps:
    """A session begins without evidence and gets it with later batches, the later one first."""
    one, two = story.ads(2)
    return events(
        [story.view("a", timedelta(0)), story.purchase("d", 25 * MINUTE, "1.10")],
        [story.view("c", 20 * MINUTE, one)],
        [story.view("b", 10 * MINUTE, two)],
    )


def same_instant(story: Story, event_id: str) -> Steps:
    """An event at exactly the instant of the client's last one, before or after it by its id."""
    one, two, three = story.ads(3)
    return events(
        [story.view("c", timedelta(0), one), story.view("m", DAY, two)],
        [story.view(event_id, DAY, three)],
        [story.purchase("n", DAY, "2.20"), story.purchase("k", 2 * DAY, "2.30")],
    )


def same_instant_as_a_purchase(story: Story, event_id: str) -> Steps:
    """A touch at exactly the instant of a known purchase that was the last event."""
    one, two = story.ads(2)
    return events(
        [story.view("c", timedelta(0), one), story.purchase("m", DAY, "2.40")],
        [story.view(event_id, DAY, two)],
    )


# --- Duplicates and contradictions ----------------------------------------------------------------


def records_come_again(story: Story) -> Steps:
    """The same records with every batch, in other order, once with blank fields more."""
    one, two = story.ads(2)
    records = [
        story.view("a", timedelta(0), one),
        story.view("b", 4 * DAY, two),
        story.purchase("c", 5 * DAY, "15.00"),
    ]
    return events(records, records[::-1], [{**record, "loyalty": " "} for record in records])


def without_id_comes_again(story: Story) -> Steps:
    """Events that have no id of their own, delivered twice and a third time."""
    one, two = story.ads(2)
    records = [
        story.view(None, timedelta(0), one),
        story.view("", 4 * DAY, two),
        story.purchase(None, 5 * DAY, "16.00"),
    ]
    return events(records[:2], records, [*records[1:], story.view(None, 6 * DAY)])


def contradicted(story: Story, known: str, other: str, by: timedelta) -> Steps:
    """An id that is known already comes with other content, so much later (or earlier)."""
    one, two, three = story.ads(3)
    # Which of two contents stays is told by the address where only their hash decides.
    first = {**one, "page_url": "https://shop.example/known"}
    second = {**two, "page_url": "https://shop.example/other"}
    at = 60 * DAY
    return events(
        [
            story.view("a", at - 10 * DAY, three),
            _of_type(story, known, at, "40.00", first),
            story.view("z", at + 2 * DAY),
        ],
        [_of_type(story, other, at + by, "41.00", second)],
    )


def contradicted_again(story: Story) -> Steps:
    """Each batch brings an older record of one id: a purchase, a page view, a purchase."""
    one, two, three = story.ads(3)
    return events(
        [story.view("a", timedelta(0), one), _of_type(story, "purchase", 40 * DAY, "1.00", two)],
        [_of_type(story, "page_view", 39 * DAY, "2.00", three)],
        [_of_type(story, "purchase", 5 * DAY, "3.00")],
    )


def only_purchase_vanishes(story: Story) -> Steps:
    """The client's only purchase turns out to be a page view: no conversion, no journey."""
    (ad,) = story.ads(1)
    return events(
        [story.view("a", timedelta(0), ad), story.purchase("b", DAY, "17.00")],
        [story.view("b", DAY - MICROSECOND)],
    )


def _of_type(
    story: Story, event_type: str, at: timedelta, revenue: str, ad: Delivered = NO_AD
) -> Delivered:
    if event_type == "purchase":
        return story.purchase("m", at, revenue, ad)
    return story.view("m", at, ad)


def valid_at_last(story: Story) -> Steps:
    """A record that is rejected; a batch later its id comes with a valid one."""
    one, two = story.ads(2)
    wrong = story.rng.choice(
        (
            {"event_time": "yesterday"},
            {"event_type": "purchases"},
            {"event_type": "purchase", "revenue": "free"},
        )
    )
    right = story.view("b", 2 * DAY, two)
    return events(
        [story.view("a", timedelta(0), one), {**right, **wrong}],
        [right, story.purchase("c", 3 * DAY, "18.00")],
        [{**right, **wrong}],
    )


def spoiled_later(story: Story) -> Steps:
    """A valid record; then the same id earlier, but not valid: it displaces nothing."""
    (ad,) = story.ads(1)
    return events(
        [story.view("a", timedelta(0), ad), story.purchase("b", 3 * DAY, "19.00")],
        [story.purchase("b", 2 * DAY, "-1"), {**story.view("a", -DAY), "event_type": "click"}],
    )


# --- Other things than events ---------------------------------------------------------------------


def profile_comes_first(story: Story) -> Steps:
    """raw.clients knows the client before any event; the newer profile arrives first."""
    (ad,) = story.ads(1)
    newer = story.profile(user_id="new", created_at="2024-05-01T00:00:00Z", country="AT")
    older = story.profile(user_id="old", created_at="2023-05-01T00:00:00Z", platform="ios")
    return [
        Parcel(clients=[newer]),
        Parcel(events=[story.view("a", timedelta(0), ad)]),
        Parcel(events=[story.purchase("b", DAY, "21.00")], clients=[older]),
    ]


def profile_comes_last(story: Story) -> Steps:
    """The events come first; a profile, and then a newer one, batches later."""
    (ad,) = story.ads(1)
    older = story.profile(user_id=None, created_at="2023-05-01T00:00:00Z", country="DE")
    newer = story.profile(user_id="new", created_at="2024-05-01T00:00:00Z", country=" ")
    return [
        Parcel(events=[story.view("a", timedelta(0), ad), story.purchase("b", DAY, "22.00")]),
        Parcel(clients=[older]),
        Parcel(clients=[newer, older]),
    ]


def cost_comes_late(story: Story) -> Steps:
    """The ads' cost arrives batches after the visits; a part of it twice."""
    ad: Delivered = {"utm_source": "adnet", "utm_medium": "cpm", "utm_campaign": story.client_id}
    day = f"{story.start:%Y-%m-%d}"
    tags = {"source": "adnet", "medium": "cpm", "campaign": story.client_id}
    cost: Delivered = {"date": day, "cost": "12.34", **tags}
    return [
        Parcel(events=[story.view("a", timedelta(0), ad), story.purchase("b", DAY, "23.00")]),
        Parcel(spend=[cost, {"date": day, "cost": "0.66", "channel": "Leaflets"}]),
        Parcel(spend=[cost, {**cost, "cost": "not yet known"}]),
    ]


def cost_comes_first(story: Story) -> Steps:
    """The ads' cost is there before the first visit by a campaign that nobody knows yet."""
    tags = {"source": f"early-{story.client_id}", "medium": "cpc"}
    ad: Delivered = {"utm_source": f"early-{story.client_id}", "utm_medium": "cpc"}
    return [
        Parcel(spend=[{"date": f"{story.start:%Y-%m-%d}", "cost": 5, **tags}]),
        Parcel(events=[story.view("a", timedelta(0), ad), story.purchase("b", DAY, "24.00")]),
    ]


def tags_are_new(story: Story) -> Steps:
    """Later batches bring tags, hosts, a sender's channel and an event type nobody has seen."""
    name = story.client_id.replace(" ", "-")
    (ad,) = story.ads(1)
    return events(
        [story.view("a", timedelta(0), ad)],
        [
            story.view("b", 2 * DAY, {"utm_source": f"tag-{name}", "utm_medium": "leaflet"}),
            story.view("c", 3 * DAY, {"referrer": f"https://host-{name}.example/x"}),
            {**story.view("d", 4 * DAY), "event_type": f"type-{name}"},
        ],
        [
            story.view("e", 5 * DAY, {"channel": f"Channel {name}"}),
            story.view("f", 6 * DAY, {"utm_source": "google", "utm_campaign": f"tag-{name}"}),
            story.purchase("g", 7 * DAY, "25.00"),
        ],
    )


def path_is_long(story: Story) -> Steps:
    """More touches than a list keeps; a late one moves all of them by a place."""
    ads = [story.ads(1)[0] for _ in range(504)]
    visits = [story.view(f"v{n}", (n + 2) * 40 * MINUTE, ad) for n, ad in enumerate(ads)]
    (late,) = story.ads(1)
    return events(
        [*visits[:300], story.purchase("m", 13 * DAY, "26.00")],
        [*visits[300:], story.purchase("n", 15 * DAY, "27.00")],
        [story.view("a", timedelta(0), late)],
    )


def _late_touches() -> dict[str, Tell]:
    """How late a touch can be, with another touch in the window and without one."""
    lags = {
        "minutes": 7 * MINUTE,
        "days": 9 * DAY,
        "weeks": 23 * DAY,
        "the window": WINDOW,
        "more than the window": WINDOW + MICROSECOND,
        "months": 80 * DAY,
    }
    return {
        f"touch {name} late{', alone' if is_alone else ''}": partial(
            touch_comes_late, before=before, is_alone=is_alone
        )
        for name, before in lags.items()
        for is_alone in (False, True)
    }


def _contradictions() -> dict[str, Tell]:
    """Known type, other type, and how much later the other one is."""
    kinds = ("page_view", "purchase")
    shifts = {
        "earlier": -DAY,
        "just earlier": -MICROSECOND,
        "much earlier": -45 * DAY,
        "later": DAY,
        "at once": timedelta(0),
    }
    return {
        f"{known} contradicted by {other} {name}": partial(
            contradicted, known=known, other=other, by=by
        )
        for name, by in shifts.items()
        for known in kinds
        for other in kinds
    }


_SIMPLE: Sequence[Tell] = (
    purchase_comes_last,
    touches_come_in_reverse,
    direct_visit_comes_late,
    purchase_comes_late,
    purchase_joins_a_conversion,
    client_reappears_directly,
    whole_past_comes_late,
    sessions_merge,
    session_splits,
    session_goes_on,
    session_gets_its_channel,
    records_come_again,
    without_id_comes_again,
    contradicted_again,
    only_purchase_vanishes,
    valid_at_last,
    spoiled_later,
    profile_comes_first,
    profile_comes_last,
    cost_comes_late,
    cost_comes_first,
    tags_are_new,
)

PLOTS: dict[str, Tell] = {
    **{tell.__name__.replace("_", " "): tell for tell in _SIMPLE},
    **_late_touches(),
    **_contradictions(),
    "same instant, smaller id": partial(same_instant, event_id="a"),
    "same instant, greater id": partial(same_instant, event_id="z"),
    "purchase's instant, smaller id": partial(same_instant_as_a_purchase, event_id="a"),
    "purchase's instant, greater id": partial(same_instant_as_a_purchase, event_id="z"),
}

# Five hundred touches: once is enough.
LONG_PLOTS: dict[str, Tell] = {"path is long": path_is_long}

_UNDECIDED = re.compile(r".* contradicted by .* at once \d+")


def is_undecided(client_id: str, event_id: str | None) -> bool:
    """Whether only the pipeline's hash decides which record of this event stays."""
    return event_id == "m" and _UNDECIDED.fullmatch(client_id) is not None


def directed(copies: int, rng: random.Random) -> list[Steps]:
    """Every plot so many times, each for a client of its own, on other days and by other ads."""
    tellings = [(name, tell, n) for name, tell in PLOTS.items() for n in range(copies)]
    tellings += [(name, tell, 0) for name, tell in LONG_PLOTS.items() if copies]
    return [tell(_story(f"{name} {number}", rng)) for name, tell, number in tellings]


def _story(client_id: str, rng: random.Random) -> Story:
    instant = timedelta(seconds=rng.randrange(500 * 86400), microseconds=rng.randrange(3))
    return Story(client_id, FIRST_DAY + instant, random.Random(rng.random()))
