"""A backfill's command and refusals, with a small Python program in the place of spark-submit."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from dagster_code.backfill import backfill
from dagster_code.cli import cli
from dagster_code.lib import backfill as command
from dagster_code.lib import backfill_driver, lock, server, server_processes, spark_submit
from dagster_code.lib.backfill import ANY_PORTS, Outcome, backfill_lines, dry_run_lines
from dagster_code.lib.backfill_driver import checked_conf
from dagster_code.lib.errors import RunFailedError, ServerError, UserError
from dagster_code.lib.java import Java
from dagster_code.lib.server_state import new_state, read_state, write_state
from dagster_code.lib.session import writing_home
from dagster_code.lib.settings import load_settings
from dagster_code.lib.spark_conf import Ports, parse_conf
from tests.unit.cluster_environment import on_cluster

# Does as its first argument says; the outcome's file is its last.
FAKE_DRIVER = """
import json, sys, time
from pathlib import Path
mode, outcome = sys.argv[1], Path(sys.argv[-1])
if mode == "dies":
    sys.stderr.write("Caused by: java.io.Bad: no executors\\n"); sys.exit(1)
if mode == "works":
    outcome.with_name("working").touch(); time.sleep(60)
told = {"lines": ["Landed\\n"], "error": None, "exit_code": 0}
if mode == "refuses":
    told |= {"error": "1 file refused", "exit_code": 1}
outcome.write_text(json.dumps(told))
sys.exit(told["exit_code"])
"""

# of this very file, whatever it is called
BACKFILL = f"""
import sys
sys.path.insert(0, sys.argv[1])
from tests.unit.{Path(__file__).stem} import backfill_with_fake
backfill_with_fake(sys.argv[2])
"""


def ignore(_line):
    pass


@pytest.fixture
def settings(tmp_path):
    own = load_settings({"ATTRIBUTION_HOME": str(tmp_path / "a home")})
    yield own
    server.stop(own)


@pytest.fixture
def behave(monkeypatch, tmp_path):
    """Make the driver that is started next a fake one, which behaves as told."""

    def choose(mode):
        fake(monkeypatch.setattr, tmp_path / "fake_driver.py", mode)

    choose("lands")
    return choose


def fake(put, script, mode):
    script.write_text(FAKE_DRIVER)
    put(spark_submit, "find_java", lambda: Java(Path("/java"), 17))
    put(command, "class_path", lambda _settings: "/jars/*")
    put(
        spark_submit,
        "submit_command",
        lambda _conf, *arguments: [sys.executable, str(script), mode, *arguments],
    )


def backfill_with_fake(home):
    """What another process does, to be killed."""
    fake(setattr, Path(home).parent / "fake_driver.py", "works")
    list(backfill_lines(load_settings({"ATTRIBUTION_HOME": home}), {}, (), ignore))


@pytest.fixture
def at_work(settings, behave):
    """A backfill of another process that is at work."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen([sys.executable, "-c", BACKFILL, root, str(settings.home)])
    wait_until((settings.server_dir / "working").exists)
    yield process
    process.kill()
    process.wait()


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- The command ----------------------------------------------------------------------------------


def printed(settings, paths, *options, mapping=None):
    (line,) = dry_run_lines(settings, paths, options, mapping=mapping)
    words = shlex.split(line)
    first = next(index for index, word in enumerate(words) if word.endswith("spark-submit"))
    return dict(word.split("=", 1) for word in words[:first]), words[first:]


@pytest.fixture
def with_java(monkeypatch):
    monkeypatch.setattr(spark_submit, "find_java", lambda: Java(Path("/java"), 17))
    monkeypatch.setattr(command, "class_path", lambda _settings: "/jars/*")


def test_the_printed_command_runs_as_it_is(settings, with_java):
    paths = {"events": ("/a b/in", "/c"), "clients": (), "spend": ("/s.csv",)}

    variables, words = printed(settings, paths, "--num-executors", "50", mapping="/m y.yml")

    conf_file = str(settings.server_dir / "backfill.conf")
    assert Path(words[0]).is_file()
    assert words[1:] == [
        *("--properties-file", conf_file),
        *("--name", "attribution backfill"),
        *("--num-executors", "50"),
        *("--deploy-mode", "client"),
        str(command.APPLICATION),
        *("--mapping", "/m y.yml", "--events", "/a b/in", "--events", "/c", "--spend", "/s.csv"),
    ]
    assert command.APPLICATION.is_file()
    assert variables["JAVA_HOME"] == "/java"
    assert variables["PYSPARK_PYTHON"] == sys.executable


def test_no_secret_is_printed_and_the_configuration_is_its_owner_s(tmp_path, with_java):
    settings = load_settings(on_cluster(tmp_path, ATTRIBUTION_METASTORE_PASSWORD="s3cret"))

    (line,) = dry_run_lines(settings, {}, ())

    conf_file = settings.server_dir / "backfill.conf"
    assert "s3cret" not in line
    assert "TOKEN" not in line
    assert conf_file.stat().st_mode & 0o777 == 0o600
    conf = parse_conf(conf_file.read_text(), "backfill.conf")
    assert conf["spark.hadoop.javax.jdo.option.ConnectionPassword"] == "s3cret"
    assert conf["spark.master"] == "spark://master:7077"
    assert conf["spark.executor.extraClassPath"] == "/jars/*"


def test_a_dry_run_leaves_the_server_s_configuration(settings, with_java):
    settings.server_dir.mkdir(parents=True)
    (settings.server_dir / "spark.conf").write_text("as it was")
    list(dry_run_lines(settings, {}, ()))
    assert (settings.server_dir / "spark.conf").read_text() == "as it was"


def test_the_doors_of_a_backfill_are_closed_to_others(tmp_path, with_java):
    settings = load_settings(
        {"ATTRIBUTION_HOME": str(tmp_path), "ATTRIBUTION_BIND_ADDRESS": "0.0.0.0"}
    )
    list(dry_run_lines(settings, {}, ()))
    conf = parse_conf((settings.server_dir / "backfill.conf").read_text(), "backfill.conf")
    assert conf["spark.connect.grpc.binding.address"] == "127.0.0.1"
    assert conf["spark.connect.grpc.binding.port"] == "0"


def test_options_behind_the_dashes_are_spark_submit_s(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(
        command,
        "dry_run_lines",
        lambda *given, mapping: seen.append((*given, mapping)) or iter(()),
    )

    done = CliRunner().invoke(
        cli,
        [
            "backfill",
            *("--mapping", "ga4", "--events", str(tmp_path), "--dry-run"),
            *("--", "--conf", "a=b"),
        ],
    )

    assert done.exit_code == 0, done.output
    assert seen[0][1]["events"] == (str(tmp_path),)
    assert seen[0][2:] == (("--conf", "a=b"), "ga4")


def test_a_mapping_that_is_not_there_is_told_before_a_driver_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(cli, ["backfill", "--mapping", "none.yml", "--events", str(tmp_path)])
    assert isinstance(done.exception, UserError)
    assert "none.yml" in str(done.exception)
    assert not (tmp_path / "home").exists()


# --- Its life -------------------------------------------------------------------------------------


def test_the_report_comes_from_the_driver_and_nothing_of_it_is_left(settings, behave):
    assert list(backfill_lines(settings, {}, (), ignore)) == ["Landed\n"]

    assert read_state(settings) is None
    assert lock.dead_writer(settings) is None
    assert server_processes.processes_of(settings) == {}


def test_a_refused_file_fails_the_backfill_after_its_report(settings, behave):
    behave("refuses")
    lines = []
    with pytest.raises(RunFailedError, match="1 file refused"):
        lines.extend(backfill_lines(settings, {}, (), ignore))


def test_a_driver_that_dies_is_one_line_with_its_reason(settings, behave):
    behave("dies")
    with pytest.raises(ServerError) as failure:
        list(backfill_lines(settings, {}, (), ignore))
    message = str(failure.value)
    assert "java.io.Bad: no executors" in message
    assert str(settings.logs_dir / "backfill.log") in message
    assert lock.dead_writer(settings) is None


def test_an_older_outcome_is_never_taken_for_this_one_s(settings, behave):
    list(backfill_lines(settings, {}, (), ignore))
    behave("dies")
    with pytest.raises(ServerError):
        list(backfill_lines(settings, {}, (), ignore))


def test_while_it_works_no_server_is_started_and_no_other_backfill(settings, at_work):
    expected = rf"attribution backfill \(pid {at_work.pid}\) is at work on this home"

    assert server.status(settings).status == "backfill"
    with pytest.raises(ServerError, match=expected):
        server.ensure_running(settings, ignore)
    with pytest.raises(UserError, match=expected):
        list(backfill_lines(settings, {}, (), ignore))
    assert server.status(settings).status == "backfill"
    assert at_work.poll() is None


def test_down_ends_it(settings, at_work):
    assert server.stop(settings) is True
    assert at_work.wait(20) != 0
    assert server.status(settings) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_a_killed_one_leaves_is_ended_by_the_next(settings, behave, at_work, number):
    driver = psutil.Process(read_state(settings).pid)
    at_work.send_signal(number)
    at_work.wait(20)
    assert server_processes.is_alive(read_state(settings)) if number == signal.SIGKILL else True
    told = []

    behave("lands")
    assert list(backfill_lines(settings, {}, (), told.append)) == ["Landed\n"]

    assert not server_processes.wait_for_end([driver], 5)
    assert any("was cut off" in line for line in told) == (number == signal.SIGKILL)


def test_a_look_at_what_a_killed_one_left_ends_it(settings, at_work):
    driver = psutil.Process(read_state(settings).pid)
    at_work.kill()
    at_work.wait()

    assert server.status(settings) is None

    assert not server_processes.wait_for_end([driver], 5)


def test_a_backfill_is_refused_while_the_server_runs(settings, behave, monkeypatch):
    stand_in = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        settings.server_dir.mkdir(parents=True)
        write_state(settings, new_state(stand_in.pid, Ports(1, 2, 3), "ready"))
        monkeypatch.setattr(server, "answers", lambda *_: True)

        with pytest.raises(
            UserError, match=rf"process {stand_in.pid}.*attribution down"
        ) as refusal:
            list(backfill_lines(settings, {}, (), ignore))
        with pytest.raises(UserError, match="one driver"), server.in_its_place(settings, ignore):
            pass

        assert "\n" not in str(refusal.value)
        assert stand_in.poll() is None
    finally:
        stand_in.kill()
        stand_in.wait()


# --- The application ------------------------------------------------------------------------------


def test_the_application_does_not_end_the_driver_that_it_runs_in(settings):
    settings.server_dir.mkdir(parents=True)
    write_state(settings, new_state(os.getppid(), ANY_PORTS, "backfill"))
    assert server.status(settings) is None
    assert os.getppid() not in server_processes.processes_of(settings)


def test_a_driver_of_another_home_or_configuration_is_refused(settings):
    own = {"spark.attribution.home": str(settings.home.resolve())}
    assert checked_conf(settings, own) == own
    for wrong, expected in (
        ({}, "not that of a backfill"),
        ({"spark.attribution.home": "/elsewhere"}, "the home /elsewhere"),
        ({**own, "spark.submit.deployMode": "cluster"}, "--deploy-mode client"),
    ):
        with pytest.raises(UserError, match=expected):
            checked_conf(settings, wrong)


def test_a_driver_whose_command_is_gone_lands_nothing(settings):
    settings.home.mkdir()
    with pytest.raises(RunFailedError, match="is gone"), backfill_driver._held_home(settings):
        pass


def lose_the_connection(settings):
    with backfill_driver._own_home(settings, ignore):
        assert read_state(settings).pid == os.getppid()
        raise ServerError("the connection is lost")


def test_a_driver_submitted_by_hand_is_known_to_the_next_writer(settings, monkeypatch):
    monkeypatch.setattr(backfill_driver, "class_path", lambda _settings: "/jars/*")
    with pytest.raises(ServerError, match="is lost"):
        lose_the_connection(settings)
    assert lock.dead_writer(settings).child_pid == os.getppid()


def test_the_application_without_spark_submit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    outcome = tmp_path / "outcome.json"

    done = CliRunner().invoke(backfill, ["--outcome", str(outcome)])

    assert done.exit_code == 2
    assert "started by spark-submit" in json.loads(outcome.read_text())["error"]


def test_an_outcome_keeps_the_kind_of_its_error(tmp_path):
    path = tmp_path / "outcome.json"
    assert Outcome.read(path) is None
    for kind in (UserError, ServerError, RunFailedError):
        Outcome((), "what", kind.exit_code).write(path)
        with pytest.raises(kind, match="what"):
            Outcome.read(path).raise_error()


def test_a_writer_waits_for_a_backfill_and_is_told_for_whom(settings, at_work):
    told = []
    with (
        pytest.raises(RunFailedError, match="attribution backfill"),
        lock.writer_lock(settings, told.append, "attribution run", limit_seconds=0.1),
    ):
        pass
    assert "waiting for attribution backfill" in told[0]


def test_the_next_run_ends_a_killed_backfill_before_it_writes(settings, at_work):
    driver = psutil.Process(read_state(settings).pid)
    at_work.kill()
    at_work.wait()
    with writing_home(settings, ignore, "attribution run"):
        assert not server_processes.wait_for_end([driver], 1)
