"""The rules in words: a status, a decision, a channel, a model."""

from collections.abc import Mapping
from typing import Any

from dagster_code.lib.explain.story import Row
from dagster_code.lib.report import counted
from dagster_code.lib.terminal import printable


def status_rule(conversion: Row, variables: Mapping[str, Any]) -> str:
    """Say in words why a conversion has its status.

    Args:
        conversion: its row of ``marts.conversion_paths``.
        variables: the dbt variables that the tables were built with.
    """
    window = _window(variables)
    status = conversion["attribution_status"]
    if status == "marketing":
        touches = counted(conversion["marketing_touch_count"], "marketing touch", "es")
        return f"{touches} inside the {window}; the revenue is theirs"
    if status == "direct":
        return "no marketing touch up to the conversion, ever; the revenue counts as direct"
    channel = variables["outside_window_channel"]
    outcome = "the revenue counts as direct" if channel == "direct" else "no credit"
    return (
        f"marketing touches, but all older than the {window};"
        f" {outcome} (outside_window_channel: {channel})"
    )


def decision_rule(touch: Row, variables: Mapping[str, Any]) -> str:
    """Say in words what was decided about a touch.

    Args:
        touch: its row of ``marts.attribution_explain``.
        variables: the dbt variables that the tables were built with.
    """
    window = _window(variables)
    match touch["decision"], touch["attribution_status"]:
        case "credited", _:
            flags = {"first": touch["is_first_touch"], "last": touch["is_last_touch"]}
            which = " and ".join(word for word, is_set in flags.items() if is_set)
            return f"{which} marketing touch of the {window}"
        case "between", _:
            return f"marketing touch of the {window}, neither its first nor its last"
        case "direct_only", _:
            return "direct, and there is no marketing touch that would outweigh it"
        case "direct_excluded", "marketing":
            return f"direct, outweighed by a marketing touch of the {window}"
        case "direct_excluded", _:
            return "direct, outweighed by a marketing touch, though an old one"
        case _, "marketing":
            return f"latest marketing touch before the {window}; shown, not credited"
        case _:
            return f"latest marketing touch, but older than the {window}"


def channel_rule(touch: Row) -> str | None:
    """Say which rule gave a touch its channel; ``None`` if the marts do not tell.

    Args:
        touch: its row of ``marts.attribution_explain``.
    """
    if "channel_rule_rank" not in touch:
        return None
    rank = touch["channel_rule_rank"]
    parts = [f"rule {rank}" if rank is not None else None, touch.get("channel_rule")]
    return f"channel: {', '.join(printable(part) for part in parts if part) or 'no rule'}"


def model_rule(model: str, variables: Mapping[str, Any]) -> str:
    """Say in words how a model shares a conversion among its marketing touches.

    Args:
        model: one of ``MODELS``.
        variables: the dbt variables that the tables were built with.
    """
    if model == "position_based":
        first = variables["position_based_first_percent"]
        last = variables["position_based_last_percent"]
        return (
            f"{first} % to the first, {last} % to the last, the rest evenly to those between;"
            " of two touches by these two alone"
        )
    if model == "time_decay":
        return (
            f"halves every {variables['time_decay_half_life_days']} days"
            " that a touch is older than the last one"
        )
    return {
        "first_touch": "all to the first marketing touch of the window",
        "last_touch": "all to the last marketing touch of the window",
        "linear": "the same to each marketing touch of the window",
    }[model]


def short_instant(text: str) -> str:
    """Shorten ``…:00.000000Z`` to what can be typed.

    Args:
        text: an instant as the marts have it.
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    digits = fraction.rstrip("0")
    return f"{whole}.{digits}Z" if digits else f"{whole}Z"


def _window(variables: Mapping[str, Any]) -> str:
    return f"{variables['attribution_window_days']}-day window"
