"""One writer at a time on a home, and a trace of writers that died in the middle.

The lock itself is the operating system's (``flock``): it is gone with its process, however that
ended. The file's content says who holds it and whether a write was under way, so that the next
writer knows when statements of a dead one may still run on the Spark server.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psutil

from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.progress import Progress
from dagster_code.lib.server_processes import wait_for_end
from dagster_code.lib.settings import Settings

WAIT_LIMIT_SECONDS = 3600.0
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds the lock, or held it last.

    Attributes:
        pid: the process.
        command: what it was started for, as shown to whoever waits.
        started_at: when it took the lock, ISO 8601 in UTC.
        is_writing: a write was under way when this was noted.
        child_pid: the dbt process working for it, if any.
        child_created: that process's start in seconds since 1970: process ids are used again.
    """

    pid: int
    command: str
    started_at: str
    is_writing: bool = False
    child_pid: int | None = None
    child_created: float | None = None


class WriterLock:
    """A held lock. Made by ``writer_lock``."""

    def __init__(self, handle: IO[str], holder: Holder, predecessor: Holder | None) -> None:
        """Note the holder in the lock file.

        Args:
            handle: the locked file, open for reading and writing.
            holder: this process.
            predecessor: who held it before, when it died with a write under way; else ``None``.
        """
        self._handle = handle
        self._holder = holder
        self.predecessor = predecessor
        if predecessor is None:
            self._note(holder)
            return
        # Until the predecessor's ghost is ended, whoever comes after this one has to know of it.
        self._note(
            replace(
                holder,
                is_writing=True,
                child_pid=predecessor.child_pid,
                child_created=predecessor.child_created,
            )
        )

    @contextmanager
    def writing(self, settled: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
        """Mark a write as under way, until it is known to have ended.

        Args:
            settled: errors after which no statement runs on; after any other error the mark
                stays, and the next writer restarts the Spark server first.
        """
        self._note(replace(self._holder, is_writing=True))
        try:
            yield
        except settled:
            self._note_idle()
            raise
        self._note_idle()

    def note_child(self, pid: int) -> None:
        """Remember the process that writes for this one, to be ended if this one dies.

        Args:
            pid: a child of this process.
        """
        try:
            created = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        self._note(replace(self._holder, is_writing=True, child_pid=pid, child_created=created))

    def forget_predecessor(self) -> None:
        """Note that nothing of the writer that died is left running."""
        self.predecessor = None
        self._note_idle()

    def _note_idle(self) -> None:
        self._note(replace(self._holder, is_writing=False, child_pid=None, child_created=None))

    def _note(self, holder: Holder) -> None:
        self._holder = holder
        self._handle.seek(0)
        self._handle.truncate()
        json.dump(asdict(holder), self._handle)
        self._handle.flush()


# The command holds the lock around a Dagster run whose resource takes it again.
_held: dict[Path, WriterLock] = {}


@contextmanager
def writer_lock(
    settings: Settings,
    progress: Progress,
    command: str,
    limit_seconds: float = WAIT_LIMIT_SECONDS,
) -> Iterator[WriterLock]:
    """Hold the home's writer lock; a process that holds it already gets the same one.

    Args:
        settings: whose home.
        progress: told once for whom this waits.
        command: what the lock is for, as shown to others that wait.
        limit_seconds: how long to wait for another holder.

    Raises:
        RunFailedError: another process held the lock for all that time.
    """
    path = _lock_path(settings)
    if path in _held:
        yield _held[path]
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # "a+" makes the file when it is missing and keeps the last holder's note when it is not.
    with path.open("a+", encoding="utf-8") as handle:
        _wait_for(handle, path, progress, limit_seconds)
        previous = _read_holder(path)
        holder = Holder(os.getpid(), command, datetime.now(UTC).isoformat(timespec="seconds"))
        dead = previous if previous is not None and previous.is_writing else None
        _held[path] = WriterLock(handle, holder, dead)
        try:
            yield _held[path]
        finally:
            del _held[path]


def other_writer(settings: Settings) -> str | None:
    """Say which other process writes to the home right now, without waiting for it.

    Args:
        settings: whose home.

    Returns:
        Its command and process id; ``None`` when nobody or this very process holds the writer lock.
    """
    path = _lock_path(settings)
    if path in _held or not path.exists():
        return None
    with path.open(encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _who(path)
    return None


def dead_writer(settings: Settings) -> Holder | None:
    """Give the last writer, if it died with a write under way that nobody has looked after yet.

    Args:
        settings: whose home; no writer is at work.
    """
    holder = _read_holder(_lock_path(settings))
    return holder if holder is not None and holder.is_writing else None


def end_leftover_child(holder: Holder, timeout_seconds: float = 10.0) -> bool:
    """End the dbt process of a writer that died, if it still runs.

    Args:
        holder: the writer that died.
        timeout_seconds: how long the process may take to end by itself.

    Returns:
        Whether there was one.
    """
    if holder.child_pid is None:
        return False
    try:
        child = psutil.Process(holder.child_pid)
        if child.create_time() != holder.child_created:
            return False
        child.terminate()
    except psutil.NoSuchProcess:
        return False
    if wait_for_end([child], timeout_seconds):
        # nobody may go on writing while it can still write
        with suppress(psutil.NoSuchProcess):
            child.kill()
        wait_for_end([child], timeout_seconds)
    return True


def _lock_path(settings: Settings) -> Path:
    return settings.home / "writer.lock"


def _wait_for(handle: IO[str], path: Path, progress: Progress, limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    is_told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _who(path)
            if time.monotonic() > deadline:
                raise RunFailedError(
                    f"{who} has been writing to {path.parent} for longer than"
                    f" {limit_seconds:.0f} s; wait for it or end it, then run this again"
                ) from None
            if not is_told:
                progress(f"waiting for {who}, which writes to {path.parent}")
                is_told = True
            time.sleep(_POLL_SECONDS)
        else:
            return


def _who(path: Path) -> str:
    """Name who holds the lock, as others that wait are told."""
    holder = _read_holder(path)
    return "another process" if holder is None else f"{holder.command} (pid {holder.pid})"


def _read_holder(path: Path) -> Holder | None:
    """Read who is noted in the lock file; ``None`` when it is not there, new or was cut off."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, TypeError):
        return None
