"""Put what Spark answered together as the report: names and days become places in lists."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from dagster_code.lib.attribution_report.contract import (
    FORMAT,
    MODELS,
    MOST_EXACT_CENTS,
    CheckResult,
    Path,
    Quality,
    Report,
    Totals,
)
from dagster_code.lib.attribution_report.statements import Cut, Grain

Columns = dict[str, list[Any]]

MOST_PLATFORMS = 12

# The columns of each part that hold names of channels.
_CHANNEL_COLUMNS = ("channel", "first", "last")


@dataclass(frozen=True)
class Answers:
    """What Spark answered besides the parts.

    Attributes:
        cut: how finely the parts are cut.
        period: one row: of the events.
        records: one row: of what landed.
        rejected: records by table and reason.
        paths: the most frequent ones, with their keys.
    """

    cut: Cut
    period: Columns
    records: Columns
    rejected: Columns
    paths: Columns


def as_report(
    answers: Answers,
    parts: dict[str, Columns],
    checks: Sequence[CheckResult],
    variables: Mapping[str, Any],
    built_at: str | None,
) -> Report:
    """Put the report together.

    Args:
        answers: what is known besides the parts.
        parts: by their names in the report, with names and days as Spark gave them.
        checks: how each check went last.
        variables: the dbt variables that the tables were built with.
        built_at: when the tables were complete, ISO 8601 in UTC; ``None`` when they are not.
    """
    (period,) = rows(answers.period)
    (records,) = rows(answers.records)
    channels, channel_note = _number_channels(parts)
    platforms, platform_note = _number_platforms(parts, answers.cut.has_platforms)
    dates = bins(period["first"], period["last"], answers.cut.grain)
    _number(parts, ("date",), {day: number for number, day in enumerate(dates)})
    _number(parts, ("path",), {key: n for n, key in enumerate(answers.paths["path_key"])})
    _number(parts, ("model",), {model: number for number, model in enumerate(MODELS)})
    totals = _totals(parts, period)
    money_note = _money_note(totals, parts["performance"]["cost"])
    report = {
        "format": FORMAT,
        "generated_at": _instant(datetime.now(UTC)),
        "events": {name: period[name] for name in ("first", "last", "count", "clients")},
        "rule_version": records["rule_version"],
        "attribution_window_days": variables["attribution_window_days"],
        "models": list(MODELS),
        "channels": channels,
        "platforms": platforms,
        "grain": answers.cut.grain,
        "dates": [day.isoformat() for day in dates],
        "paths": _paths(answers.paths),
        "totals": totals,
        "quality": _quality(answers, checks, built_at),
        "notes": [note for note in (money_note, channel_note, platform_note) if note],
        # channels have their order already, and null among their numbers
        "performance": parts.pop("performance"),
        **{name: _sorted(part) for name, part in parts.items()},
    }
    return cast("Report", report)


def rows(columns: Columns) -> list[dict[str, Any]]:
    """Give the rows of columns.

    Args:
        columns: of equal length.
    """
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def bins(first: str | None, last: str | None, grain: Grain) -> list[date]:
    """Give the first day of every bin that days lie in.

    Args:
        first: the first day, ISO 8601; ``None`` when there is none.
        last: the last day.
        grain: of the bins; weeks begin on Monday.
    """
    if first is None or last is None:
        return []
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    if grain == "month":
        months = range(day.year * 12 + day.month - 1, end.year * 12 + end.month)
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    if grain == "week":
        day -= timedelta(days=day.weekday())
    width = 7 if grain == "week" else 1
    return [day + timedelta(days=n) for n in range(0, (end - day).days + 1, width)]


def _number(parts: Mapping[str, Columns], names: Sequence[str], places: Mapping[Any, int]) -> None:
    """Put places in the place of the values of some columns."""
    for part in parts.values():
        for name in part.keys() & set(names):
            part[name] = [places[value] for value in part[name]]


def _number_channels(parts: Mapping[str, Columns]) -> tuple[list[str], str | None]:
    """Number the channels, the most important first; null stands for all others."""
    performance = parts["performance"]
    counts = performance.pop("channel_count")
    # Two long names that begin alike are one.
    places: dict[str | None, int] = {}
    for channel in performance["channel"]:
        places.setdefault(channel, len(places))
    shown = [channel for channel in places if channel is not None]
    note = None
    if None in places:
        others = _unused("(other channels)", shown)
        together = f"{counts[-1]:,} of {sum(counts):,} channels are put together as {others}"
        note = (
            f"{together}: those that bring least. Their clients are not counted together, and a"
            " conversion that several of them assisted counts for each."
        )
        shown.append(others)
    _number(parts, _CHANNEL_COLUMNS, places)
    return shown, note


def _number_platforms(
    parts: Mapping[str, Columns], has_platforms: bool
) -> tuple[list[str], str | None]:
    """Number the platforms, the most frequent first; too many end in one for all others."""
    flows = parts["flows"]
    frequency: Counter[str] = Counter()
    for platform, conversions in zip(flows["platform"], flows["conversions"], strict=True):
        frequency[platform] += conversions
    ranked = sorted(frequency, key=lambda platform: (-frequency[platform], platform))
    note = None
    shown = ranked
    if not has_platforms and ranked:
        shown = ["(all platforms)"]
        note = "Platforms are not told apart: the report would be too large."
    elif len(ranked) > MOST_PLATFORMS:
        others = _unused("(other platforms)", ranked)
        shown = [*ranked[: MOST_PLATFORMS - 1], others]
        together = len(ranked) - len(shown) + 1
        note = f"{together:,} of {len(ranked):,} platforms are put together as {others}."
    last = len(shown) - 1
    _number(parts, ("platform",), {name: min(n, last) for n, name in enumerate(ranked)})
    return shown, note


def _unused(name: str, used: Sequence[str]) -> str:
    # A sender may call one of his own so.
    while name in used:
        name = f"({name})"
    return name


def _sorted(part: Columns) -> Columns:
    """Put rows in the order of their columns: Spark gives them in any order."""
    names = list(part)
    ordered = sorted(zip(*part.values(), strict=True))
    return {name: [row[number] for row in ordered] for number, name in enumerate(names)}


def _paths(paths: Columns) -> list[Path]:
    return [
        {"path": path, "is_truncated": is_truncated}
        for path, is_truncated in zip(paths["path"], paths["is_truncated"], strict=True)
    ]


def _totals(parts: Mapping[str, Columns], period: Mapping[str, Any]) -> Totals:
    """Add up: every conversion is in one flow, and in each model once."""
    flows, credits_ = parts["flows"], parts["credits"]
    last_touch = MODELS.index("last_touch")
    by_model = zip(credits_["model"], credits_["revenue"], strict=True)
    attributed = sum(revenue for model, revenue in by_model if model == last_touch)
    return {
        "conversions": sum(flows["conversions"]),
        "revenue": sum(flows["revenue"]),
        "attributed": attributed,
        "unattributed": sum(flows["revenue"]) - attributed,
        "purchasers": period["purchasers"],
    }


def _money_note(totals: Totals, costs: Sequence[int | None]) -> str | None:
    """Tell of sums that the page cannot show to the cent."""
    if max(totals["revenue"], sum(cost or 0 for cost in costs)) <= MOST_EXACT_CENTS:
        return None
    return (
        f"Amounts above {amount(MOST_EXACT_CENTS):,} are rounded to 15 digits and marked with ≈:"
        " a browser counts no finer. The marts have them to the cent."
    )


def amount(cents: int) -> Decimal:
    """Give whole cents as the amount that the marts have.

    Args:
        cents: of any size.
    """
    return Decimal(cents).scaleb(-2)


def _quality(answers: Answers, checks: Sequence[CheckResult], built_at: str | None) -> Quality:
    (period,) = rows(answers.period)
    (records,) = rows(answers.records)
    built = None if built_at is None else datetime.fromisoformat(built_at).astimezone(UTC)
    return {
        "records": {
            "landed": records["landed"],
            "staged": period["count"],
            "rejected": records["rejected"],
        },
        "rejected": [
            {"table": row["raw_table"], "reason": row["reason"], "records": row["record_count"]}
            for row in rows(answers.rejected)
        ],
        "checks": list(checks),
        "freshness": {
            "landed_at": records["landed_at"],
            "built_at": None if built is None else _instant(built),
            "last_event_at": period["last_event_at"],
        },
    }


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
