"""An explanation for programs: JSON with money in full."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dagster_code.lib.explain.story import (
    MODELS,
    Explanation,
    Row,
    Story,
    credits_by_touch,
    totals_by_model,
)
from dagster_code.lib.explain.words import decision_rule, model_rule, status_rule
from dagster_code.lib.json_text import json_document

# What stands on each touch's row of the conversion, which has it already.
_OF_CONVERSION = ("client_id", "event_time", "attribution_status", "revenue")


def explanation_json(explanation: Explanation) -> str:
    """Write an explanation as JSON.

    Args:
        explanation: what was read.

    Returns:
        One text with its line end.
    """
    return json_document(_as_values(explanation))


def _as_values(explanation: Explanation) -> Mapping[str, Any]:
    return {
        "client_id": explanation.client_id,
        "conversion_count": explanation.conversion_count,
        "conversions": [
            _story_values(story, explanation.variables) for story in explanation.stories
        ],
        "models": {model: model_rule(model, explanation.variables) for model in MODELS},
    }


def _story_values(story: Story, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    by_touch = credits_by_touch(story.credits)
    conversion = {
        name: value
        for name, value in story.conversion.items()
        if name not in ("client_id", "event_time_micros")
    }
    return {
        **conversion,
        "order_ids": json.loads(story.conversion["order_ids"] or "[]"),
        "rule": status_rule(story.conversion, variables),
        "touches": [
            {
                **{name: value for name, value in touch.items() if name not in _OF_CONVERSION},
                "rule": decision_rule(touch, variables),
                "credits": _credit_values(by_touch.pop(touch["touch_event_id"], [])),
            }
            for touch in story.touches
        ],
        "other_credits": [
            {"channel": rows[0]["channel"], "credits": _credit_values(rows)}
            for rows in by_touch.values()
        ],
        "totals": totals_by_model(story),
    }


def _credit_values(credits_: Iterable[Row]) -> list[Row]:
    return [
        {name: row[name] for name in ("model", "weight", "attributed_revenue")}
        for row in sorted(credits_, key=lambda row: MODELS.index(row["model"]))
    ]
