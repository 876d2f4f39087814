"""Tell an explanation: each conversion with its touches and totals, the models, the rules."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from dagster_code.lib.explain.as_json import explanation_json
from dagster_code.lib.explain.story import (
    MODELS,
    Explanation,
    Row,
    Story,
    credits_by_touch,
    totals_by_model,
)
from dagster_code.lib.explain.words import (
    channel_rule,
    decision_rule,
    model_rule,
    short_instant,
    status_rule,
)
from dagster_code.lib.report import counted
from dagster_code.lib.style import heading
from dagster_code.lib.terminal import columns, padded, printable, shortened
from dagster_code.lib.time_left import human_time

FORMATS = ("text", "json")

_WIDEST_COLUMN = 200
_EVIDENCE = ("source", "medium", "campaign")
_TOTALS = ("attributed_revenue", "unattributed_revenue", "revenue")


def explanation_lines(explanation: Explanation, output_format: str) -> Iterator[str]:
    """Write an explanation in the format asked for.

    Args:
        explanation: what was read.
        output_format: one of ``FORMATS``.

    Yields:
        Lines with their line ends.
    """
    if output_format == "json":
        yield explanation_json(explanation)
        return
    yield from _heading_lines(explanation)
    for story in explanation.stories:
        yield "\n"
        yield from story_lines(story, explanation.variables)
    yield f"\n{heading('Models')}\n"
    width = max(len(model) for model in MODELS)
    for model in MODELS:
        yield f"  {model.ljust(width)}  {model_rule(model, explanation.variables)}\n"
    versions = _rule_versions(explanation)
    if versions:
        yield f"Channel rules: version {', '.join(versions)}\n"


def story_lines(story: Story, variables: Mapping[str, Any]) -> Iterator[str]:
    """Tell one conversion.

    Args:
        story: the conversion.
        variables: the dbt variables that the tables were built with.
    """
    conversion = story.conversion
    orders = json.loads(conversion["order_ids"] or "[]")
    named = f" ({counted(len(orders), 'order')}: {', '.join(orders)})" if orders else ""
    purchases = counted(conversion["purchase_count"], "purchase")
    yield heading(f"Conversion {short_instant(conversion['event_time'])}") + "\n"
    yield f"  revenue  {conversion['revenue']:,f} of {purchases}{printable(named)}\n"
    yield f"  status   {conversion['attribution_status']}: {status_rule(conversion, variables)}\n"
    yield f"\n  {_considered(story, variables)}\n"
    by_touch = credits_by_touch(story.credits)
    widths = _touch_widths(story.touches)
    for number, touch in enumerate(story.touches, start=1):
        cells = zip(_touch_cells(touch), widths, strict=True)
        yield f"  {number:>3}  {'  '.join(padded(*cell) for cell in cells).rstrip()}\n"
        yield f"       {touch['decision']}: {decision_rule(touch, variables)}\n"
        for line in (channel_rule(touch), _credit_text(by_touch.pop(touch["touch_event_id"], []))):
            if line:
                yield f"       {line}\n"
    for rows in by_touch.values():
        yield f"    -  {printable(rows[0]['channel'])}: {_credit_text(rows)}\n"
    yield "\n"
    yield from _total_lines(story)


def _rule_versions(explanation: Explanation) -> list[str]:
    touches = (touch for story in explanation.stories for touch in story.touches)
    return sorted({touch["rule_version"] for touch in touches if touch.get("rule_version")})


def _heading_lines(explanation: Explanation) -> Iterator[str]:
    total, shown = explanation.conversion_count, len(explanation.stories)
    client = printable(shortened(explanation.client_id))
    yield f"{heading(f'Client {client}')}: {counted(total, 'conversion')}\n"
    if shown < total:
        yield (
            f"The latest {shown} are told; for an earlier one give its time:"
            " attribution explain CLIENT EVENT_TIME\n"
        )


def _considered(story: Story, variables: Mapping[str, Any]) -> str:
    if not story.conversion["is_path_truncated"]:
        return f"{counted(len(story.touches), 'touch', 'es')} considered, with the age:"
    return (
        f"{counted(len(story.touches), 'touch', 'es')} considered, with the age, of the"
        f" {story.conversion['touch_count']:,} in the window: the first marketing touch and the"
        f" latest ones (max_path_touches: {variables['max_path_touches']})"
    )


def _touch_cells(touch: Row) -> list[str]:
    evidence = " / ".join(printable(touch[name] or "-") for name in _EVIDENCE)
    has_evidence = any(touch[name] for name in _EVIDENCE)
    return [
        short_instant(touch["touch_at"]),
        human_time(touch["age_seconds"]),
        printable(touch["channel"]),
        evidence if has_evidence else "",
    ]


def _touch_widths(touches: Sequence[Row]) -> list[int]:
    cells = [_touch_cells(touch) for touch in touches]
    # One cell of a megabyte does not fill every line with blanks.
    return [min(max(map(columns, column)), _WIDEST_COLUMN) for column in zip(*cells, strict=True)]


def _credit_text(credits_: Iterable[Row]) -> str:
    """Write what the models gave, those that gave the same together."""
    given: dict[tuple[float, Decimal], list[str]] = {}
    for row in sorted(credits_, key=lambda row: MODELS.index(row["model"])):
        given.setdefault((row["weight"], row["attributed_revenue"]), []).append(row["model"])
    return "; ".join(
        f"{', '.join(models)} {_percent(weight)} = {revenue:,f}"
        for (weight, revenue), models in given.items()
    )


def _total_lines(story: Story) -> Iterator[str]:
    rows = [
        (total["model"], *(f"{total[name]:,f}" for name in _TOTALS))
        for total in totals_by_model(story)
    ]
    header = ("", "attributed", "unattributed", "together")
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        first, *numbers = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {first}  {'  '.join(numbers)}\n"


def _percent(weight: float) -> str:
    return f"{weight * 100:.2f}".rstrip("0").rstrip(".") + " %"
