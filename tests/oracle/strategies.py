"""Hypothesis strategies: client histories on the boundaries of SPEC.md.

Two kinds. `small_histories` are a few events of plain evidence, drawn piece by piece, so that a
failure shrinks to the one step that matters. `long_histories` are `generate`'s: every spelling,
duplicate and fault, drawn from a random source that Hypothesis owns.
"""

import random
from collections.abc import Callable
from datetime import datetime

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.oracle.delivery import Delivered
from tests.oracle.generate import GAPS, LATEST, REVENUES, STARTS, client_history, client_name
from tests.oracle.generate_times import MICROSECOND, time_text
from tests.oracle.transforms import renamed

CLIENT = "client"

# The first and the second are one campaign, by columns and by the page's address; the third is the
# same channel by another campaign.
EVIDENCE: tuple[Delivered, ...] = (
    {},
    {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring"},
    {"page_url": "https://shop.example/?utm_source=google&utm_medium=CPC&utm_campaign=spring"},
    {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "summer"},
    {"utm_source": "newsletter", "utm_medium": "email"},
    {"channel": "Paid-Search"},
    {"channel": "(direct)"},
    {"gclid": "Cj0"},
    {"referrer": "https://www.bing.com/", "page_url": "https://shop.example/"},
    {"referrer": "https://shop.example/cart", "page_url": "https://shop.example/"},
)

# Text orders upper case before lower case, and both before everything else.
ID_PREFIXES = ("a", "Z", "\u00e9")


@st.composite
def small_histories(draw: st.DrawFn, client_id: str = CLIENT, most: int = 5) -> list[Delivered]:
    """A few events, each a boundary away from an earlier one; perhaps one id delivered twice."""
    spelling = draw(st.randoms(use_true_random=True))
    instant = draw(st.sampled_from(STARTS))
    instants = [instant]
    records = []
    for number in range(draw(st.integers(1, most))):
        is_purchase = draw(st.booleans())
        records.append(
            {
                "client_id": client_id,
                "event_id": f"{draw(st.sampled_from(ID_PREFIXES))}{number}",
                "event_time": time_text(spelling, instant),
                "event_type": "purchase" if is_purchase else "page_view",
                "revenue": draw(st.sampled_from(REVENUES)) if is_purchase else None,
                "order_id": f"o{number}" if is_purchase else None,
                **draw(st.sampled_from(EVIDENCE)),
            }
        )
        anchor = draw(st.sampled_from((max(instants), min(instants))))
        instant = min(anchor + draw(st.sampled_from(GAPS)), LATEST)
        instants.append(instant)
    # the last instant drawn has no event of its own: it may be that of a second delivery
    if draw(st.booleans()):
        records.append(_claimed_again(draw, records[0], instants[0], spelling))
    return records


def _claimed_again(
    draw: st.DrawFn, record: Delivered, instant: datetime, spelling: random.Random
) -> Delivered:
    """The same id with other content a microsecond later, or with the same content."""
    if draw(st.booleans()):
        return dict(record)
    return {
        "client_id": record["client_id"],
        "event_id": record["event_id"],
        "event_time": time_text(spelling, instant + MICROSECOND),
        "event_type": "purchase",
        "revenue": "77.77",
        **draw(st.sampled_from(EVIDENCE)),
    }


def long_histories(
    client_id: str = CLIENT, most: int = 12, *, is_shrunk: bool = False
) -> st.SearchStrategy[list[Delivered]]:
    """`generate`'s histories of one client.

    Args:
        client_id: whose.
        most: Most events, before duplicates and bad records.
        is_shrunk: Let Hypothesis make every single choice, so that a failure shrinks; that is slow.
    """
    sources = st.randoms(use_true_random=not is_shrunk)
    return sources.map(lambda rng: client_history(rng, client_id, most))


def histories(
    client_id: str = CLIENT, *, is_shrunk: bool = True
) -> st.SearchStrategy[list[Delivered]]:
    """One client's records."""
    return small_histories(client_id) | long_histories(client_id, is_shrunk=is_shrunk)


def drawn(
    count: int, seed_number: int, strategy: st.SearchStrategy[list[Delivered]] | None = None
) -> list[list[Delivered]]:
    """Histories of so many clients, each under a name of its own; one seed draws the same ones."""
    found: list[list[Delivered]] = []
    _collector(
        count,
        seed_number,
        histories(is_shrunk=False) if strategy is None else strategy,
        found.append,
    )()
    names = random.Random(seed_number)
    return [
        renamed(history, client_name(names, number)) for number, history in enumerate(found[:count])
    ]


def _collector(
    count: int,
    seed_number: int,
    strategy: st.SearchStrategy[list[Delivered]],
    collect: Callable[[list[Delivered]], None],
) -> Callable[[], None]:
    """A Hypothesis test that cannot fail: it hands over what Hypothesis draws."""

    @seed(seed_number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def take(history: list[Delivered]) -> None:
        collect(history)

    return take
