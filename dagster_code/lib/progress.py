"""Progress of long work: short lines for whoever waits, one that is renewed on a terminal.

The command shows them on standard error, a Dagster run in its event log.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from dagster_code.lib.style import bad, warning
from dagster_code.lib.terminal import columns, printable

Progress = Callable[[str], None]

# How often the renewed line is renewed, and how often it is written anew where it cannot be.
_RENEWED_SECONDS = 1.0
_REPEATED_SECONDS = 15.0
# What begins like this is coloured.
_COLOURS = {"failed": bad, "warning": warning}

_logger = logging.getLogger("attribution.progress")
_HUSHED = logging.CRITICAL + 1


def announce(message: str) -> None:
    """Tell the waiting user, if a command shows progress in this process.

    Args:
        message: one short line.
    """
    _logger.info("%s", printable(message))


def aside(progress: Progress, message: str) -> None:
    """Tell of one of the many steps of what ``watched`` shows, where no line can be renewed.

    Args:
        progress: as for ``log_of``; its log gets the line in any case.
        message: one short line.
    """
    log_of(progress)(message)
    prefix = progress.prefix if isinstance(progress, _Prefixed) else ""
    _logger.debug("%s", printable(prefix + message))


class _Both:
    """Writes to a log and tells the waiting user."""

    def __init__(self, log: Progress) -> None:
        self.log = log

    def __call__(self, message: str) -> None:
        self.log(message)
        announce(message)


def also_to(log: Progress) -> Progress:
    """Make a progress function that writes to a log and tells the waiting user.

    Args:
        log: takes a line, like ``context.log.info``.
    """
    return _Both(log)


class _Prefixed:
    """Begins each line with the same words."""

    def __init__(self, progress: Progress, prefix: str) -> None:
        self.progress = progress
        self.prefix = prefix

    def __call__(self, message: str) -> None:
        self.progress(self.prefix + message)


def prefixed(progress: Progress, prefix: str) -> Progress:
    """Make a progress function that says what its lines are about.

    Args:
        progress: takes the lines.
        prefix: what each begins with.
    """
    return _Prefixed(progress, prefix)


def log_of(progress: Progress) -> Progress:
    """Give the part of a progress function that the waiting user does not see.

    What ``watched`` shows need not be told line by line; a log has it so.

    Args:
        progress: ``announce``, or what ``also_to`` has made, or another.
    """
    if progress is announce:
        return lambda _message: None
    if isinstance(progress, _Prefixed):
        return _Prefixed(log_of(progress.progress), progress.prefix)
    return progress.log if isinstance(progress, _Both) else progress


def hush() -> None:
    """Show no more progress in this process; errors are told all the same."""
    # Not by `disabled`: whoever configures logging, as Dagster does for a run, takes that back.
    _logger.setLevel(_HUSHED)


def is_hushed() -> bool:
    """Tell whether this process is to show no progress."""
    return _logger.level >= _HUSHED


class Display(logging.Handler):
    """Lines on a stream; below them, on a terminal, the one that is renewed."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to a stream from now on.

        Args:
            stream: where the lines go.
            clock: seconds, for tests.
        """
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
        self._stream = stream
        self._clock = clock
        self._renewed = ""
        self._repeated_at: float | None = None
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.setLevel(logging.INFO if self.is_terminal else logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, above the one that is renewed.

        Args:
            record: of the line; the handler's lock is held.
        """
        line = self.format(record)
        first = record.getMessage().partition(":")[0]
        self._clear()
        self._stream.write(_COLOURS.get(first, _as_it_is)(line, "error") + "\n")
        self._write_renewed()

    def renew(self, text: str) -> None:
        """Show how far a work has come: in place on a terminal, else as a line now and then.

        Args:
            text: one short line; empty when it has ended.
        """
        line = text and f"{time.strftime('%H:%M:%S')}  {printable(text)}"
        self.acquire()
        try:
            if self.is_terminal:
                self._clear()
                self._renewed = line
                self._write_renewed()
            elif self._is_due(is_ended=not text):
                self._stream.write(line + "\n")
                self._stream.flush()
        finally:
            self.release()

    def _is_due(self, is_ended: bool) -> bool:
        now = self._clock()
        if self._repeated_at is None or is_ended:
            # What does not last needs no line.
            self._repeated_at = None if is_ended else now
            return False
        if now - self._repeated_at < _REPEATED_SECONDS:
            return False
        self._repeated_at = now
        return True

    def _clear(self) -> None:
        if self._renewed:
            self._stream.write("\r\x1b[K")

    def _write_renewed(self) -> None:
        room = _columns_of(self._stream) - 1
        text = self._renewed
        while columns(text) > room:
            text = text[:-1]
        self._stream.write(text)
        self._stream.flush()


_shown: list[Display] = []
# The whole work first, then its parts.
_watched: list[Callable[[], str]] = []


def show_progress(stream: TextIO) -> None:
    """Show the progress of this process, each line with the local time of day.

    Args:
        stream: where the lines go; the command gives its standard error.
    """
    _shown[:] = [Display(stream)]
    _logger.handlers = list(_shown)
    _logger.setLevel(logging.DEBUG)
    # Dagster and dbt hang their own handlers on the root logger: a line must not come twice.
    _logger.propagate = False


@contextmanager
def watched(describe: Callable[[], str]) -> Iterator[None]:
    """Show how far a work has come for as long as it lasts, if a command shows progress.

    A part of the work may be watched too: it is what is shown while it lasts.

    Args:
        describe: gives one short line; called every second from a thread of its own.
    """
    if not _shown or is_hushed():
        yield
        return
    _watched.append(describe)
    try:
        if len(_watched) > 1:
            yield
        else:
            with _renewing(*_shown):
                yield
    finally:
        _watched.remove(describe)


@contextmanager
def _renewing(display: Display) -> Iterator[None]:
    ended = threading.Event()

    def renew() -> None:
        # Not at once: what takes no second would only flicker.
        while not ended.wait(_RENEWED_SECONDS):
            display.renew(_watched[-1]())

    thread = threading.Thread(target=renew, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        display.renew("")


def _as_it_is(text: str, _stream: str) -> str:
    return text


def _columns_of(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
