"""One writer a home, and what the next one learns of a writer that died."""

import json
import subprocess
import sys
import textwrap

import pytest

from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.lock import end_leftover_child, writer_lock
from dagster_code.lib.settings import load_settings

HOLDING = """
    import os, sys, time
    from dagster_code.lib.lock import writer_lock
    from dagster_code.lib.settings import load_settings
    with writer_lock(load_settings(), print, "the other run") as lock:
        with lock.writing():
            if len(sys.argv) > 1:
                lock.note_child(int(sys.argv[1]))
            print("holding", flush=True)
            time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path), "HOME": str(tmp_path)})


def other_holder(settings, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDING), *arguments],
        env={"ATTRIBUTION_HOME": str(settings.home), "HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "holding"
    return process


def test_a_second_writer_is_told_for_whom_it_waits(settings):
    other = other_holder(settings)
    told = []
    try:
        with (
            pytest.raises(RunFailedError, match="the other run"),
            writer_lock(settings, told.append, "mine", limit_seconds=0.2),
        ):
            pass
    finally:
        other.kill()
        other.wait()
    assert len(told) == 1
    assert f"the other run (pid {other.pid})" in told[0]


def test_a_writer_killed_in_a_write_is_known_to_the_next(settings):
    other = other_holder(settings)
    other.kill()
    other.wait()
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is not None
        assert lock.predecessor.pid == other.pid


def test_a_ghost_stays_known_until_it_is_dealt_with(settings):
    other = other_holder(settings)
    other.kill()
    other.wait()
    with writer_lock(settings, print, "gives up"):
        pass
    with writer_lock(settings, print, "deals with it") as lock:
        assert lock.predecessor is not None
        lock.forget_predecessor()
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is None


def test_a_writer_that_ended_its_write_leaves_no_trace(settings):
    with writer_lock(settings, print, "first") as lock, lock.writing():
        pass
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is None


def test_an_error_that_ends_the_statement_is_no_ghost(settings):
    with (
        pytest.raises(ValueError, match="settled"),
        writer_lock(settings, print, "first") as lock,
        lock.writing(settled=(ValueError,)),
    ):
        raise ValueError("settled")
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is None


def test_an_interrupt_in_a_write_is_a_ghost(settings):
    with (
        pytest.raises(KeyboardInterrupt),
        writer_lock(settings, print, "first") as lock,
        lock.writing(settled=(ValueError,)),
    ):
        raise KeyboardInterrupt
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is not None


def test_the_same_process_gets_the_same_lock_again(settings):
    with (
        writer_lock(settings, print, "command") as outer,
        writer_lock(settings, print, "step") as inner,
    ):
        assert inner is outer
    assert json.loads((settings.home / "writer.lock").read_text())["command"] == "command"


def test_a_dead_writers_child_is_ended_and_no_other_process(settings):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other = other_holder(settings, str(child.pid))
    other.kill()
    other.wait()
    with writer_lock(settings, print, "mine") as lock:
        assert end_leftover_child(lock.predecessor)
    assert child.poll() is not None
    assert not end_leftover_child(lock.predecessor)


def test_a_child_that_does_not_end_is_gone_before_the_writer_goes_on(settings):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        " print('deaf', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    child.stdout.readline()
    other = other_holder(settings, str(child.pid))
    other.kill()
    other.wait()
    with writer_lock(settings, print, "mine") as lock:
        assert end_leftover_child(lock.predecessor, timeout_seconds=0.2)
    assert child.poll() is not None


def test_a_damaged_note_is_no_ghost(settings):
    (settings.home / "writer.lock").write_text('{"pid": 1, "unknown": 2}', encoding="utf-8")
    with writer_lock(settings, print, "mine") as lock:
        assert lock.predecessor is None
