"""Runs of Dagster whose process is gone.

Dagster's own launcher looks after the processes that it started, as long as it lives itself. Who
kills the daemon or the machine, or the command, leaves a run that counts as started for ever; and
as only one runs at a time, every later one would wait for it.
"""

import os
from collections.abc import Mapping

import dagster as dg
import psutil

_PID_TAG = "attribution/pid"
_CREATED_TAG = "attribution/process_created"
_UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def process_tags() -> dict[str, str]:
    """Give the tags that say which process a run lives in: this one."""
    own = psutil.Process(os.getpid())
    # process ids are used again
    return {_PID_TAG: str(own.pid), _CREATED_TAG: repr(own.create_time())}


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs of processes that are gone as failed, and free their places.

    A run of a process on another machine looks dead from here: all that work on a home share a
    machine, as the home's lock and server demand it.

    Args:
        instance: Dagster's.

    Returns:
        The ids of these runs.
    """
    dead = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
        if _PID_TAG in run.tags and not _is_alive(run.tags)
    ]
    for run in dead:
        instance.report_run_failed(run, "the process of this run was killed")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def _is_alive(tags: Mapping[str, str]) -> bool:
    try:
        process = psutil.Process(int(tags[_PID_TAG]))
        return (
            repr(process.create_time()) == tags[_CREATED_TAG]
            # killed, and not yet asked for by its parent
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False
