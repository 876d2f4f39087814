"""How long a work will still take, from how far it has come."""

import time
from collections.abc import Callable

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
# Of less, the pace says too little.
_LEAST_SHARE = 0.05


class Pace:
    """A work under way, in any unit: bytes, seconds that it took the last time."""

    def __init__(
        self,
        total: float,
        former_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            total: how much there is to do.
            former_seconds: what the same took the last time; ``None`` when unknown.
            clock: seconds, for tests.
        """
        self._total = total
        self._former = former_seconds
        self._clock = clock
        self._began = self._told_at = clock()
        self._done = 0.0

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(self._done / self._total, 1.0) if self._total else 1.0

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def reached(self, done: float) -> None:
        """Note how far it has come.

        Args:
            done: in the unit of the total; less than before counts for nothing.
        """
        if done > self._done:
            self._done, self._told_at = done, self._clock()

    def left(self) -> float | None:
        """Guess the seconds still to go; ``None`` while there is nothing to guess from.

        At first by what the last time took, towards the end by the pace of this time.
        """
        share = self.share
        pace = None if share < _LEAST_SHARE else (self._told_at - self._began) / share
        if self._former is None:
            total = pace
        elif pace is None:
            total = self._former
        else:
            total = self._former * (1 - share) + pace * share
        if total is None:
            return None
        return max(0.0, total * (1 - share) - (self._clock() - self._told_at))


def in_words(pace: Pace) -> str:
    """Write the time that is left, or that has passed where nobody knows.

    Args:
        pace: of the work.
    """
    left = pace.left()
    if left is None:
        return f"{human_time(pace.elapsed)} so far"
    if left < 1:
        return "nearly done"
    return f"about {human_time(_coarse(left))} left"


def human_time(seconds: float) -> str:
    """Write a time in its two largest units, cut off, like ``3 d 4 h``.

    Args:
        seconds: the time.
    """
    rest = int(seconds)
    parts = []
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        parts.append((number, unit))
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    told = [f"{number} {unit}" for number, unit in parts[first : first + 2] if number]
    return " ".join(told) or "0 s"


def _coarse(seconds: float) -> float:
    """A guess of minutes is none of seconds: five of them are a step."""
    return round(seconds) if seconds < 20 else 5 * round(seconds / 5)
