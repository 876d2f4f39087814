"""What the page has to show, added up from a report in plain Python, without the page's code."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from dagster_code.lib.attribution_report.contract import RULE_MODELS, Report

Sums = dict[Any, dict[str, float]]


@dataclass(frozen=True)
class Choice:
    """What a reader has chosen; nothing of it means all."""

    model: str = "last_touch"
    metric: str = "revenue"
    first: str | None = None
    last: str | None = None
    channels: frozenset[str] = field(default_factory=frozenset)
    platforms: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_partial(self) -> bool:
        """Whether a part of the period or of the platforms is chosen."""
        return bool(self.first or self.last or self.platforms)

    def has_day(self, day: str) -> bool:
        """Whether a day is in the period."""
        return (self.first or "") <= day <= (self.last or "9999")

    def has_channel(self, channel: str) -> bool:
        """Whether a channel is chosen."""
        return not self.channels or channel in self.channels


def sums(
    report: Report,
    part: str,
    keys: Iterable[str],
    kept: Callable[[Mapping[str, Any]], bool],
) -> Sums:
    """Add up a part's measures.

    Args:
        report: whose columns are added up.
        part: ``credits``, ``flows``, …
        keys: by what; names in place of positions. One name alone is no tuple.
        kept: whether a row counts, with names in place of positions.
    """
    columns: Mapping[str, list[Any]] = report[part]  # type: ignore[literal-required]
    names: dict[str, list[Any]] = {
        "date": report["dates"],
        "platform": report["platforms"],
        "model": report["models"],
        "path": [path["path"] for path in report["paths"]],
        **dict.fromkeys(("channel", "first", "last"), report["channels"]),
    }
    keys = tuple(keys)
    result: Sums = defaultdict(lambda: defaultdict(float))
    for values in zip(*columns.values(), strict=True):
        row = {
            name: names[name][value] if name in names else value
            for name, value in zip(columns, values, strict=True)
        }
        if kept(row):
            key = tuple(row[name] for name in keys)
            for name, value in row.items():
                if name not in names and name not in keys:
                    result[key if len(key) != 1 else key[0]][name] += value
    return result


def in_period(choice: Choice, row: Mapping[str, Any]) -> bool:
    """Whether a dated row is in the chosen period and on a chosen platform."""
    on_platform = not choice.platforms or row["platform"] in choice.platforms
    return choice.has_day(row["date"]) and on_platform


def credits_of(report: Report, choice: Choice, model: str) -> Sums:
    """What a model gives to each chosen channel."""
    if model in RULE_MODELS:
        return sums(
            report,
            "credits",
            ["channel"],
            lambda row: (
                row["model"] == model
                and in_period(choice, row)
                and choice.has_channel(row["channel"])
            ),
        )
    return sums(
        report,
        "data_driven",
        ["channel"],
        lambda row: row["model"] == model and choice.has_channel(row["channel"]),
    )


def total(of: Sums, measure: str) -> float:
    """A measure of all keys together."""
    return sum(sum_[measure] for sum_ in of.values())


def week(day: str) -> str:
    """The Monday of a day's week."""
    then = date.fromisoformat(day)
    return (then - timedelta(days=then.weekday())).isoformat()


def told_day(day: str) -> str:
    """A day as the page writes it."""
    then = date.fromisoformat(day)
    return f"{then.day} {then:%b} {then.year}"
