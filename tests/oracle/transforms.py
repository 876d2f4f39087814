"""What can be done to a history without knowing the answers: whose it is, and when."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from tests.oracle.delivery import Delivered, as_text
from tests.oracle.generate import LATEST, WINDOW
from tests.oracle.generate_times import MICROSECOND
from tests.oracle.records import EARLIEST_EVENT_TIME, is_valid_event_time, parse_time


def renamed(history: Sequence[Delivered], client_id: str) -> list[Delivered]:
    """The same records of another client; a record without a client stays so."""
    return [_with(record, "client_id", lambda _text: client_id) for record in history]


def shifted(history: Sequence[Delivered], by: timedelta) -> list[Delivered]:
    """The same records so much later, each time written in one plain form; bad times stay."""

    def moved(text: str) -> str:
        instant = _valid_time(text)
        return text if instant is None else (instant + by).isoformat()

    return [_with(record, "event_time", moved) for record in history]


def with_older_touch(history: Sequence[Delivered]) -> list[Delivered] | None:
    """The history and one campaign touch, a microsecond older than any window may look back.

    None where that would be before the first valid instant, or where there is nothing to look back.
    """
    times = [time for record in history if (time := _valid_time(_text(record, "event_time")))]
    owners = [owner for record in history if (owner := _text(record, "client_id"))]
    touch_at = min(times, default=EARLIEST_EVENT_TIME) - WINDOW - MICROSECOND
    if touch_at < EARLIEST_EVENT_TIME or not owners:
        return None
    touch: Delivered = {
        "client_id": owners[0],
        "event_id": "older-touch",
        "event_time": touch_at.isoformat(),
        "event_type": "page_view",
        "utm_source": "old",
        "utm_medium": "affiliate",
    }
    return [*history, touch]


def _with(record: Delivered, field: str, change: Callable[[str], str]) -> Delivered:
    """The record with a field changed, however its name is spelled; blank ones stay blank."""
    return {
        name: change(text)
        if name.strip().lower() == field and (text := (as_text(value) or "").strip())
        else value
        for name, value in record.items()
    }


def _text(record: Delivered, field: str) -> str:
    """A field as trimmed text, empty if it is not there."""
    values = (as_text(value) for name, value in record.items() if name.strip().lower() == field)
    return next((value.strip() for value in values if value), "")


def _valid_time(text: str) -> datetime | None:
    """The instant of an event that is not rejected for its time; see `generate.LATEST`."""
    instant = parse_time(text)
    return instant if is_valid_event_time(instant, LATEST) else None
