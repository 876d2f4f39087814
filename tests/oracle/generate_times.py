"""Instants as text, in every accepted form."""

import random
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
BERLIN = ZoneInfo("Europe/Berlin")


def time_text(rng: random.Random, instant: datetime) -> str | int | float:
    """The instant in one of the accepted forms."""
    writers = [_iso, _iso, _iso, _iso, _basic, _epoch_seconds, _epoch_milliseconds]
    return rng.choice(writers)(rng, instant)


def _offset_text(rng: random.Random, local: datetime) -> str:
    """The offset of a local time as text; "without one it is UTC"."""
    offset = local.utcoffset() or timedelta(0)
    if not offset:
        return rng.choice(("Z", "Z", "z", "", "+00:00", "-00:00", "+0000", "+00", " Z"))
    sign = "-" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    forms = [f"{hours:02d}:{minutes:02d}", f"{hours:02d}{minutes:02d}"]
    if not minutes:
        forms.append(f"{hours:02d}")
    return rng.choice(("", " ")) + sign + rng.choice(forms)


def _local(rng: random.Random, instant: datetime) -> datetime:
    """The instant on some clock: UTC, Berlin's (with its clock changes), or a far one."""
    far = timezone(rng.choice((timedelta(hours=18), timedelta(hours=-18), -timedelta(hours=9.5))))
    odd = timezone(timedelta(hours=5, minutes=45))
    return instant.astimezone(rng.choice((UTC, UTC, BERLIN, BERLIN, far, odd)))


def _fraction(rng: random.Random, local: datetime) -> str:
    """The fraction of the second; digits beyond the microsecond are cut, never rounded."""
    digits = f"{local.microsecond:06d}"
    shorter = digits.rstrip("0")
    forms = [digits, f"{digits}999", f"{digits}0000"] + ([shorter] if shorter else [""])
    chosen = rng.choice(forms)
    return rng.choice(".,.") + chosen if chosen else ""


def _iso(rng: random.Random, instant: datetime) -> str:
    local = _local(rng, instant)
    is_whole_minute = not local.second and not local.microsecond
    is_midnight = is_whole_minute and not local.hour and not local.minute
    if is_midnight and not local.utcoffset() and rng.random() < 0.5:
        return f"{local:%Y-%m-%d}"
    clock = f"{local:%H:%M}"
    if not is_whole_minute or rng.random() < 0.7:
        clock = f"{local:%H:%M:%S}" + _fraction(rng, local)
    text = f"{local:%Y-%m-%d}{rng.choice('TT t')}{clock}{_offset_text(rng, local)}"
    return f" {text} " if rng.random() < 0.05 else text


def _basic(rng: random.Random, instant: datetime) -> str:
    local = _local(rng, instant)
    return f"{local:%Y%m%dT%H%M%S}{_fraction(rng, local)}{_offset_text(rng, local)}"


def _microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def _epoch_seconds(rng: random.Random, instant: datetime) -> str | int | float:
    seconds, rest = divmod(_microseconds(instant), 1_000_000)
    if not rest:
        return rng.choice((seconds, str(seconds), f"{seconds}.0", float(seconds)))
    if rest % 250_000 == 0 and rng.random() < 0.5:
        return seconds + rest / 1_000_000
    return f"{seconds}.{rest:06d}" + rng.choice(("", "9"))


def _epoch_milliseconds(rng: random.Random, instant: datetime) -> str | int | float:
    milliseconds, rest = divmod(_microseconds(instant), 1_000)
    if not rest:
        return rng.choice((milliseconds, str(milliseconds)))
    return f"{milliseconds}.{rest:03d}" + rng.choice(("", "9"))
