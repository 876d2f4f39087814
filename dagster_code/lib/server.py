"""The local Spark server: started once for a home, found again, stopped with all it started.

One process serves Thrift (dbt, BI tools) and Spark Connect (PySpark). Everything known of it is in
``server/`` below ATTRIBUTION_HOME:

- ``lock``: held by whoever starts or stops the server, so two at once make one server;
- ``state.json``: written right after the process exists, with the status ``starting``. When the
  starter itself is killed, the lock is free and the state still says ``starting``: the next
  ``up``, ``down`` or ``status`` clears that away;
- ``connect_token``: what opens Spark Connect (``connect_token.py``);
- ``spark.conf``: the configuration of the last start; ``tmp/``: scratch space, emptied by a start.

A backfill (``backfill.py``) is a driver of its own. While it works, its process stands in the state
instead of a server's, so that no server is started beside it and ``attribution down`` ends it.

The state, the processes and the log are each read in a module of their own: ``server_state``,
``server_processes``, ``server_log``.
"""

import contextlib
import dataclasses
import errno
import fcntl
import logging
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn, TextIO

from dagster_code.lib import doors, metastore
from dagster_code.lib.errors import ServerError, UserError
from dagster_code.lib.jars import class_path
from dagster_code.lib.lock import other_writer
from dagster_code.lib.progress import Progress, watched
from dagster_code.lib.server_log import failure_reason, fresh_log, log_path, log_tail
from dagster_code.lib.server_processes import (
    ABORT_GRACE_SECONDS,
    home_marker,
    is_alive,
    kill_all,
    living,
    processes_of,
)
from dagster_code.lib.server_state import ServerState, new_state, write_state
from dagster_code.lib.settings import Settings
from dagster_code.lib.spark_conf import Ports
from dagster_code.lib.spark_submit import (
    driver_environment,
    empty_scratch,
    prepare_home,
    submit_command,
    write_conf,
)

_logger = logging.getLogger(__name__)

_MAIN_CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
_START_ATTEMPTS = 3
_STOP_GRACE_SECONDS = 20.0
# one look at the doors; long, because a server deep in a build may be slow to answer
_PROBE_SECONDS = 10.0
# before a living server that works for no other writer is given up and replaced
_HUNG_AFTER_SECONDS = 30.0
_POLL_SECONDS = 0.25
_BUSY_POLL_SECONDS = 5.0
_CONF_FILE = "spark.conf"
_SERVER_RUNS = (
    "the home's Spark server runs (process {}), and one driver does all writes:"
    " stop it with `attribution down`, then run this again"
)
_AT_WORK = (
    "{} is at work on this home, with a driver of its own: wait for it, or end it with"
    " `attribution down`"
)
_PORT_TAKEN = re.compile(r"BindException|Address already in use|Failed to bind")


class _PortLostError(Exception):
    """A chosen free port was taken by someone else before the server listened on it."""


class _BusyError(Exception):
    """The server does not answer now, but works for a writer that must not lose it."""

    def __init__(self, server_pid: int, writer: str) -> None:
        super().__init__(
            f"the server (process {server_pid}) is busy with {writer}: waiting until it answers"
        )


def start(settings: Settings, progress: Progress) -> ServerState:
    """Start the server, or find the one that runs.

    A server that no longer answers is replaced, but never under another process that writes with
    it: a deep build can keep the doors closed for minutes, and this waits as long as it lasts.

    Args:
        settings: whose home, ports and sizes.
        progress: gets lines for a person while it takes time.

    Returns:
        The state of a server whose doors both answered.

    Raises:
        UserError: no usable Java, or the jars were not fetched.
        ServerError: a configured port is taken, the home cannot be written, the server died or did
            not answer in time. Nothing is left running then, nor after KeyboardInterrupt or the
            SystemExit that SIGTERM is turned into.
    """
    with _one_line_os_errors(settings), _exit_on_sigterm():
        while True:
            # the lock is free between two looks, so that `attribution down` need not wait
            with _exclusive(settings, progress):
                try:
                    return _find_or_launch(settings, progress)
                except _BusyError as busy:
                    progress(str(busy))
            time.sleep(_BUSY_POLL_SECONDS)


def _find_or_launch(settings: Settings, progress: Progress) -> ServerState:
    running = living(settings)
    backfill = _backfill_of(settings, running)
    if backfill is not None:
        raise ServerError(_AT_WORK.format(backfill))
    if running is not None and running.status == "ready":
        if _answers_within(settings, running, progress):
            _mention_other_ports(settings, running, progress)
            return running
        progress(f"the server (process {running.pid}) no longer answers: replacing it")
    kill_all(settings, ABORT_GRACE_SECONDS)
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            return _launch(settings, progress)
        except _PortLostError as error:
            if attempt == _START_ATTEMPTS:
                _fail(settings, "its ports were taken by others again and again", error)
            progress("a port was taken by someone else meanwhile: trying others")
    raise AssertionError("unreachable: the last attempt returns or raises")


def ensure_running(settings: Settings, progress: Progress) -> ServerState:
    """Return the running server, without waiting for any lock; start one if there is none.

    Args:
        settings: whose home, ports and sizes.
        progress: gets lines for a person while it takes time.

    Raises:
        UserError: as ``start``.
        ServerError: as ``start``.
    """
    with _one_line_os_errors(settings):
        found = living(settings)
    if found is not None and found.status == "ready" and answers(found):
        return found
    return start(settings, progress)


def stop(settings: Settings) -> bool:
    """Stop the server and everything it started; waits for a start under way.

    Returns:
        Whether there was one.

    Raises:
        ServerError: the home cannot be read or written, or a process cannot be killed.
    """
    # a server can outlive its home when someone deletes the folder
    if not settings.server_dir.is_dir() and not processes_of(settings):
        return False
    with _one_line_os_errors(settings), _exclusive(settings, _logger.info):
        return kill_all(settings, _STOP_GRACE_SECONDS)


def status(settings: Settings) -> ServerState | None:
    """Find the server and ask its doors.

    What a killed ``start`` or backfill left behind is ended here; a server that does not answer is
    reported as ``hung`` and left alone.

    Returns:
        Its state, that of a backfill at work in its place, or None when none runs.

    Raises:
        ServerError: the home cannot be read or written.
    """
    with _one_line_os_errors(settings):
        found = living(settings)
        if _backfill_of(settings, found) is not None:
            return found
        if found is None or found.status != "ready":
            return _status_without_ready_server(settings)
        return found if answers(found) else dataclasses.replace(found, status="hung")


def _status_without_ready_server(settings: Settings) -> ServerState | None:
    if not settings.server_dir.is_dir():
        return None
    with _lock_file(settings) as lock:
        if not _try_lock(lock):  # someone is starting or stopping it
            return living(settings)
        # it may have become ready between the look and the lock
        found = living(settings)
        if found is not None and found.status == "ready":
            return found
        if _backfill_of(settings, found) is not None:
            return found
        kill_all(settings, ABORT_GRACE_SECONDS)
        return None


# --- A backfill in its place ----------------------------------------------------------------------


def refuse_backfill(settings: Settings) -> None:
    """Make sure that a backfill may have the home: one driver does all writes.

    Args:
        settings: whose home.

    Raises:
        UserError: its server runs, or another backfill is at work.
        ServerError: the home cannot be read or written.
    """
    found = status(settings)
    if found is None:
        return
    backfill = _backfill_of(settings, found)
    raise UserError(
        _SERVER_RUNS.format(found.pid) if backfill is None else _AT_WORK.format(backfill)
    )


@contextlib.contextmanager
def in_its_place(settings: Settings, progress: Progress) -> Iterator[None]:
    """Keep starts of the server waiting while a backfill records that it is there instead.

    Args:
        settings: whose home; this process, or who started it, holds its writer lock.
        progress: told what is waited for.

    Raises:
        UserError: the home's server runs.
        ServerError: the home cannot be written, or what a killed driver left cannot be ended.
    """
    with _one_line_os_errors(settings), _exclusive(settings, progress):
        running = living(settings)
        if running is not None and running.status == "ready":
            raise UserError(_SERVER_RUNS.format(running.pid))
        # of a start or a backfill that was killed: whoever is at work holds the writer lock
        kill_all(settings, ABORT_GRACE_SECONDS)
        yield


def _backfill_of(settings: Settings, state: ServerState | None) -> str | None:
    """Who does a backfill; ``None`` if there is none, or its remains, which write for nobody."""
    if state is None or state.status != "backfill":
        return None
    return other_writer(settings)


# --- Start ---------------------------------------------------------------------------------------


def _launch(settings: Settings, progress: Progress) -> ServerState:
    ports = doors.choose_ports(settings)
    _prepare(settings, ports, progress)
    command, environment = _command(settings), driver_environment(settings, knows_secrets=False)
    ready = False
    try:
        with fresh_log(settings).open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=settings.server_dir,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # its own group: a Ctrl-C at the starter's terminal must not reach a running server
                start_new_session=True,
            )
        state = new_state(process.pid, ports, "starting")
        write_state(settings, state)
        _wait_until_ready(settings, process, state, progress)
        metastore.check_alone(settings)
        state = dataclasses.replace(state, status="ready")
        write_state(settings, state)
        ready = True
    finally:
        # not only on errors: Ctrl-C and SIGTERM must leave nothing behind either
        if not ready:
            kill_all(settings, ABORT_GRACE_SECONDS)
    return state


def _prepare(settings: Settings, ports: Ports, progress: Progress) -> None:
    jars = class_path(settings)
    empty_scratch(settings)
    prepare_home(settings, jars, progress)
    write_conf(settings, _CONF_FILE, ports, jars, {})


def _command(settings: Settings) -> list[str]:
    return submit_command(
        settings.server_dir / _CONF_FILE,
        *("--conf", home_marker(settings)),
        *("--class", _MAIN_CLASS),
        *("--name", "attribution"),
        "spark-internal",
    )


def _wait_until_ready(
    settings: Settings, process: subprocess.Popen[bytes], state: ServerState, progress: Progress
) -> None:
    began = time.monotonic()
    progress("starting the Spark server")
    with watched(lambda: f"starting the Spark server ({time.monotonic() - began:.0f} s)"):
        _wait_for_answer(settings, process, state, began)


def _wait_for_answer(
    settings: Settings, process: subprocess.Popen[bytes], state: ServerState, began: float
) -> None:
    while True:
        if process.poll() is not None:
            _died(settings, process.returncode)
        if answers(state, timeout_seconds=5.0):
            return
        waited = time.monotonic() - began
        if waited > settings.start_timeout_seconds:
            _fail(
                settings,
                f"it did not answer within {settings.start_timeout_seconds:.0f} s "
                "(ATTRIBUTION_START_TIMEOUT_SECONDS)",
            )
        time.sleep(_POLL_SECONDS)


def _died(settings: Settings, exit_code: int) -> NoReturn:
    if _PORT_TAKEN.search(log_tail(settings)):
        raise _PortLostError
    _fail(settings, f"it ended with exit code {exit_code}")


def _fail(settings: Settings, what: str, cause: Exception | None = None) -> NoReturn:
    reason = failure_reason(log_tail(settings))
    said = f": {reason}" if reason else ""
    raise ServerError(
        f"the Spark server could not be started: {what}{said} (log: {log_path(settings)})"
    ) from cause


def _mention_other_ports(settings: Settings, running: ServerState, progress: Progress) -> None:
    wanted = {
        "ATTRIBUTION_THRIFT_PORT": (settings.thrift_port, running.thrift_port),
        "ATTRIBUTION_CONNECT_PORT": (settings.connect_port, running.connect_port),
        "ATTRIBUTION_UI_PORT": (settings.ui_port, running.ui_port),
    }
    for variable, (configured, actual) in wanted.items():
        if configured is not None and configured != actual:
            progress(
                f"the server already runs with port {actual}; "
                f"for {variable}={configured} run `attribution down` first"
            )


# --- Doors ---------------------------------------------------------------------------------------


def answers(state: ServerState, timeout_seconds: float = _PROBE_SECONDS) -> bool:
    """Tell whether both doors of a server answer.

    Args:
        state: of the server.
        timeout_seconds: how long each may take.
    """
    return doors.both_answer(state.thrift_port, state.connect_port, timeout_seconds)


def _answers_within(settings: Settings, state: ServerState, progress: Progress) -> bool:
    """Whether the doors answer, with patience.

    Raises:
        _BusyError: they do not, and another process writes with this server.
    """
    give_up_at = time.monotonic() + _HUNG_AFTER_SECONDS
    while not answers(state):
        if not is_alive(state):
            return False
        writer = other_writer(settings)
        if writer is not None:
            raise _BusyError(state.pid, writer)
        if time.monotonic() >= give_up_at:
            return False
        progress(f"waiting for the server (process {state.pid}) to answer")
        time.sleep(_POLL_SECONDS)
    return True


# --- Lock, signals and errors ---------------------------------------------------------------------


@contextlib.contextmanager
def _exclusive(settings: Settings, progress: Progress) -> Iterator[None]:
    """Hold the home's lock, so that nobody else starts or stops its server."""
    settings.server_dir.mkdir(parents=True, exist_ok=True)
    with _lock_file(settings) as lock:
        if not _try_lock(lock):
            progress("waiting for another attribution that starts or stops the server")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_file(settings: Settings) -> TextIO:
    return (settings.server_dir / "lock").open("a", encoding="utf-8")


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that what was begun is cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows handlers in the main thread only
        return

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def _one_line_os_errors(settings: Settings) -> Iterator[None]:
    """Report a full disk or a home that cannot be written as one line."""
    try:
        yield
    except OSError as error:
        where = error.filename or settings.home
        hint = "free some space" if error.errno == errno.ENOSPC else "check ATTRIBUTION_HOME"
        raise ServerError(f"{where}: {error.strerror or error}: {hint}") from error
