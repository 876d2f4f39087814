"""Why a conversion is credited as it is: its touches, what each model gave them, and the rules.

What is read from the marts becomes plain values first; the text and the JSON are made of these.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_code.lib.errors import UserError
from dagster_code.lib.query import Result
from dagster_code.lib.report import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FORMATS = ("text", "json")
MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")

# Of a client with more conversions the latest are told.
SHOWN_CONVERSIONS = 10

Row = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

# Besides, a touch's row has what the marts know of its channel's rule.
_CONVERSION_COLUMNS = (
    "client_id",
    "event_time",
    "revenue",
    "purchase_count",
    "order_ids",
    "touch_count",
    "marketing_touch_count",
    "is_path_truncated",
    "attribution_status",
)


@dataclass(frozen=True)
class Story:
    """One conversion with all that was considered for it.

    Attributes:
        conversion: its row of ``marts.conversion_paths``.
        touches: its rows of ``marts.attribution_explain``, in order.
        credits: its rows of ``marts.multi_touch_attribution``.
    """

    conversion: Row
    touches: Sequence[Row]
    credits: Sequence[Row]


@dataclass(frozen=True)
class Explanation:
    """A client's conversions, the earliest first.

    Attributes:
        client_id: the client.
        stories: the conversions that are told.
        conversion_count: how many were asked for.
        variables: the dbt variables that the tables were built with.
    """

    client_id: str
    stories: Sequence[Story]
    conversion_count: int
    variables: Mapping[str, Any]


def parse_event_time(text: str) -> int:
    """Read an instant as the command takes it.

    Args:
        text: ISO 8601; without an offset it is UTC.

    Returns:
        Microseconds since 1970.

    Raises:
        UserError: it cannot be read.
    """
    try:
        given = datetime.fromisoformat(text.strip())
        instant = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"EVENT_TIME {text!r} is no time; write it like 2026-01-31T12:00:00Z"
            " (without an offset it is UTC)"
        ) from error
    return (instant - _EPOCH) // timedelta(microseconds=1)


def read_explanation(
    spark: "SparkSession",
    client_id: str,
    event_time_micros: int | None,
    variables: Mapping[str, Any],
) -> Explanation:
    """Read a client's conversions, or the one at an instant, with all that explains them.

    Args:
        spark: a session in UTC on the home's server.
        client_id: the client, exactly as in the tables.
        event_time_micros: the conversion's instant; ``None`` for all of the client's.
        variables: the dbt variables that the tables were built with.

    Raises:
        UserError: there is no such client or conversion, or the tables are not built.
    """
    found, conversion_count = _conversions(spark, client_id, event_time_micros, SHOWN_CONVERSIONS)
    if not found:
        raise _nothing_to_explain(spark, client_id, event_time_micros)
    shown = found[0]["event_time_micros"], found[-1]["event_time_micros"]
    touches = _by_conversion(
        _between(spark, "marts.attribution_explain", client_id, shown, "touch_at", "touch_event_id")
    )
    credits_ = _by_conversion(
        _between(spark, "marts.multi_touch_attribution", client_id, shown, "touch_at", "model")
    )
    stories = [
        Story(row, touches.get(row["event_time"], []), credits_.get(row["event_time"], []))
        for row in found
    ]
    return Explanation(client_id, stories, conversion_count, variables)


def explanation_lines(explanation: Explanation, output_format: str) -> Iterator[str]:
    """Write an explanation as text.

    Args:
        explanation: what was read.
        output_format: one of ``FORMATS``.

    Yields:
        Lines with their line ends.
    """
    if output_format == "json":
        yield _as_json(_as_values(explanation)) + "\n"
        return
    yield from _heading_lines(explanation)
    for story in explanation.stories:
        yield "\n"
        yield from story_lines(story, explanation.variables)
    yield "\nModels\n"
    width = max(len(model) for model in MODELS)
    for model in MODELS:
        yield f"  {model.ljust(width)}  {model_rule(model, explanation.variables)}\n"
    versions = _rule_versions(explanation)
    if versions:
        yield f"Channel rules: version {', '.join(versions)}\n"


def _rule_versions(explanation: Explanation) -> list[str]:
    touches = (touch for story in explanation.stories for touch in story.touches)
    return sorted({touch["rule_version"] for touch in touches if touch.get("rule_version")})


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
    yield f"Conversion {_instant(conversion['event_time'])}\n"
    yield f"  revenue  {conversion['revenue']:f} of {purchases}{_printable(named)}\n"
    yield f"  status   {conversion['attribution_status']}: {status_rule(conversion, variables)}\n"
    yield f"\n  {_considered(story, variables)}\n"
    by_touch = _by_touch(story.credits)
    widths = _touch_widths(story.touches)
    for number, touch in enumerate(story.touches, start=1):
        cells = zip(_touch_cells(touch), widths, strict=True)
        yield f"  {number:>3}  {'  '.join(cell.ljust(width) for cell, width in cells).rstrip()}\n"
        yield f"       {touch['decision']}: {decision_rule(touch, variables)}\n"
        for line in (channel_rule(touch), _credit_text(by_touch.pop(touch["touch_event_id"], []))):
            if line:
                yield f"       {line}\n"
    for rows in by_touch.values():
        yield f"    -  {rows[0]['channel']}: {_credit_text(rows)}\n"
    yield "\n"
    yield from _total_lines(story)


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
    return f"channel: {', '.join(_printable(part) for part in parts if part) or 'no rule'}"


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


def human_age(seconds: float) -> str:
    """Write an age in its two largest units, cut off, like ``3 d 4 h``.

    Args:
        seconds: the age.
    """
    rest = int(seconds)
    parts = []
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        parts.append((number, unit))
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    told = [f"{number} {unit}" for number, unit in parts[first : first + 2] if number]
    return " ".join(told) or "0 s"


def as_explained_error(error: UserError) -> UserError:
    """Say what to do when Spark does not find the tables.

    Args:
        error: what Spark did not like.
    """
    if "TABLE_OR_VIEW_NOT_FOUND" in str(error) or "SCHEMA_NOT_FOUND" in str(error):
        return UserError("the tables are not built yet; build them with `attribution run`")
    return error


def _of_client(spark: "SparkSession", table: str, client_id: str) -> "DataFrame":
    """Give a client's rows. The id is a literal of the plan, never a part of a statement's text.

    Not by a statement with parameters: Delta's parser does not bind them (Spark 4.2, Delta 4.4).
    """
    from pyspark.sql import functions as F

    return spark.table(table).where(F.col("client_id") == F.lit(client_id))


def _rows(frame: "DataFrame") -> list[Row]:
    result = Result(frame)
    return [dict(zip(result.names, row, strict=True)) for row in result.rows()]


def _conversions(
    spark: "SparkSession", client_id: str, event_time_micros: int | None, limit: int
) -> tuple[list[Row], int]:
    """Read a client's latest conversions, the earliest first, and count all of them."""
    from pyspark.sql import functions as F

    instant = F.unix_micros("event_time")
    asked = _of_client(spark, "marts.conversion_paths", client_id)
    if event_time_micros is not None:
        asked = asked.where(instant == F.lit(event_time_micros))
    told = asked.select(*_CONVERSION_COLUMNS, instant.alias("event_time_micros"))
    rows = _rows(told.orderBy(F.desc("event_time")).limit(limit))
    return rows[::-1], len(rows) if len(rows) < limit else asked.count()


def _between(
    spark: "SparkSession", table: str, client_id: str, instants: tuple[int, int], *order: str
) -> list[Row]:
    """Read what a mart has of a client's conversions between two instants, both included."""
    from pyspark.sql import functions as F

    oldest, newest = instants
    frame = _of_client(spark, table, client_id)
    frame = frame.where(F.unix_micros("event_time").between(F.lit(oldest), F.lit(newest)))
    return _rows(frame.orderBy("event_time", *order))


def _event_count(spark: "SparkSession", client_id: str) -> int | None:
    rows = _rows(_of_client(spark, "staging.stg_clients", client_id).select("event_count"))
    return rows[0]["event_count"] if rows else None


def _nothing_to_explain(
    spark: "SparkSession", client_id: str, event_time_micros: int | None
) -> UserError:
    shown = repr(client_id)
    if event_time_micros is not None:
        others, count = _conversions(spark, client_id, None, 3)
        if others:
            told = ", ".join(_instant(row["event_time"]) for row in others)
            more = f"; it has {count:,}" if count > len(others) else ""
            return UserError(
                f"client {shown} has no conversion at that instant; the latest are {told}{more}"
            )
    event_count = _event_count(spark, client_id)
    if event_count is None:
        return UserError(f"there is no client {shown}; ids are case-sensitive")
    events = counted(event_count, "event")
    return UserError(f"client {shown} has {events} and no purchase: no conversion to explain")


def _by_conversion(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["event_time"], []).append(row)
    return grouped


def _by_touch(credits_: Iterable[Row]) -> dict[str | None, list[Row]]:
    grouped: dict[str | None, list[Row]] = {}
    for row in credits_:
        grouped.setdefault(row["touch_event_id"], []).append(row)
    return grouped


def _heading_lines(explanation: Explanation) -> Iterator[str]:
    total, shown = explanation.conversion_count, len(explanation.stories)
    yield f"Client {_printable(explanation.client_id)}: {counted(total, 'conversion')}\n"
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
    evidence = " / ".join(_printable(touch[name] or "-") for name in _EVIDENCE)
    has_evidence = any(touch[name] for name in _EVIDENCE)
    return [
        _instant(touch["touch_at"]),
        human_age(touch["age_seconds"]),
        _printable(touch["channel"]),
        evidence if has_evidence else "",
    ]


_EVIDENCE = ("source", "medium", "campaign")


def _touch_widths(touches: Sequence[Row]) -> list[int]:
    cells = [_touch_cells(touch) for touch in touches]
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _credit_text(credits_: Iterable[Row]) -> str:
    """Write what the models gave, those that gave the same together."""
    given: dict[tuple[float, Decimal], list[str]] = {}
    for row in sorted(credits_, key=lambda row: MODELS.index(row["model"])):
        given.setdefault((row["weight"], row["attributed_revenue"]), []).append(row["model"])
    return "; ".join(
        f"{', '.join(models)} {_percent(weight)} = {revenue:f}"
        for (weight, revenue), models in given.items()
    )


def _total_lines(story: Story) -> Iterator[str]:
    rows = [(total["model"], *(f"{total[name]:f}" for name in _TOTALS)) for total in _totals(story)]
    header = ("", "attributed", "unattributed", "together")
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        first, *numbers = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {first}  {'  '.join(numbers)}\n"


_TOTALS = ("attributed_revenue", "unattributed_revenue", "revenue")


def _totals(story: Story) -> list[Row]:
    """Add up what each model gave and what it left; together it should be the revenue."""
    totals: list[Row] = []
    is_left_out = story.conversion["attribution_status"] == "outside_window"
    for model in MODELS:
        rows = [row for row in story.credits if row["model"] == model]
        given = sum((row["attributed_revenue"] for row in rows), Decimal("0.00"))
        # The rows themselves say it: nothing attributed although there is a row without a touch.
        is_unattributed = is_left_out and bool(rows) and not given
        left = story.conversion["revenue"] if is_unattributed else Decimal("0.00")
        totals.append(
            {
                "model": model,
                "attributed_revenue": given,
                "unattributed_revenue": left,
                "revenue": given + left,
            }
        )
    return totals


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
    by_touch = _by_touch(story.credits)
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
        "totals": _totals(story),
    }


# What stands on each touch's row of the conversion, which has it already.
_OF_CONVERSION = ("client_id", "event_time", "attribution_status", "revenue")


def _credit_values(credits_: Iterable[Row]) -> list[Row]:
    return [
        {name: row[name] for name in ("model", "weight", "attributed_revenue")}
        for row in sorted(credits_, key=lambda row: MODELS.index(row["model"]))
    ]


def _as_json(value: Any, indent: str = "\n") -> str:  # noqa: ANN401
    """Write JSON with decimals in full, which the standard encoder would make floats."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        pairs = (f"{json.dumps(key)}: {_as_json(item, deeper)}" for key, item in value.items())
        return "{" + deeper + f",{deeper}".join(pairs) + indent + "}"
    if isinstance(value, list) and value:
        items = (_as_json(item, deeper) for item in value)
        return "[" + deeper + f",{deeper}".join(items) + indent + "]"
    return json.dumps(value, ensure_ascii=False)


def _window(variables: Mapping[str, Any]) -> str:
    return f"{variables['attribution_window_days']}-day window"


def _instant(text: str) -> str:
    """Shorten ``…:00.000000Z`` to what can be typed."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    digits = fraction.rstrip("0")
    return f"{whole}.{digits}Z" if digits else f"{whole}Z"


def _percent(weight: float) -> str:
    return f"{weight * 100:.2f}".rstrip("0").rstrip(".") + " %"


def _printable(text: str) -> str:
    """Keep what came with the data from steering the terminal."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )
