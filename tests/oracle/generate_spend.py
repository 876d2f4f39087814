"""Records of ad spend: every form of a day, a cost and a channel, and everything that is wrong."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from tests.oracle.delivery import UNREADABLE, Delivered
from tests.oracle.generate_evidence import CAMPAIGNS, MEDIA, MISSING_TAGS, SENDER_CHANNELS, SOURCES
from tests.oracle.generate_times import time_text

COSTS: Sequence[object] = (
    0,
    "0",
    "-0",
    "0.004",
    "0.005",
    "1.005",
    12,
    12.5,
    " 99.99 ",
    "1e2",
    "1234567.891",
)
BAD_COSTS: Sequence[object] = (
    None,
    "",
    "-1",
    "-0.001",
    "free",
    "1,000",
    "12 EUR",
    "NaN",
    "9999999999999999.995",
)
BAD_DATES: Sequence[object] = (
    None,
    " ",
    "20260230",
    "2026-02-30",
    "31.01.2026",
    "yesterday",
    "1999-12-31",
    "19991231",
    "9999-12-31",
    "2026",
)


def generate_spend(seed: int, count: int) -> list[Delivered]:
    """About this many records for raw.ad_spend, shuffled; some are wrong, some delivered again.

    Each has an ad group as an unknown field or none, so that several count for one day and channel.
    """
    rng = random.Random(f"spend {seed}")
    records = [_record(rng) for _ in range(count)]
    records += [_again(rng, record) for record in rng.sample(records, count // 6)]
    records += [{**rng.choice(records), "cost": cost} for cost in BAD_COSTS]
    records += [{**rng.choice(records), "date": date} for date in BAD_DATES]
    records.append({UNREADABLE: '{"date": "2024-01-01", "cost": 5'})
    # a channel that no event has, one without revenue, one without cost
    records += [
        {"date": "2024-01-01", "channel": channel, "cost": cost}
        for channel, cost in (("Sky Writing", "10.00"), ("direct", "1.00"), ("Leaflets", "0"))
    ]
    rng.shuffle(records)
    return records


def _record(rng: random.Random) -> Delivered:
    record: Delivered = {"date": _date(rng), "cost": rng.choice(COSTS)}
    if rng.random() < 0.3:
        record["channel"] = rng.choice((*SENDER_CHANNELS, *MISSING_TAGS))
    for name, values in (("source", SOURCES), ("medium", MEDIA), ("campaign", CAMPAIGNS)):
        if rng.random() < 0.7:
            record[name] = rng.choice(values)
        elif rng.random() < 0.2:
            record[name] = rng.choice(MISSING_TAGS)
    if rng.random() < 0.5:
        record["ad_group"] = rng.choice(("shoes", "shirts", ""))
    return record


def _date(rng: random.Random) -> object:
    instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(500_000))
    forms: Sequence[Callable[[], object]] = (
        lambda: f"{instant:%Y-%m-%d}",
        lambda: f"{instant:%Y-%m-%d}",
        lambda: f"{instant:%Y%m%d}",
        lambda: int(f"{instant:%Y%m%d}"),
        lambda: time_text(rng, instant),
    )
    return rng.choice(forms)()


def _again(rng: random.Random, record: Delivered) -> Delivered:
    """The same content, or with another blank around a value, or another ad group: a new record."""
    change = rng.randrange(3)
    if change == 0:
        return dict(record)
    if change == 1:
        return {**record, "cost": f" {record['cost']} "}
    return {**record, "ad_group": "another"}
