"""A shop whose truth is known: each channel adds a planted chance to buy.

A client meets each channel or not, in an order that is typical of the channel, and buys with the
chance 1 - (1 - base) x product of (1 - effect) over the channels met. A channel's true worth is the
number of purchases expected to be lost without it.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import prod

from tests.oracle.delivery import Delivered

START = datetime(2026, 3, 1, tzinfo=UTC)
BASE_CHANCE = 0.01


@dataclass(frozen=True)
class PlantedChannel:
    """How a channel behaves.

    Attributes:
        reach: the chance that a client meets it.
        effect: the chance to buy that it adds.
        position: where it tends to stand in a journey, 0 (it opens) to 1 (it closes).
    """

    reach: float
    effect: float
    position: float


# The channel that opens works, the one that closes hardly does: last touch cannot see it.
CHANNELS: Mapping[str, PlantedChannel] = {
    "planted_opener": PlantedChannel(reach=0.35, effect=0.25, position=0.1),
    "planted_helper": PlantedChannel(reach=0.35, effect=0.14, position=0.4),
    "planted_middling": PlantedChannel(reach=0.30, effect=0.06, position=0.6),
    "planted_closer": PlantedChannel(reach=0.35, effect=0.005, position=0.95),
}


def planted_shop(seed: int, client_count: int) -> tuple[list[Delivered], Mapping[str, float]]:
    """The shop's events, and each channel's true worth in purchases."""
    rng = random.Random(seed)
    worth = dict.fromkeys(CHANNELS, 0.0)
    records: list[Delivered] = []
    for number in range(client_count):
        met = [name for name, channel in CHANNELS.items() if rng.random() < channel.reach]
        chance = _chance(met)
        for name in met:
            worth[name] += chance - _chance([other for other in met if other != name])
        records += _history(rng, f"planted-{number}", met, rng.random() < chance)
    return records, worth


def _chance(met: list[str]) -> float:
    return 1 - (1 - BASE_CHANCE) * prod(1 - CHANNELS[name].effect for name in met)


def _history(rng: random.Random, client: str, met: list[str], buys: bool) -> list[Delivered]:
    met = sorted(met, key=lambda name: CHANNELS[name].position + rng.gauss(0, 0.15))
    instant = START + timedelta(minutes=rng.randint(0, 60 * 24 * 60))
    records: list[Delivered] = []
    for name in met:
        records.append(_event(client, len(records), instant, channel=name))
        instant += timedelta(hours=rng.uniform(1, 100))
    if buys:
        revenue = f"{rng.uniform(5, 95):.2f}"
        records.append(
            _event(client, len(records), instant, event_type="purchase", revenue=revenue)
        )
    return records


def _event(client: str, number: int, instant: datetime, **fields: str) -> Delivered:
    return {
        "client_id": client,
        "event_id": f"{client}-{number}",
        "event_time": instant.isoformat(),
        "event_type": "page_view",
        **fields,
    }
