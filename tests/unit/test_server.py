"""The server's life, with a small Python program in the place of Spark."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from dagster_code.lib import (
    doors,
    metastore,
    server,
    server_log,
    server_processes,
    server_state,
    spark_submit,
)
from dagster_code.lib.errors import ServerError, UserError
from dagster_code.lib.java import Java
from dagster_code.lib.lock import writer_lock
from dagster_code.lib.settings import load_settings
from dagster_code.lib.spark_conf import Ports, spark_home
from tests.unit.cluster_environment import on_cluster

# Listens on the two ports of its configuration, or misbehaves as its first argument says.
FAKE_SERVER = """
import socket, subprocess, sys, time
from pathlib import Path
mode, conf = sys.argv[1], Path(sys.argv[2])
if mode == "dies":
    print("java.lang.Oops: first"); print("Caused by: java.io.Bad: the disk")
    print("\\tat a.b.c(D.java:1)"); sys.exit(1)
race = conf.with_name("raced")
if mode == "always-races" or (mode == "races-once" and not race.exists()):
    race.touch(); print("java.net.BindException: Address already in use"); sys.exit(1)
if mode == "has-a-worker":
    subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(60)"])
if mode == "leaves-a-zombie":
    subprocess.Popen([sys.executable, "-c", "pass"])
if mode != "never-answers":
    lines = dict(line.split(" ", 1) for line in conf.read_text().splitlines())
    keys = ("spark.hadoop.hive.server2.thrift.port", "spark.connect.grpc.binding.port")
    sockets = [socket.create_server(("127.0.0.1", int(lines[key]))) for key in keys]
time.sleep(60)
"""

_FORK = multiprocessing.get_context("fork")


@pytest.fixture
def settings(tmp_path):
    own = load_settings(
        {"ATTRIBUTION_HOME": str(tmp_path / "a home"), "ATTRIBUTION_START_TIMEOUT_SECONDS": "10"}
    )
    yield own
    server.stop(own)


@pytest.fixture
def behave(monkeypatch, tmp_path):
    """Make the server that is started next a fake one, which behaves as told."""
    script = tmp_path / "fake_server.py"
    script.write_text(FAKE_SERVER)
    monkeypatch.setattr(spark_submit, "find_java", lambda: Java(Path("/java"), 17))
    monkeypatch.setattr(server, "class_path", lambda _settings: "/jars/*")
    monkeypatch.setattr(
        doors,
        "both_answer",
        lambda thrift, connect, _timeout: doors._listens(thrift, 1) and doors._listens(connect, 1),
    )

    def choose(mode):
        def command(settings):
            conf = settings.server_dir / "spark.conf"
            marker = server_processes.home_marker(settings)
            return [sys.executable, str(script), mode, str(conf), marker]

        monkeypatch.setattr(server, "_command", command)

    choose("answers")
    return choose


def ignore(_line):
    pass


def start_as_from_a_terminal(settings):
    # a shell that runs the tests in the background has them ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server.start(settings, ignore)


def start_in_process(settings):
    process = _FORK.Process(target=start_as_from_a_terminal, args=(settings,))
    process.start()
    return process


def wait_until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def assert_nothing_is_left(settings):
    assert server_processes.processes_of(settings) == {}
    assert not (settings.server_dir / "state.json").exists()
    assert server.status(settings) is None


def test_a_server_is_started_once_found_again_and_stopped(settings, behave):
    assert server.status(settings) is None

    state = server.start(settings, ignore)

    assert state.status == "ready"
    assert os.getsid(state.pid) == state.pid
    assert server.start(settings, ignore) == state
    assert server.ensure_running(settings, ignore) == state
    assert server.status(settings) == state
    assert server.stop(settings) is True
    assert server.stop(settings) is False
    assert_nothing_is_left(settings)


def test_looking_at_a_home_that_does_not_exist_makes_nothing(settings):
    assert server.status(settings) is None
    assert server.stop(settings) is False
    assert not settings.home.exists()


def test_a_server_that_dies_leaves_its_reason_in_one_line(settings, behave):
    behave("dies")

    with pytest.raises(ServerError) as failure:
        server.start(settings, ignore)

    message = str(failure.value)
    assert "java.io.Bad: the disk" in message
    assert str(settings.logs_dir / "spark-server.log") in message
    assert "\n" not in message
    assert_nothing_is_left(settings)


def test_a_server_that_never_answers_is_ended_after_the_time_limit(settings, behave):
    behave("never-answers")
    hasty = dataclasses.replace(settings, start_timeout_seconds=0.5)

    with pytest.raises(ServerError, match="ATTRIBUTION_START_TIMEOUT_SECONDS"):
        server.start(hasty, ignore)

    assert_nothing_is_left(settings)


def test_a_lost_race_for_a_port_is_tried_again(settings, behave):
    behave("races-once")
    lines = []

    assert server.start(settings, lines.append).status == "ready"
    assert any("trying others" in line for line in lines)


def test_races_for_ports_are_not_tried_for_ever(settings, behave):
    behave("always-races")

    with pytest.raises(ServerError, match="again and again"):
        server.start(settings, ignore)

    assert len(list(settings.logs_dir.glob("spark-server.log*"))) == server._START_ATTEMPTS
    assert_nothing_is_left(settings)


def test_the_last_logs_are_kept(settings):
    settings.logs_dir.mkdir(parents=True)
    for number in range(6):
        server_log.fresh_log(settings).write_text(str(number))

    kept = {path.name: path.read_text() for path in settings.logs_dir.iterdir()}
    assert kept == {
        "spark-server.log": "5",
        "spark-server.log.1": "4",
        "spark-server.log.2": "3",
        "spark-server.log.3": "2",
    }


def test_a_killed_server_is_replaced(settings, behave):
    first = server.start(settings, ignore)
    psutil.Process(first.pid).kill()
    wait_until(lambda: not server_processes.is_alive(first))

    second = server.start(settings, ignore)

    assert second.pid != first.pid
    assert server.status(settings) == second


def test_a_pid_that_was_used_again_is_not_the_server_and_is_spared(settings, behave):
    first = server.start(settings, ignore)
    server.stop(settings)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stale = dataclasses.replace(first, pid=stranger.pid, create_time=first.create_time - 999)
        server_state.write_state(settings, stale)

        assert server.status(settings) is None
        assert server.start(settings, ignore).pid != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pid": 1}', '{"started_at": 5}'])
def test_a_damaged_state_is_no_state(settings, behave, content):
    lost = server.start(settings, ignore)
    (settings.server_dir / "state.json").write_text(content)

    # the server whose state was lost is found by its command line
    assert server.stop(settings) is True
    assert not server_processes.is_alive(lost)


def test_workers_that_left_the_process_group_are_ended_too(settings, behave):
    behave("has-a-worker")
    server.start(settings, ignore)
    wait_until(lambda: len(server_processes.processes_of(settings)) == 2)

    server.stop(settings)

    assert_nothing_is_left(settings)


def test_a_child_that_ended_and_was_never_collected_is_no_process_of_the_server(settings, behave):
    behave("leaves-a-zombie")
    state = server.start(settings, ignore)
    children = psutil.Process(state.pid).children()
    wait_until(lambda: [child.status() for child in children] == [psutil.STATUS_ZOMBIE])

    assert set(server_processes.processes_of(settings)) == {state.pid}


def test_a_hung_server_is_reported_and_replaced(settings, behave, monkeypatch):
    first = server.start(settings, ignore)
    monkeypatch.setattr(server, "_HUNG_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(doors, "both_answer", lambda *_: False)

    found = server.status(settings)
    assert found == dataclasses.replace(first, status="hung")
    monkeypatch.setattr(doors, "both_answer", lambda thrift, *_: thrift != first.thrift_port)
    assert server.start(settings, ignore).pid != first.pid


@contextlib.contextmanager
def writing_in_another_process(settings):
    is_writing, may_end = _FORK.Event(), _FORK.Event()

    def write():
        with writer_lock(settings, ignore, "attribution run"):
            is_writing.set()
            may_end.wait(30)

    writer = _FORK.Process(target=write)
    writer.start()
    assert is_writing.wait(5)
    try:
        yield writer.pid
    finally:
        may_end.set()
        writer.join()


def test_a_server_too_busy_to_answer_is_never_taken_from_its_writer(settings, behave, monkeypatch):
    first = server.start(settings, ignore)
    monkeypatch.setattr(server, "_HUNG_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(server, "_BUSY_POLL_SECONDS", 0.1)
    answers = iter([False] * 5)
    monkeypatch.setattr(doors, "both_answer", lambda *_: next(answers, True))
    lines = []

    with writing_in_another_process(settings) as writer_pid:
        assert server.ensure_running(settings, lines.append) == first

    assert next(answers, None) is None
    assert f"is busy with attribution run (pid {writer_pid})" in lines[0]


def test_a_hung_server_is_replaced_once_its_writer_ended(settings, behave, monkeypatch):
    first = server.start(settings, ignore)
    monkeypatch.setattr(server, "_HUNG_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(server, "_BUSY_POLL_SECONDS", 0.1)
    monkeypatch.setattr(doors, "both_answer", lambda thrift, *_: thrift != first.thrift_port)
    states = []
    starter = threading.Thread(target=lambda: states.append(server.start(settings, ignore)))

    with writing_in_another_process(settings):
        starter.start()
        starter.join(1)
        assert starter.is_alive()
        assert server_processes.is_alive(first)
    starter.join(10)

    assert states[0].pid != first.pid


def test_a_hung_server_is_replaced_by_the_writer_itself(settings, behave, monkeypatch):
    first = server.start(settings, ignore)
    monkeypatch.setattr(server, "_HUNG_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(doors, "both_answer", lambda thrift, *_: thrift != first.thrift_port)

    with writer_lock(settings, ignore, "attribution run"):
        assert server.start(settings, ignore).pid != first.pid


@pytest.mark.parametrize("look", [server.status, server.stop, lambda s: server.start(s, ignore)])
def test_a_start_whose_starter_was_killed_is_cleared_away(settings, behave, look):
    behave("never-answers")
    starter = start_in_process(settings)
    wait_until(lambda: server_state.read_state(settings) is not None)
    orphan = server_state.read_state(settings)
    assert server.status(settings) == orphan  # still being started
    assert orphan.status == "starting"
    starter.kill()
    starter.join()
    behave("answers")

    look(settings)

    assert not server_processes.is_alive(orphan)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(settings, behave, number):
    behave("never-answers")
    starter = start_in_process(settings)
    wait_until(lambda: server_state.read_state(settings) is not None)

    os.kill(starter.pid, number)
    starter.join(5)

    assert starter.exitcode not in (0, None)
    assert_nothing_is_left(settings)


def test_two_starts_at_once_make_one_server(settings, behave):
    states = []
    threads = [
        threading.Thread(target=lambda: states.append(server.start(settings, ignore)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(states) == 2
    assert states[0] == states[1]


def test_two_homes_have_a_server_each(settings, behave, tmp_path):
    other = dataclasses.replace(settings, home=tmp_path / "a home 2")
    first = server.start(settings, ignore)
    second = server.start(other, ignore)
    try:
        assert first.thrift_port != second.thrift_port
        assert server.stop(other) is True
        assert server.status(settings) == first
    finally:
        server.stop(other)


def test_a_half_made_metastore_is_made_anew_and_a_whole_one_kept(settings, behave):
    (settings.metastore_dir / "seg0").mkdir(parents=True)
    server.start(settings, ignore)
    assert not settings.metastore_dir.exists()
    server.stop(settings)

    settings.metastore_dir.mkdir()
    (settings.metastore_dir / "service.properties").touch()
    server.start(settings, ignore)
    assert settings.metastore_dir.exists()


@pytest.mark.parametrize("variable", ["THRIFT", "CONNECT", "UI"])
def test_a_taken_configured_port_is_named_with_its_owner(settings, behave, variable):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configured = dataclasses.replace(settings, **{f"{variable.lower()}_port": port})

        with pytest.raises(ServerError) as failure:
            server.start(configured, ignore)

    assert f"ATTRIBUTION_{variable}_PORT={port}: the port is taken" in str(failure.value)
    assert f"process {os.getpid()}" in str(failure.value)
    assert_nothing_is_left(settings)


def test_configured_ports_are_used_and_a_port_configured_twice_is_refused(settings):
    free = doors.choose_ports(settings)
    configured = dataclasses.replace(settings, thrift_port=free.thrift, connect_port=free.connect)
    assert doors.choose_ports(configured).thrift == free.thrift

    twice = dataclasses.replace(settings, thrift_port=free.thrift, connect_port=free.thrift)
    with pytest.raises(ServerError, match="ATTRIBUTION_CONNECT_PORT"):
        doors.choose_ports(twice)


def test_other_configured_ports_of_a_running_server_are_mentioned(settings, behave):
    running = server.start(settings, ignore)
    lines = []

    other = dataclasses.replace(settings, thrift_port=1)
    assert server.start(other, lines.append) == running
    assert any("ATTRIBUTION_THRIFT_PORT=1" in line for line in lines)


def test_a_home_that_cannot_be_made_is_one_line(settings, tmp_path):
    (tmp_path / "file").touch()
    impossible = dataclasses.replace(settings, home=tmp_path / "file" / "home")

    with pytest.raises(ServerError, match="check ATTRIBUTION_HOME"):
        server.start(impossible, ignore)


def test_a_full_disk_is_one_line(settings, behave, monkeypatch):
    usage = spark_submit.shutil.disk_usage(settings.home.parent)._replace(free=5 * 1024**2)
    monkeypatch.setattr(spark_submit.shutil, "disk_usage", lambda _path: usage)

    with pytest.raises(ServerError, match="only 5 MiB are free"):
        server.start(settings, ignore)


def test_missing_jars_start_nothing(settings, behave, monkeypatch):
    def missing(_settings):
        raise UserError("run `make setup`")

    monkeypatch.setattr(server, "class_path", missing)

    with pytest.raises(UserError, match="make setup"):
        server.start(settings, ignore)
    assert_nothing_is_left(settings)


def test_a_foreign_spark_in_the_environment_is_left_out(settings, behave, monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://elsewhere")
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")
    monkeypatch.setenv("AWS_REGION", "kept")

    environment = spark_submit.driver_environment(settings, knows_secrets=False)

    assert not {"SPARK_REMOTE", "HADOOP_CONF_DIR"} & environment.keys()
    assert environment["AWS_REGION"] == "kept"
    assert environment["PYSPARK_PYTHON"] == sys.executable


def test_a_server_is_not_told_the_secrets_of_others(tmp_path, monkeypatch):
    variables = on_cluster(
        tmp_path,
        ATTRIBUTION_METASTORE_PASSWORD="s3cret-1",
        ATTRIBUTION_PUBLISH_PASSWORD="s3cret-2",
        ATTRIBUTION_DAGSTER_DATABASE_URL="postgresql://dagster:s3cret-3@db:5432/dagster",
    )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()

    environment = spark_submit.driver_environment(settings, knows_secrets=False)

    assert environment["ATTRIBUTION_HOME"] == str(tmp_path)
    assert [name for name, value in environment.items() if "s3cret" in value] == []
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in " ".join(server._command(settings))


def test_the_file_with_the_metastore_s_password_is_its_owner_s_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(metastore, "prepare", lambda *_: None)
    settings = load_settings(
        on_cluster(tmp_path / "home", ATTRIBUTION_WAREHOUSE=str(tmp_path / "warehouse"))
    )
    former = os.umask(0)
    try:
        spark_submit.prepare_home(settings, "/jars/*", ignore)
        ports = Ports(10001, 10002, 10003)
        spark_submit.write_conf(settings, "spark.conf", ports, "/jars/*", {})
    finally:
        os.umask(former)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    conf = settings.server_dir / "spark.conf"
    assert [path for path in files if "p w" in path.read_text(encoding="utf-8")] == [conf]
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600


def test_a_cluster_s_server_finds_yarn(tmp_path, monkeypatch):
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")
    monkeypatch.setenv("SPARK_HOME", "/opt/another")
    settings = load_settings(on_cluster(tmp_path, ATTRIBUTION_SPARK_MASTER="yarn"))

    environment = spark_submit.driver_environment(settings, knows_secrets=False)

    assert environment["HADOOP_CONF_DIR"] == "/etc/hadoop"
    assert environment["SPARK_HOME"] == str(spark_home())


def test_spark_s_page_is_closed_to_the_network_also_on_a_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_IP", "10.0.0.1")

    closed = load_settings(on_cluster(tmp_path))
    assert (
        spark_submit.driver_environment(closed, knows_secrets=False)["SPARK_LOCAL_IP"]
        == "127.0.0.1"
    )
    in_a_container = load_settings(on_cluster(tmp_path, ATTRIBUTION_BIND_ADDRESS="0.0.0.0"))
    assert "SPARK_LOCAL_IP" not in spark_submit.driver_environment(
        in_a_container, knows_secrets=False
    )


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", ""),
        ("one\n\nlast\n", "last"),
        ("WARNING: Using incubator modules: jdk.incubator.vector\n", ""),
        ("Error occurred during initialization of VM\nToo small heap\n", "Too small heap"),
        ("Error: Could not reserve enough space\nbye\n", "Error: Could not reserve enough space"),
        ("a.Outer: x\n\tat a\nCaused by: b.Inner: y\n\tat b\n\t... 5 more\n", "b.Inner: y"),
    ],
)
def test_the_reason_of_a_failure_is_found_in_the_log(log, reason):
    assert server_log.failure_reason(log) == reason


def answering(answer):
    """A server on a free port that sends these bytes to its first client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError), listener:
            client, _ = listener.accept()
            with client:
                client.sendall(answer)
                client.recv(1024)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"", False),
    ],
)
def test_the_connect_door_must_speak_http2(answer, expected):
    assert doors.connect_answers(answering(answer), 1.0) is expected


def test_doors_that_are_closed_or_silent_do_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert doors.connect_answers(port, 0.1) is False
        assert doors.thrift_answers(port, 0.1) is False
    assert doors.connect_answers(port, 0.1) is False
    assert doors.thrift_answers(port, 0.1) is False
