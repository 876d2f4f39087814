"""Reports drawn by a seed: few channels, 500, none, without purchases, with hostile names."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

from dagster_code.lib.attribution_report.contract import (
    DATA_DRIVEN_MODELS,
    FORMAT,
    MODELS,
    RULE_MODELS,
    Report,
)

FEW = ("paid_search", "email", "organic_search", "direct", "unassigned", "unattributed")
HOSTILE = (
    "direct",
    "unattributed",
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "{b}{c|rich} ${x} %s &amp; \"quoted\" 'single'",
    "\u202egnp.exe\u0000\u0007\u001b[31mcontrol\u2028line",
    "حملة_البريد_الإلكتروني_للخريف",
    "קמפיין_סתיו",
    "夏のメールキャンペーン",
    "__proto__",
    "constructor",
    "a_very_long_name_" + "that_somebody_typed_into_a_tag_manager_" * 6,
    "w" * 180,
)


@dataclass(frozen=True)
class Purchase:
    """One conversion as the marts would know it."""

    client: int
    day: date
    platform: int
    revenue: int
    # Positions of channels in the window; empty when all marketing touches are older.
    touches: tuple[int, ...]
    days: int


def few_channels(*, spend: bool = True, seed: int = 7) -> Report:
    """A small shop: five channels that do something, three months, three platforms.

    Args:
        spend: whether any advertising was paid for.
        seed: of the drawing.
    """
    return _report(FEW, ("web", "ios", ""), _days(date(2025, 11, 3), 92), 900, spend, seed)


def many_channels(seed: int = 11) -> Report:
    """A sender who names 500 channels."""
    names = ["direct", "unattributed", "unassigned", *(f"partner_{n:03d}" for n in range(497))]
    return _report(names, ("web", "app"), _days(date(2025, 11, 3), 92), 9000, True, seed)


def hostile_names(seed: int = 13) -> Report:
    """Names that would like to be markup, code, templates, or are hard to set."""
    platforms = ("<b>web</b>", "ويب", "p" * 120)
    report = _report(HOSTILE, platforms, _days(date(2025, 11, 3), 40), 400, True, seed)
    hostile = HOSTILE[2]
    report["quality"]["checks"][0].update(
        name=hostile, description=hostile, message=HOSTILE[3], passed=False
    )
    report["quality"]["rejected"].append({"table": HOSTILE[3], "reason": hostile, "records": 3})
    report["quality"]["records"]["rejected"] += 3
    report["quality"]["records"]["landed"] += 3
    report["notes"] = [f"7 of 19 channels are put together as {HOSTILE[3]}."]
    return report


def huge_amounts() -> Report:
    """The small shop with sums of more cents than a browser can count."""
    report: Any = few_channels()
    for part in ("credits", "data_driven", "flows", "touch_counts", "journeys", "path_counts"):
        for measure in ("revenue", "unattributed"):
            if measure in report[part]:
                report[part][measure] = [cents * 10**13 + 1 for cents in report[part][measure]]
    return report


def no_purchases() -> Report:
    """Events came in; nobody bought."""
    report = _report(FEW, (), [], 0, False, 17)
    report["events"] = {"first": "2025-11-03", "last": "2025-12-24", "count": 5321, "clients": 812}
    report["channels"] = list(FEW[:5])
    performance: Any = report["performance"]
    for name, column in performance.items():
        column += [position if name == "channel" else 0 for position in range(5)]
    performance["sessions"][:] = [400, 120, 310, 290, 8]
    performance["touches"][:] = [410, 125, 315, 290, 9]
    performance["clients"][:] = [350, 100, 280, 240, 8]
    for name in ("average_order_value", "cpa", "roas"):
        performance[name][:] = [None] * 5
    return report


def no_events() -> Report:
    """A home in which nothing has landed yet."""
    report = _report((), (), [], 0, False, 19)
    report["events"] = {"first": None, "last": None, "count": 0, "clients": 0}
    report["rule_version"] = None
    report["quality"] = {
        "records": {"landed": 0, "staged": 0, "rejected": 0},
        "rejected": [],
        "checks": [],
        "freshness": {"landed_at": None, "built_at": None, "last_event_at": None},
    }
    return report


REPORTS = {
    "few": few_channels,
    "many": many_channels,
    "hostile": hostile_names,
    "huge": huge_amounts,
    "no_purchases": no_purchases,
    "no_events": no_events,
}


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def _report(
    channels: Sequence[str],
    platforms: Sequence[str],
    days: Sequence[date],
    count: int,
    spend: bool,
    seed: int,
) -> Report:
    draw = random.Random(seed)
    pool = [number for number, name in enumerate(channels) if name != "unattributed"]
    # A few channels do most of it, as everywhere.
    weights = list(accumulate(1 / (rank + 1) ** 0.9 for rank in range(len(pool))))
    purchases = []
    for number in range(count):
        length = draw.choice((1, 1, 1, 2, 2, 3, 4, 5, 7, 12)) if draw.random() > 0.04 else 0
        touches = draw.choices(pool, cum_weights=weights, k=length)
        # What opens is not what closes: models differ.
        if length > 1 and draw.random() < 0.6:
            touches[-1] = pool[len(pool) // 2 - 1 - pool.index(touches[-1]) // 2]
        purchases.append(_purchase(draw, len(platforms), days, number * 4 // 5, tuple(touches)))
    revenue = sum(purchase.revenue for purchase in purchases)
    lost = sum(purchase.revenue for purchase in purchases if not purchase.touches)
    rejected = {"unreadable_record": 3, "invalid_event_time": 41, "duplicate_event_id": 1204}
    report: Any = {
        "format": FORMAT,
        "generated_at": "2026-02-03T09:15:00Z",
        "events": {
            "first": days[0].isoformat() if days else None,
            "last": days[-1].isoformat() if days else None,
            "count": count * 21,
            "clients": count * 6,
        },
        "rule_version": "3f9c0a1b77de",
        "attribution_window_days": 30,
        "models": list(MODELS),
        "channels": list(channels),
        "platforms": list(platforms),
        "grain": "day",
        "dates": [day.isoformat() for day in days],
        **_facts(purchases, channels, days),
        "performance": _performance(draw, purchases, channels, spend),
        "totals": {
            "conversions": count,
            "revenue": revenue,
            "attributed": revenue - lost,
            "unattributed": lost,
            "purchasers": len({purchase.client for purchase in purchases}),
        },
        "quality": {
            "records": {
                "landed": count * 21 + sum(rejected.values()),
                "staged": count * 21,
                "rejected": sum(rejected.values()),
            },
            "rejected": [
                {"table": "events", "reason": reason, "records": records}
                for reason, records in rejected.items()
            ],
            "checks": _checks(),
            "freshness": {
                "landed_at": "2026-02-03T08:55:10Z",
                "built_at": "2026-02-03T09:02:44Z",
                "last_event_at": "2026-02-02T23:58:31Z",
            },
        },
    }
    result: Report = report
    return result


def _purchase(
    draw: random.Random,
    platform_count: int,
    days: Sequence[date],
    client: int,
    touches: tuple[int, ...],
) -> Purchase:
    share = (draw.random() + draw.random()) / 2
    return Purchase(
        client=client,
        day=days[int(share * len(days))],
        platform=draw.choices(range(platform_count), range(platform_count, 0, -1))[0],
        revenue=draw.choice((999, 1250, 2999, 4905, 7999, 15900)) * draw.randint(1, 3),
        touches=touches,
        days=draw.choice((0, 0, 0, 1, 2, 5, 9, 17, 28)) if len(touches) > 1 else 0,
    )


def _credited(purchase: Purchase, channels: Sequence[str], model: str) -> dict[int, float]:
    """Share a conversion between channels: weights that add up to 1."""
    if not purchase.touches:
        return {channels.index("unattributed"): 1.0}
    direct = channels.index("direct")
    touches = [touch for touch in purchase.touches if touch != direct] or [direct]
    if model == "first_touch":
        return {touches[0]: 1.0}
    if model == "last_touch":
        return {touches[-1]: 1.0}
    weights = [2.0**place if model == "time_decay" else 1.0 for place in range(len(touches))]
    if model == "position_based":
        weights[0] += len(touches)
        weights[-1] += len(touches)
    shares: dict[int, float] = defaultdict(float)
    for touch, weight in zip(touches, weights, strict=True):
        shares[touch] += weight / sum(weights)
    return shares


def _facts(
    purchases: Sequence[Purchase], channels: Sequence[str], days: Sequence[date]
) -> dict[str, Any]:
    bins = {day: number for number, day in enumerate(days)}
    credits_ = _Sums("date", "platform", "channel", "model")
    data_driven = _Sums("model", "channel")
    flows = _Sums("date", "platform", "first", "last")
    touch_counts = _Sums("date", "platform", "channel", "touches")
    journeys = _Sums("date", "platform", "channel", "days")
    path_counts = _Sums("path", "date", "platform")
    paths: dict[str, int] = {}
    last_of_client: dict[int, Purchase] = {}
    revenue_of_client: dict[int, int] = defaultdict(int)
    for purchase in purchases:
        when = (bins[purchase.day], purchase.platform)
        for model in MODELS:
            shares = _credited(purchase, channels, model)
            for channel, cents in _cents(purchase.revenue, shares).items():
                lost = not purchase.touches
                measures = {
                    "conversions": shares[channel],
                    "revenue": 0 if lost else cents,
                    "unattributed": cents if lost else 0,
                }
                position = MODELS.index(model)
                if model in RULE_MODELS:
                    credits_.add((*when, channel, position), measures)
                if model in DATA_DRIVEN_MODELS:
                    data_driven.add((position, channel), measures)
        first, last = (
            next(iter(_credited(purchase, channels, model)))
            for model in ("first_touch", "last_touch")
        )
        counted = {"conversions": 1, "revenue": purchase.revenue}
        flows.add((*when, first, last), counted)
        touch_counts.add((*when, last, len(purchase.touches)), counted)
        text = " > ".join(channels[touch] for touch in purchase.touches)
        path = paths.setdefault(text, len(paths))
        path_counts.add((path, *when), {**counted, "days": purchase.days})
        revenue_of_client[purchase.client] += purchase.revenue
        previous = last_of_client.get(purchase.client)
        if previous is None or previous.day <= purchase.day:
            last_of_client[purchase.client] = purchase
    for client, purchase in last_of_client.items():
        channel = purchase.touches[0] if purchase.touches else channels.index("direct")
        journeys.add(
            (
                bins[purchase.day],
                purchase.platform,
                channel,
                purchase.days + (client % 60 if client % 3 == 0 else 0),
            ),
            {"clients": 1, "revenue": revenue_of_client[client]},
        )
    kept = _frequent(path_counts, len(paths))
    names = list(paths)
    return {
        "credits": credits_.columns("conversions", "revenue", "unattributed"),
        "data_driven": data_driven.columns("conversions", "revenue", "unattributed"),
        "flows": flows.columns("conversions", "revenue"),
        "touch_counts": touch_counts.columns("conversions", "revenue"),
        "journeys": journeys.columns("clients", "revenue"),
        "paths": [{"path": names[path], "is_truncated": len(names[path]) > 160} for path in kept],
        "path_counts": path_counts.renumbered(kept).columns("conversions", "revenue", "days"),
    }


def _cents(revenue: int, shares: Mapping[int, float]) -> dict[int, int]:
    """Split cents by weight; the largest remainders get what is left."""
    exact = {channel: revenue * share for channel, share in shares.items()}
    cents = {channel: int(amount) for channel, amount in exact.items()}
    by_remainder = sorted(exact, key=lambda channel: cents[channel] - exact[channel])
    for channel in by_remainder[: revenue - sum(cents.values())]:
        cents[channel] += 1
    return cents


def _frequent(path_counts: "_Sums", count: int) -> list[int]:
    totals = [0] * count
    for key, measures in path_counts.rows.items():
        totals[key[0]] += int(measures["conversions"])
    return sorted(range(count), key=lambda path: -totals[path])[:200]


class _Sums:
    """Columns in the making: measures added up by key."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self.rows: dict[tuple[int, ...], dict[str, float]] = {}

    def add(self, key: tuple[int, ...], measures: Mapping[str, float]) -> None:
        row = self.rows.setdefault(key, defaultdict(int))
        for name, value in measures.items():
            row[name] += value

    def renumbered(self, kept: Sequence[int]) -> "_Sums":
        """The rows whose first key is kept, by its new place."""
        places = {old: new for new, old in enumerate(kept)}
        result = _Sums(*self.keys)
        result.rows = {
            (places[key[0]], *key[1:]): row for key, row in self.rows.items() if key[0] in places
        }
        return result

    def columns(self, *measures: str) -> dict[str, list[Any]]:
        """Columns of equal length."""
        result: dict[str, list[Any]] = {name: [] for name in (*self.keys, *measures)}
        for key, row in self.rows.items():
            for name, value in zip(self.keys, key, strict=True):
                result[name].append(value)
            for name in measures:
                result[name].append(row[name])
        return result


def _performance(
    draw: random.Random, purchases: Sequence[Purchase], channels: Sequence[str], spend: bool
) -> dict[str, list[Any]]:
    rows = _Sums("channel")
    if purchases:
        for number in range(len(channels)):
            rows.add((number,), {"sessions": 0})
    for purchase in purchases:
        for model in ("first_touch", "last_touch"):
            channel = next(iter(_credited(purchase, channels, model)))
            lost = 0 if purchase.touches else purchase.revenue
            rows.add(
                (channel,),
                {
                    f"{model}_conversions": 1,
                    f"{model}_revenue": purchase.revenue - lost,
                    "unattributed_revenue": lost if model == "last_touch" else 0,
                },
            )
        last = next(iter(_credited(purchase, channels, "last_touch")))
        for channel in set(purchase.touches) - {last, channels.index("direct")}:
            rows.add((channel,), {"assisted_conversions": 1})
    for (channel,), row in rows.rows.items():
        name, conversions = channels[channel], row["last_touch_conversions"]
        sessions = 0 if name == "unattributed" else int(conversions * draw.uniform(9, 60)) + 3
        paid = spend and (name.startswith("paid") or (name.startswith("partner") and channel % 3))
        cost = int(row["last_touch_revenue"] * draw.uniform(0.1, 0.9)) if paid else 0
        whole = row["last_touch_revenue"] + row["unattributed_revenue"]
        row.update(
            sessions=sessions,
            touches=sessions + sessions // 9,
            clients=sessions * 2 // 3,
            assisted_conversions=row["assisted_conversions"],
            conversion_rate=conversions / sessions if sessions else None,  # type: ignore[dict-item]
            average_order_value=round(whole / conversions) if conversions else None,  # type: ignore[dict-item]
            cost=cost,
            cpa=round(cost / conversions) if conversions else None,  # type: ignore[dict-item]
            roas=row["last_touch_revenue"] / cost if cost else None,  # type: ignore[dict-item]
        )
    return rows.columns(
        *("sessions", "touches", "clients", "first_touch_conversions", "first_touch_revenue"),
        *("last_touch_conversions", "last_touch_revenue", "assisted_conversions"),
        *("conversion_rate", "average_order_value", "unattributed_revenue", "cost", "cpa", "roas"),
    )


def _checks() -> list[dict[str, Any]]:
    at = datetime(2026, 2, 3, 9, 3, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    told = (
        ("revenue_is_whole_in_every_model", "Every cent of revenue is in each model once", True),
        ("newest_day_has_its_usual_events", "The newest day has about as many events", False),
        ("conversions_are_unique", "A conversion stands once in each mart", True),
    )
    return [
        {
            "name": name,
            "table": "marts.conversion_paths",
            "description": description,
            "passed": passed,
            "severity": "ERROR" if passed else "WARN",
            "message": "" if passed else "112 events on 2 Feb, 180 to 420 expected",
            "at": at,
        }
        for name, description, passed in told
    ]
