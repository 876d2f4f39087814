"""The command's arguments, exit codes and one-line errors. No JVM, no Dagster."""

import io
import subprocess
import sys

import pytest

from dagster_code.lib.commands.arguments import checked_client, checked_paths
from dagster_code.lib.errors import UserError
from tests.unit.command import MAIN_TELLING_IMPORTS, attribution


def only_line(text):
    assert text.count("\n") == 1
    return text.strip()


@pytest.mark.parametrize("kind", ["--events", "--clients", "--spend"])
def test_a_path_that_is_not_there_is_one_line_and_starts_nothing(tmp_path, kind):
    done = attribution(tmp_path / "home", "run", kind, str(tmp_path / "none.csv"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "none.csv: there is no such file or folder" in only_line(done.stderr)
    assert not (tmp_path / "home").exists()


def test_an_unknown_variable_names_the_known_ones(tmp_path):
    done = attribution(tmp_path / "home", "run", "--vars", "{window: 1}")
    assert done.returncode == 2
    assert "attribution_window_days" in only_line(done.stderr)
    assert not (tmp_path / "home").exists()


def test_status_without_a_server_exits_with_3_and_imports_nothing_heavy(tmp_path):
    done = attribution(tmp_path, "status", script=MAIN_TELLING_IMPORTS)
    assert done.returncode == 3
    assert done.stdout.startswith("down")
    assert done.stderr == "[]"


def test_a_wrong_setting_is_one_line(tmp_path):
    done = attribution(tmp_path, "status", ATTRIBUTION_THRIFT_PORT="high")
    assert done.returncode == 2
    assert "ATTRIBUTION_THRIFT_PORT" in only_line(done.stderr)


def test_debugging_shows_the_trace(tmp_path):
    done = attribution(tmp_path, "status", ATTRIBUTION_CORES="none", ATTRIBUTION_DEBUG="1")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_down_without_a_server_is_fine(tmp_path):
    done = attribution(tmp_path, "down")
    assert done.returncode == 0
    assert "not running" in done.stdout


def test_an_unknown_command_is_refused(tmp_path):
    done = attribution(tmp_path, "runn")
    assert done.returncode == 2
    assert "runn" in done.stderr


def test_every_command_is_in_the_help(tmp_path):
    done = attribution(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("run", "demo", "query", "explain", "upkeep", "up", "down", "status", "dev"):
        assert f"\n  {command} " in done.stdout


def test_relative_paths_are_made_absolute(tmp_path, monkeypatch):
    (tmp_path / "events.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert checked_paths(["events.csv"]) == (str(tmp_path / "events.csv"),)


def test_a_missing_path_is_named_as_it_was_typed():
    with pytest.raises(UserError, match=r"^no/where: "):
        checked_paths(["no/where"])


def test_a_time_that_cannot_be_read_starts_no_server(tmp_path):
    done = attribution(tmp_path / "home", "explain", "ana", "yesterday")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "EVENT_TIME 'yesterday' is no time" in only_line(done.stderr)
    assert not (tmp_path / "home").exists()


def test_an_unsafe_retention_is_one_line_and_starts_no_server(tmp_path):
    done = attribution(tmp_path / "home", "upkeep", "--retention-hours", "24")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "give 168 to 720" in only_line(done.stderr)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "name", ["x" * 300, "none\n\x1b[2J\u202e.csv", "~nobody-of-this-name/x", "a\udcff"]
)
def test_a_path_that_cannot_be_is_one_line_that_steers_no_terminal(tmp_path, name):
    done = attribution(tmp_path / "home", "run", "--events", name)
    assert done.returncode == 2
    assert only_line(done.stderr).isprintable()
    assert not (tmp_path / "home").exists()


def test_a_link_to_itself_is_a_path_that_is_not_there(tmp_path):
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    with pytest.raises(UserError, match=r"circle\.csv: there is no such file or folder"):
        checked_paths([str(tmp_path / "circle.csv")])


@pytest.mark.parametrize(
    "name", ["$(touch x).csv", "-x.csv", "~x.csv", "a\nb.csv", "*.csv", "a\udcff"]
)
def test_a_name_is_taken_as_it_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert checked_paths([name]) == (f"{tmp_path}/{name}",)


def test_an_id_that_no_argument_holds_comes_from_standard_input():
    given = "a\0" + "x" * 1_000_000
    assert checked_client("-", io.BytesIO(f" {given}\n".encode())) == given
    assert checked_client("ana", io.BytesIO(b"other")) == "ana"
    with pytest.raises(UserError, match="is not UTF-8"):
        checked_client("-", io.BytesIO(b"\xff"))


def test_a_reader_that_has_what_it_wanted_ends_nothing_badly():
    # click ends a command with 1 when its reader is gone
    script = (
        "import click, sys; from dagster_code.cli.printing import print_lines\n"
        "lines = ('x' * 99 + '\\n' for _ in range(9999))\n"
        "many = click.Command('many', callback=lambda: print_lines(lines))\n"
        "many.main([], standalone_mode=False); sys.stderr.write('went on')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "x" * 99 + "\n"
        process.stdout.close()
        assert process.stderr.read() == "went on"
    assert process.returncode == 0
