"""Help pages, colours, JSON, quiet and completion of the command. No JVM, no Dagster."""

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from dagster_code.cli import COMMANDS, cli
from dagster_code.cli.helping import SECTIONS
from dagster_code.cli.printing import print_told, wants_json
from dagster_code.lib import style
from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.json_text import json_document
from dagster_code.lib.style import wants_colour
from dagster_code.lib.terminal import columns, padded
from dagster_code.lib.told import Told
from tests.unit.command import HEAVY, MAIN, MAIN_TELLING_IMPORTS, attribution

NAMES = [command.name for command in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_a_help_page_has_an_example_and_fits(name):
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert "\nExamples:\n" in done.output
    assert re.search(rf"^  (.*&& |\w+=\S+ )?attribution {name}\b", done.output, re.MULTILINE)
    assert max(map(len, done.output.splitlines())) <= 100
    assert CliRunner().invoke(cli, [name, "-h"]).output == done.output


@pytest.mark.parametrize("name", NAMES)
def test_examples_stand_as_they_are_typed(name):
    command = cli.commands[name]
    # far narrower than any example
    done = CliRunner().invoke(cli, [name, "--help"], terminal_width=30)
    for line in command.examples:
        assert f"  {line}\n" in done.output


def test_the_first_page_lists_every_command_where_it_belongs_and_the_exit_codes():
    page = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    places = [page.index(f"\n{section}:\n") for section in SECTIONS]
    assert places == sorted(places)
    for command in COMMANDS:
        assert command.section in SECTIONS
        line = next(line for line in page.splitlines() if line.startswith(f"  {command.name} "))
        assert not line.endswith("...")
    for code in ("0", "1", "2", "3", "130"):
        assert re.search(rf"^  {code} +\w", page, re.MULTILINE)


def test_a_help_page_waits_for_nothing_heavy(tmp_path):
    script = (
        f"import sys; from dagster_code.cli import cli; cli(['run', '--help'],"
        f" standalone_mode=False); print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = attribution(tmp_path, script=script)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["rnu"], "'run'"), (["publsh"], "'publish'"), (["query", "--fromat", "csv"], "'--format'")],
)
def test_a_slip_of_the_finger_is_told_with_what_was_meant(typed, meant):
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 2
    assert "id you mean" in done.stderr
    assert meant in done.stderr


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colours_are_for_terminals_and_whoever_asks(environment, is_terminal, expected):
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    assert wants_colour(stream, environment) is expected


def test_nothing_is_coloured_unless_it_is_switched_on():
    assert style.bad("failed") == "failed"
    style.use_colour(output=True, error=False)
    try:
        assert style.bad("failed") == "\x1b[31mfailed\x1b[0m"
        assert style.good("passed") == "\x1b[32mpassed\x1b[0m"
        assert style.warning("warned") == "\x1b[33mwarned\x1b[0m"
        assert style.heading("Landed") == "\x1b[1mLanded\x1b[0m"
        assert style.bad("error", "error") == "error"
    finally:
        style.use_colour(output=False, error=False)


@pytest.mark.parametrize(("forced", "has_colour"), [("1", True), ("", False)])
def test_a_pipe_gets_colours_only_when_they_are_forced(tmp_path, forced, has_colour):
    done = attribution(tmp_path, "status", FORCE_COLOR=forced)
    assert ("\x1b[31mdown" in done.stdout) is has_colour
    failed = attribution(tmp_path, "run", "--events", "nowhere", FORCE_COLOR=forced)
    assert ("\x1b[31merror" in failed.stderr) is has_colour


def test_a_terminal_gets_colours(tmp_path):
    ours, theirs = pty.openpty()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")
    }
    subprocess.run(
        [sys.executable, "-c", MAIN, "status"],
        env=environment | {"ATTRIBUTION_HOME": str(tmp_path), "TERM": "xterm"},
        stdout=theirs,
        timeout=300,
        check=False,
    )
    os.close(theirs)
    assert os.read(ours, 10_000).startswith(b"\x1b[31mdown\x1b[0m")
    os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "error"),
    [
        (["run", "--events", "nowhere", "--json"], 2, "nowhere: there is no such file or folder"),
        (["run", "--json", "--vars", "{window: 1}"], 2, "--vars: there is no variable 'window'"),
        (["query", "--json", ""], 2, "there is no SQL statement"),
        (["upkeep", "--json", "--retention-hours", "1"], 2, "--retention-hours 1: give 168"),
        (["run", "--json", "--evnts", "x"], 2, "No such option '--evnts'"),
        (["rnu", "--json"], 2, "No such command 'rnu'"),
    ],
)
def test_an_error_is_a_document_too_and_a_line_for_people(tmp_path, arguments, exit_code, error):
    done = attribution(tmp_path / "home", *arguments, ATTRIBUTION_JARS_DIR=str(tmp_path / "jars"))
    if arguments[0] == "query":
        # it wants a server first: there are no jars for one
        error = "jars"
    told = json.loads(done.stdout)
    assert set(told) == {"error", "exit_code"}
    assert error in told["error"]
    assert told["exit_code"] == done.returncode
    assert done.returncode in (exit_code, 3)
    assert told["error"].split(";")[0] in " ".join(done.stderr.split())


def test_without_json_an_error_leaves_standard_output_empty(tmp_path):
    done = attribution(tmp_path, "run", "--events", "nowhere")
    assert done.stdout == ""
    assert not wants_json(["explain", "--", "--json"])
    assert wants_json(["explain", "--json", "--", "ana"])


def test_a_run_that_failed_tells_what_it_did_and_why(capsys):
    failure = RunFailedError("checks failed: nothing_lost")
    told = Told(["Landed\n"], {"built_count": 3}, failure)
    with pytest.raises(RunFailedError):
        print_told(told, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "built_count": 3,
        "error": "checks failed: nothing_lost",
        "exit_code": 1,
    }
    with pytest.raises(RunFailedError):
        print_told(told, as_json=False)
    assert capsys.readouterr().out == "Landed\n"


def test_the_status_of_a_server_that_is_down_is_a_document(tmp_path):
    done = attribution(tmp_path, "status", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"status": "down", "home": str(tmp_path)}
    assert json.loads(attribution(tmp_path, "down", "--json").stdout) == {"was_up": False}


def test_the_demo_is_one_document(monkeypatch):
    monkeypatch.setattr(
        "dagster_code.lib.commands.run.run_pipeline", lambda *_, **__: Told([], {"built_count": 59})
    )
    answered = {"answers": [{"name": "x", "question": "?", "rows": []}]}
    monkeypatch.setattr("dagster_code.lib.commands.ask.answers", lambda *_: Told([], answered))
    done = CliRunner().invoke(cli, ["demo", "--json"])
    assert json.loads(done.stdout) == {"run": {"built_count": 59}, **answered}


def test_json_has_decimals_in_full_and_steers_no_terminal():
    value = {"revenue": Decimal("12345678901234567890.10"), "name": "\x9b1m\u202e", "none": []}
    text = json_document(value)
    assert "12345678901234567890.10" in text
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["name"] == "\x9b1m\u202e"


@pytest.mark.parametrize("arguments", [["-q", "run"], ["run", "-q"], ["--quiet", "run", "--json"]])
def test_quiet_is_taken_before_the_command_and_behind_it(monkeypatch, arguments):
    hushed = []
    monkeypatch.setattr("dagster_code.cli.options.hush", lambda: hushed.append(True))
    monkeypatch.setattr(
        "dagster_code.lib.commands.run.run_pipeline", lambda *_, **__: Told(["Landed\n"], {})
    )
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert hushed == [True]


def test_quiet_keeps_progress_back_and_errors_not(tmp_path):
    script = MAIN.replace("; main()", "") + (
        "; import dagster_code.lib.commands.run as r; from dagster_code.lib.errors import UserError"
        "\ndef fail(settings, paths, variables, refresh, progress, **_):"
        "\n    progress('working'); raise UserError('it is broken')"
        "\nr.run_pipeline = fail; main()"
    )
    assert "working" in attribution(tmp_path, "run", script=script).stderr
    for arguments in (["run", "-q"], ["-q", "run"]):
        quiet = attribution(tmp_path, *arguments, script=script)
        assert quiet.stderr == "attribution: error: it is broken\n"
        assert quiet.returncode == 2


def completed(shell, *words):
    place = len(words) - 1
    environment = {
        "_ATTRIBUTION_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(place),
    }
    done = attribution("/nowhere", **environment)
    assert done.stderr == ""
    return done.stdout


def test_a_shell_is_told_commands_options_formats_files_and_variables():
    assert completed("bash", "attribution", "expl") == "plain,explain\n"
    assert completed("bash", "attribution", "query", "--format", "") == (
        "plain,table\nplain,csv\nplain,sheet\nplain,json\n"
    )
    assert "plain,ga4\nplain,segment\n" in (
        completed("bash", "attribution", "run", "--mapping", "")
    )
    assert completed("bash", "attribution", "run", "--mapping", "./m") == "file,./m\n"
    assert completed("bash", "attribution", "run", "--full") == "plain,--full-refresh\n"
    assert completed("bash", "attribution", "run", "--events", "da") == "file,da\n"
    assert completed("bash", "attribution", "run", "--vars", "'{attribution_w") == (
        "plain,{attribution_window_days: 30}\n"
    )
    every = completed("bash", "attribution", "run", "--vars", "'{").splitlines()
    assert len(every) == len(declared_variables())
    assert "plain\nexplain\n" in completed("zsh", "attribution", "expl")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_takes_the_script(tmp_path, shell):
    done = attribution(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert f"_ATTRIBUTION_COMPLETE={shell}_complete" in done.stdout


def test_bash_completes_with_the_script(tmp_path):
    bash = shutil.which("bash")
    assert bash is not None
    folder = Path(sys.executable).parent
    told = subprocess.run(
        [
            *(bash, "--norc", "-c"),
            'eval "$(attribution completion bash)"; COMP_WORDS=(attribution qu); COMP_CWORD=1;'
            ' _attribution_completion attribution; echo "${COMPREPLY[@]}"',
        ],
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert told.stdout == "query\n"


def test_completing_waits_for_nothing_heavy(tmp_path):
    environment = {
        "_ATTRIBUTION_COMPLETE": "bash_complete",
        "COMP_WORDS": "attribution run --vars '{a",
        "COMP_CWORD": "3",
    }
    done = attribution(tmp_path, script=MAIN_TELLING_IMPORTS, **environment)
    assert done.stderr == "[]"


@pytest.mark.parametrize(
    ("text", "width"),
    [("ana", 3), ("統計", 4), ("cafe\u0301", 4), ("שלום", 4), ("ﾊﾝ", 2), ("각", 2), ("", 0)],
)
def test_the_width_of_a_text_is_what_a_terminal_gives_it(text, width):
    assert columns(text) == width
    assert columns(padded(text, 6)) == columns(padded(text, 6, is_right=True)) == 6
    assert padded(text, 0) == text
