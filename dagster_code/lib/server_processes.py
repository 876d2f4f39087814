"""The local Spark server's processes: recognised and ended.

A process is recognised by its pid together with its creation time (pids are used again), and by
the home on its command line, which finds it also when the state file is lost.
"""

import contextlib
import os
import time
from collections.abc import Iterable

import psutil

from dagster_code.lib.errors import ServerError
from dagster_code.lib.server_state import ServerState, read_state, state_path
from dagster_code.lib.settings import Settings

HOME_KEY = "spark.attribution.home"

# what is not worth a long wait: the remains of a start, and what was killed
ABORT_GRACE_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.05
# the kernel's clock may be adjusted between two readings of a process's creation time
_CREATE_TIME_TOLERANCE_SECONDS = 2.0


def home_marker(settings: Settings) -> str:
    """Give the setting on a driver's command line that tells whose it is.

    Args:
        settings: whose home.
    """
    return f"{HOME_KEY}={settings.home.resolve()}"


def living(settings: Settings) -> ServerState | None:
    """Read the recorded server, if its process is still that process.

    Args:
        settings: whose home.
    """
    state = read_state(settings)
    return state if state is not None and is_alive(state) else None


def is_alive(state: ServerState) -> bool:
    """Whether a server's process is still that process.

    Args:
        state: what was recorded of it.
    """
    return _process_of(state) is not None


def processes_of(settings: Settings) -> dict[int, psutil.Process]:
    """Find the live processes of a home's server: it, its helpers, servers without a state.

    A backfill's driver is found in the same way, but for the one in which this is called.

    Args:
        settings: whose home.

    Returns:
        The processes by pid.
    """
    state, marker = read_state(settings), home_marker(settings)
    found: dict[int, psutil.Process] = {}
    recorded = _process_of(state) if state is not None else None
    if recorded is not None:
        found[recorded.pid] = recorded
    for process in psutil.process_iter(["cmdline"]):
        # None: another user's process
        if marker in (process.info["cmdline"] or []):
            found[process.pid] = process
    sessions = set(found)
    for process in psutil.process_iter():
        # Spark's Python workers leave the process group, but not the session
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in sessions:
                found[process.pid] = process
    # A backfill that clears away what another one left must not end itself.
    own = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    # spark-class becomes the JVM and may leave it a child that it never collects
    return {pid: process for pid, process in found.items() if pid not in own and _runs(process)}


def kill_all(settings: Settings, grace_seconds: float) -> bool:
    """End every process of a home's server and forget its state.

    Args:
        settings: whose home.
        grace_seconds: how long they may take to end by themselves.

    Returns:
        Whether there was a process.

    Raises:
        ServerError: one cannot be killed.
    """
    processes = processes_of(settings)
    for process in processes.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    wait_for_end(processes.values(), grace_seconds)
    # looked up anew: a dying server may have started helpers meanwhile
    remaining = processes | processes_of(settings)
    for process in remaining.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    alive = wait_for_end(remaining.values(), ABORT_GRACE_SECONDS)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise ServerError(f"the Spark server cannot be ended (process {pids})")
    state_path(settings).unlink(missing_ok=True)
    return bool(processes)


def _process_of(state: ServerState) -> psutil.Process | None:
    try:
        process = psutil.Process(state.pid)
        drift = abs(process.create_time() - state.create_time)
    except psutil.NoSuchProcess:
        return None
    return process if drift <= _CREATE_TIME_TOLERANCE_SECONDS and _runs(process) else None


def wait_for_end(
    processes: Iterable[psutil.Process], timeout_seconds: float
) -> list[psutil.Process]:
    """Wait until all have ended and return those that have not.

    A zombie has ended: in a container without an init process nobody may ever collect it, and
    ``psutil.wait_procs`` would wait for that.

    Args:
        processes: which ones.
        timeout_seconds: how long to wait for all of them.
    """
    deadline = time.monotonic() + timeout_seconds
    alive = list(processes)
    while alive := [process for process in alive if _runs(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_EVERY_SECONDS)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.is_running()
        process.wait(0)  # collects it if it is a child of this very process
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        pass
    return False
