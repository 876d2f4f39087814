"""Runs whose process is gone, which would hold up every later one."""

import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import psutil
import pytest

from dagster_code.lib.dead_runs import end_dead_runs, process_tags


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@dg.job
def idle() -> None:
    """Does nothing."""


def started_run(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED, tags=tags)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.fixture
def dead_process() -> Iterator[dict[str, str]]:
    """The tags of a process that was killed and that nobody has asked for since."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    created = psutil.Process(process.pid).create_time()
    process.kill()
    # it has ended, and stays a zombie: nobody has fetched its exit code
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    own = process_tags()
    yield {
        name: str(process.pid) if value == str(psutil.Process().pid) else repr(created)
        for name, value in own.items()
    }
    process.wait()


def test_a_run_whose_process_was_killed_fails(instance, dead_process):
    run_id = started_run(instance, dead_process)
    assert end_dead_runs(instance) == [run_id]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
    assert end_dead_runs(instance) == []


def test_a_process_id_that_is_used_again_is_another_process(instance):
    tags = {name: value if value.isdigit() else "1.5" for name, value in process_tags().items()}
    run_id = started_run(instance, tags)
    assert end_dead_runs(instance) == [run_id]


def test_a_run_that_lives_goes_on(instance):
    run_id = started_run(instance, process_tags())
    assert end_dead_runs(instance) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_run_that_another_job_s_process_has_is_left_alone(instance):
    run_id = started_run(instance, {})
    assert end_dead_runs(instance) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_the_sensor_says_what_it_ended_and_starts_nothing(location, instance, dead_process):
    sensor = location.resolve_sensor_def("dead_runs")
    run_id = started_run(instance, dead_process)
    ticked = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert not ticked.run_requests
    assert run_id in ticked.skip_message
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
