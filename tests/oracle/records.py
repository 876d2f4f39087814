"""Raw records and how their text is read (SPEC.md sections 1 and 2).

Everything here turns the text that was delivered into values, or says that it cannot be done.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

# "In campaign fields an empty string, null, undefined, nan, (not set) count as missing. Matching
# ignores case." The empty string is missing in every field, see `RawRecord.text`.
MISSING_IN_CAMPAIGN_FIELDS = frozenset({"null", "undefined", "nan", "(not set)"})

# "before 2000-01-01": midnight itself is the first valid instant.
EARLIEST_EVENT_TIME = datetime(2000, 1, 1, tzinfo=UTC)

# "or more than 24 hours after the record landed": 24 hours exactly is still valid.
LATEST_AFTER_LANDING = timedelta(hours=24)

# Numbers below this are epoch seconds, from it on epoch milliseconds.
SMALLEST_MILLISECONDS = Decimal(10) ** 11

# decimal(18,2) has sixteen digits before the point.
REVENUE_LIMIT = Decimal(10) ** 16
CENT = Decimal("0.01")

# An event without an id gets a placeholder that starts like this; see `content_placeholder`.
PLACEHOLDER_PREFIX = "\x00no-event-id:"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OFFSET = r"(?P<offset> ?(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_EXTENDED = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?" + _OFFSET + r")?"
)
_BASIC = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"[Tt](?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]+))?" + _OFFSET
)


@dataclass(frozen=True)
class RawRecord:
    """One landed record, uninterpreted.

    Attributes:
        fields: Field name (trimmed, lower case) -> text as delivered, known and unknown fields.
        unreadable: The record's text when it could not be read, else None.
        landed_at: When the record landed, UTC.
        source_sha256: Which file it came from.
        source_position: Where in that file.
    """

    fields: Mapping[str, str | None]
    unreadable: str | None
    landed_at: datetime
    source_sha256: str
    source_position: int

    def text(self, name: str) -> str | None:
        """The field's text; None when absent or blank. "Text is trimmed"."""
        value = self.fields.get(name)
        return (value.strip() or None) if value is not None else None

    def campaign_text(self, name: str) -> str | None:
        """The text of a campaign field (utm_*, channel, click ids), None when missing."""
        return unless_missing(self.text(name))


def unless_missing(value: str | None) -> str | None:
    """A campaign field's value, trimmed; None when it only says that there is none."""
    trimmed = value.strip() if value is not None else ""
    if not trimmed or trimmed.lower() in MISSING_IN_CAMPAIGN_FIELDS:
        return None
    return trimmed


def content_placeholder(record: RawRecord) -> str:
    """Stands for the pipeline's content hash as the id of an event that came without one.

    "Missing: a deterministic hash of the record's fields that are present and not empty takes its
    place, so the same record delivered twice is still one event." Equal placeholders mean equal
    hashes and the other way round; the hash itself is the pipeline's own business.
    """
    present = {name: record.text(name) for name in record.fields if record.text(name)}
    return PLACEHOLDER_PREFIX + json.dumps(present, sort_keys=True, ensure_ascii=False)


def is_placeholder(event_id: object) -> bool:
    """Whether this id was made by `content_placeholder`."""
    return isinstance(event_id, str) and event_id.startswith(PLACEHOLDER_PREFIX)


def parse_time(text: str | None) -> datetime | None:
    """The instant a text means, in UTC; None when it is missing or cannot be parsed.

    "ISO 8601, with an offset or Z; without one it is UTC; a space instead of T is fine; epoch
    seconds or milliseconds are fine."
    """
    if text is None:
        return None
    if _NUMBER.fullmatch(text):
        return _time_of_number(text)
    match = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    return _time_of_match(match.groupdict()) if match else None


def _time_of_number(text: str) -> datetime | None:
    """Epoch seconds below 1e11, else milliseconds; fractions are cut below the microsecond."""
    number = _decimal(text)
    if number is None or number.adjusted() > 20:
        return None
    in_seconds = abs(number) < SMALLEST_MILLISECONDS
    with localcontext() as context:
        context.prec = 60 + len(text)
        microseconds = number * (1_000_000 if in_seconds else 1_000)
        whole = int(microseconds.to_integral_value(rounding=ROUND_FLOOR))
    try:
        return _EPOCH + timedelta(microseconds=whole)
    except OverflowError:
        return None


def _time_of_match(part: Mapping[str, str | None]) -> datetime | None:
    """A calendar date and clock time; digits beyond the microsecond are cut."""
    offset = _offset(part["offset"])
    if offset is None:
        return None
    year, month, day, hour, minute, second = (
        int(part[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    microsecond = int((part["fraction"] or "").ljust(6, "0")[:6])
    try:
        # hour 24, second 60 and 30 February are refused here
        zone = timezone(offset)
        local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset(text: str | None) -> timedelta | None:
    """The offset from UTC; zero when none is given, None when it is beyond 18 hours."""
    digits = (text or "").strip().replace(":", "")
    if digits in ("", "Z", "z"):
        return timedelta(0)
    hours, minutes = int(digits[1:3]), int(digits[3:5] or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > timedelta(hours=18):
        return None
    return -offset if digits.startswith("-") else offset


def is_valid_event_time(event_time: datetime | None, landed_at: datetime) -> bool:
    """Whether an event may have happened then.

    "invalid_event_time (missing, unparseable, before 2000-01-01, or more than 24 hours after the
    record landed)".
    """
    if event_time is None or event_time < EARLIEST_EVENT_TIME:
        return False
    return event_time <= landed_at + LATEST_AFTER_LANDING


def parse_revenue(text: str | None) -> Decimal | None:
    """A purchase's revenue to the cent; None when it is invalid.

    "invalid_revenue (on a purchase: missing, not a number, negative, or beyond decimal(18,2))";
    "Revenue with more than two decimals is rounded half up."
    """
    number = _decimal(text) if text is not None and _NUMBER.fullmatch(text) else None
    if number is None:
        return None
    if number.is_zero():
        return Decimal("0.00")  # also "-0": zero is not negative
    if number < 0 or number.adjusted() > 16:
        return None
    if number.adjusted() < -3:
        return Decimal("0.00")
    with localcontext() as context:
        context.prec = 30
        rounded = number.quantize(CENT, rounding=ROUND_HALF_UP)
    return rounded if rounded < REVENUE_LIMIT else None


def _decimal(text: str) -> Decimal | None:
    """The number exactly as written; None when its exponent is beyond all reason."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
