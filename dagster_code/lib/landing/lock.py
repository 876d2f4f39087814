"""One landing per home at a time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.discover import Progress

_POLL_SECONDS = 0.5


@contextmanager
def landing_lock(home: Path, progress: Progress, wait_seconds: float) -> Iterator[None]:
    """Keep other landings of this home out; the system gives the lock back if we are killed.

    Args:
        home: folder of all state.
        progress: takes a line when there is something to wait for.
        wait_seconds: how long to wait for another landing.

    Raises:
        UserError: the other landing takes longer than that.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / "landing.lock"
    deadline = time.monotonic() + wait_seconds
    with path.open("a", encoding="utf-8") as file:
        is_told = False
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                raise UserError(
                    f"another landing has held {path} for {wait_seconds:.0f} s: wait for it to end"
                )
            if not is_told:
                progress("waiting for another landing to end")
                is_told = True
            time.sleep(min(_POLL_SECONDS, wait_seconds))
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
