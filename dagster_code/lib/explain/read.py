"""Read from the marts why a conversion is credited as it is."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagster_code.lib.errors import UserError
from dagster_code.lib.explain.story import Explanation, Row, Story
from dagster_code.lib.explain.words import short_instant
from dagster_code.lib.query import Result
from dagster_code.lib.report import counted
from dagster_code.lib.terminal import shortened

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Of a client with more conversions the latest are told.
SHOWN_CONVERSIONS = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
    shown = repr(shortened(client_id))
    if event_time_micros is not None:
        others, count = _conversions(spark, client_id, None, 3)
        if others:
            told = ", ".join(short_instant(row["event_time"]) for row in others)
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
