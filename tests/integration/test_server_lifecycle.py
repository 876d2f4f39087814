"""A real server: both doors work at once, and nothing survives whoever is killed."""

import dataclasses
import multiprocessing
import signal
import threading
import time
import urllib.request
from contextlib import closing

import psutil
import pytest
from pyhive import hive

from dagster_code.lib import server, server_processes, server_state
from dagster_code.lib.connect_token import read_token
from dagster_code.lib.session import connect_url, session_on
from dagster_code.lib.settings import Settings, load_settings
from tests.integration.conftest import PATIENCE_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_FORK = multiprocessing.get_context("fork")


@pytest.fixture
def settings(tmp_path):
    # the jars of the developer's own set-up, in a home whose name has a space
    home = tmp_path / "a home"
    own = dataclasses.replace(
        load_settings(),
        home=home,
        start_timeout_seconds=float(PATIENCE_SECONDS),
        thrift_port=None,
        connect_port=None,
        ui_port=None,
    )
    yield own
    server.stop(own)


def ignore(_line: str) -> None:
    """Progress that nobody reads."""


def start_as_from_a_terminal(settings: Settings) -> None:
    # a shell that runs the tests in the background has them ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server.start(settings, ignore)


def start_in_process(settings: Settings) -> multiprocessing.Process:
    process = _FORK.Process(target=start_as_from_a_terminal, args=(settings,))
    process.start()
    return process


def wait_for_state(settings: Settings) -> dict:
    path = settings.server_dir / "state.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, "the start wrote no state"
        time.sleep(0.1)
    return server_state.read_state(settings)


def query(port: int, sql: str) -> list[tuple]:
    with closing(hive.connect("127.0.0.1", port, auth="NOSASL")) as session:
        cursor = session.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_what_thrift_writes_every_connect_session_reads(settings):
    state = server.start(settings, ignore)

    query(state.thrift_port, "create schema shop")
    query(state.thrift_port, "create table shop.orders using delta as select 1 as order_id")
    for _ in range(2):  # the class path holds Delta for the second session too
        with session_on(settings, state.connect_port) as session:
            assert [tuple(row) for row in session.table("shop.orders").collect()] == [(1,)]
    assert (settings.warehouse_dir / "shop.db" / "orders" / "_delta_log").is_dir()
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(state.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}

    assert server.start(settings, ignore) == state
    assert server.status(settings) == state
    assert server.stop(settings) is True
    assert server.status(settings) is None
    assert server_processes.processes_of(settings) == {}


@pytest.mark.parametrize("token", ["", "another"])
def test_spark_connect_answers_nobody_without_the_token(settings, token):
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    state = server.start(settings, ignore)

    stranger = SparkSession.builder.remote(connect_url(state.connect_port, token)).create()
    try:
        with pytest.raises(PySparkException, match=r"token|UNAUTHENTICATED"):
            stranger.sql("select 1").collect()
    finally:
        # left open, it would ask the server once more when this process ends, for ten minutes
        stranger.client.close()
        stranger.stop()
    secret = read_token(settings)
    assert secret
    with session_on(settings, state.connect_port) as session:
        session.sql("select 1").collect()
    process = psutil.Process(state.pid)
    shown = [
        (settings.logs_dir / "spark-server.log").read_text(encoding="utf-8"),
        (settings.server_dir / "state.json").read_text(encoding="utf-8"),
        " ".join(process.cmdline()),
        str(query(state.thrift_port, "set")),
        str(query(state.thrift_port, "set -v")),
        urllib.request.urlopen(f"http://127.0.0.1:{state.ui_port}/environment/", timeout=30)
        .read()
        .decode("utf-8"),
    ]
    assert [text for text in shown if secret in text] == []


def test_sessions_that_close_at_once_all_close(settings):
    # as a dbt run does: a session a model, several at a time (docs/adr/0001)
    port = server.start(settings, ignore).thrift_port
    clients, sessions_each = 8, 25
    closed = []

    def open_and_close() -> None:
        for _ in range(sessions_each):
            query(port, "show tables in default")
            closed.append(port)

    # a session that never closes must not keep the test from ending
    threads = [threading.Thread(target=open_and_close, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 120
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))

    assert len(closed) == clients * sessions_each


def test_a_killed_server_is_replaced_and_keeps_its_tables(settings):
    first = server.start(settings, ignore)
    query(first.thrift_port, "create table kept using delta as select 7 as n")
    psutil.Process(first.pid).kill()
    while server_processes.is_alive(first):
        time.sleep(0.1)

    second = server.start(settings, ignore)

    assert second.pid != first.pid
    assert query(second.thrift_port, "select n from kept") == [(7,)]


@pytest.mark.parametrize("delay_seconds", [0.5, 5.0, 8.0])
def test_a_first_start_that_is_killed_at_any_moment_can_be_repeated(settings, delay_seconds):
    starter = start_in_process(settings)
    orphan = wait_for_state(settings)
    time.sleep(delay_seconds)
    starter.kill()
    starter.join()
    psutil.Process(orphan.pid).kill()

    state = server.start(settings, ignore)

    assert query(state.thrift_port, "select 1") == [(1,)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(settings, number):
    starter = start_in_process(settings)
    wait_for_state(settings)
    time.sleep(3)
    psutil.Process(starter.pid).send_signal(number)
    starter.join(15)

    assert starter.exitcode not in (0, None)
    assert server_processes.processes_of(settings) == {}
    assert server.status(settings) is None


def test_two_starts_at_once_make_one_server(settings):
    starters = [start_in_process(settings), start_in_process(settings)]
    for starter in starters:
        starter.join(settings.start_timeout_seconds)

    assert [starter.exitcode for starter in starters] == [0, 0]
    state = server.status(settings)
    assert state is not None
    assert state.status == "ready"
    # a JVM that forks shows for a moment as two processes of one command line
    deadline = time.monotonic() + PATIENCE_SECONDS
    while set(server_processes.processes_of(settings)) != {state.pid}:
        assert time.monotonic() < deadline, server_processes.processes_of(settings)
        time.sleep(0.5)
