"""Hostile texts, ids and names of files go through the pipeline and mean nothing on the way."""

import contextlib
import csv
import io
import json
import subprocess
import time
import unicodedata
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from dagster_code.lib import server, session
from dagster_code.lib.commands.ask import query_lines
from dagster_code.lib.connect_token import TOKEN_VARIABLE, read_token, token_path
from dagster_code.lib.dev_server import free_port
from dagster_code.lib.errors import ServerError
from dagster_code.lib.landing.discover import shown_path
from dagster_code.lib.settings import DBT_PROJECT_DIR, PROJECT_ROOT
from tests.increments.homes import COMMAND, DrivenHome
from tests.integration.conftest import PATIENCE_SECONDS
from tests.integration.hostile_input import (
    CANARY,
    EVERYTHING,
    MEGABYTE,
    TEXTS,
    HostileFiles,
    write_hostile,
)
from tests.oracle import Config, Rules, compare, run

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LISTENING_SECONDS = 180

IMPATIENT = """
spark.connect.session.manager.defaultSessionTimeout 10s
spark.connect.session.manager.maintenanceInterval 1s
"""


@dataclass(frozen=True)
class Delivery:
    """What was offered, and what the run said to it."""

    files: HostileFiles
    result: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrivenHome]:
    """A home of this module's own, whose sessions end while dbt builds, as in large builds."""
    folder = tmp_path_factory.mktemp("hostile-home")
    conf = folder / "impatient.conf"
    conf.write_text(IMPATIENT, encoding="utf-8")
    settings = DrivenHome.at(folder / "home").settings
    made = DrivenHome(settings, {"ATTRIBUTION_SPARK_CONF": str(conf)})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def delivery(home: DrivenHome, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """One run over all of it, in the folder itself."""
    files = write_hostile(tmp_path_factory.mktemp("hostile"))
    return Delivery(files, attribution(home, "run", *files.arguments, folder=files.folder))


def attribution(
    home: DrivenHome, *arguments: str, given: str = "", folder: Path = PROJECT_ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with something on its standard input."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=home.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def steering(text: str) -> set[str]:
    """What in a text a terminal would obey, line ends apart."""
    return {
        letter
        for letter in text
        if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")
    }


def test_each_file_lands_or_is_told_in_a_line(home: DrivenHome, delivery: Delivery) -> None:
    landed = home.rows("select source_file, record_count from raw.landed_files")
    assert sorted(row["source_file"] for row in landed) == sorted(
        shown_path(path.absolute()) for path in delivery.files.landing
    )
    assert all(row["record_count"] for row in landed)
    told = delivery.result.stdout.splitlines()
    pipe, circle = delivery.files.pipe, delivery.files.circle
    assert f"    refused: {pipe}: not a regular file" in told
    assert f"    left out: {circle}: cannot be read: Too many levels of symbolic links" in told
    assert delivery.result.stderr.splitlines()[-1].endswith("1 file refused; mend and offer again")
    assert delivery.result.returncode == 1
    assert steering(delivery.result.stdout + delivery.result.stderr) == set()


def test_nothing_that_was_delivered_was_executed(home: DrivenHome, delivery: Delivery) -> None:
    places = [delivery.files.folder.parent, home.settings.home, PROJECT_ROOT]
    assert [path for place in places for path in place.rglob(CANARY)] == []


def test_every_table_equals_the_oracle(home: DrivenHome, delivery: Delivery) -> None:
    raw, tables = home.raw(), home.tables()
    expected = run(raw.events, raw.clients, Rules.load(DBT_PROJECT_DIR / "seeds"), Config())
    found = {
        table: lines
        for table in expected
        if (lines := compare(table, expected[table], tables[table]))
    }
    assert {table: [line[-300:] for line in lines[:5]] for table, lines in found.items()} == {}
    buyers = {row["client_id"] for row in tables["client_journeys"]}
    assert buyers >= {*TEXTS.values(), EVERYTHING, f"csv {EVERYTHING}", MEGABYTE}
    assert tables["rejected_events"] == []


def test_an_id_of_a_megabyte_has_its_journey_and_its_story(
    home: DrivenHome, delivery: Delivery
) -> None:
    told = attribution(home, "explain", "-", "--format", "json", given=f"{MEGABYTE}\n").stdout
    story = json.loads(told)
    assert story["client_id"] == MEGABYTE
    assert story["conversions"][0]["touches"][0]["source"] == "newsletter"
    nobody = attribution(home, "explain", "-", given=MEGABYTE + "y")
    assert nobody.returncode == 2
    assert len(nobody.stderr.splitlines()[-1]) < 500
    listed = "select client_id, total_revenue from marts.client_journeys order by length(client_id)"
    lines = home.run("query", listed).stdout.splitlines()
    assert max(map(len, lines[:-1])) < 3000
    assert MEGABYTE in lines[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "-"),
        ("explain", "-", "--format", "json"),
        ("query", "select * from marts.attribution_explain where length(client_id) < 9999"),
        (
            "query",
            "select * from marts.conversion_paths where length(client_id) < 9999",
            "--format",
            "json",
        ),
    ],
)
def test_what_is_shown_steers_no_terminal(home: DrivenHome, delivery: Delivery, arguments) -> None:
    shown = attribution(home, *arguments, given=EVERYTHING).stdout
    assert steering(shown) == set()
    # it is all there, and may be read
    escape = "u001b[2J" if "json" in arguments else "x1b[2J"
    for text in ("drop table", "{{ 7 * 191 }}", "<script>", escape):
        assert text in shown


def test_a_sheet_holds_no_formula(home: DrivenHome, delivery: Delivery) -> None:
    sql = (
        "select client_id, source, medium, campaign, channel from marts.attribution_explain"
        " where length(client_id) < 9999"
    )
    shown = home.run("query", sql, "--format", "sheet").stdout
    cells = [cell for row in csv.reader(io.StringIO(shown, newline="")) for cell in row if cell]
    assert [cell for cell in cells if cell[0] in "=+-@\t\r"] == []
    assert [cell for cell in cells if cell.startswith("'=")] != []


def test_a_statement_is_not_filled_in_from_the_environment(home: DrivenHome, delivery) -> None:
    asked = f"${{env:{TOKEN_VARIABLE}}}"
    assert home.rows(f"select '{asked}' as text") == [{"text": asked}]


@contextlib.contextmanager
def dagster_ui(home: DrivenHome) -> Iterator[psutil.Process]:
    """`attribution dev`, in an environment that wants it open to all."""
    port = free_port(None)
    opened = {"DAGSTER_CLI_DEV_HOST": "0.0.0.0", "DAGSTER_WEBSERVER_HOST": "0.0.0.0"}
    process = psutil.Popen(
        [*COMMAND, "dev", "--port", str(port)],
        env={**home.environment, **opened},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + LISTENING_SECONDS
        while port not in listening(process):
            assert process.is_running()
            assert time.monotonic() < deadline, "the UI does not listen"
            time.sleep(0.5)
        yield process
    finally:
        process.terminate()
        process.wait(90)


def listening(process: psutil.Process) -> dict[int, str]:
    """Where a process and its children listen: the address of each port."""
    found = {}
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {
                connection.laddr.port: connection.laddr.ip.removeprefix("::ffff:")
                for connection in one.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
    return found


def test_dagster_s_ui_listens_on_loopback_whatever_the_environment_says_and_tells_no_secret(
    home: DrivenHome, delivery: Delivery
) -> None:
    token = read_token(home.settings)
    with dagster_ui(home) as process:
        addresses = set(listening(process).values())
        command_lines = all_command_lines()
    assert addresses == {"127.0.0.1"}
    assert any("dagster_webserver" in line for line in command_lines)
    assert [line for line in command_lines if token in line] == []


def all_command_lines() -> list[str]:
    """What everybody on the machine can see of each process."""
    return [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]


def test_the_token_is_in_one_file_and_nowhere_else(home: DrivenHome, delivery: Delivery) -> None:
    settings = home.settings
    token = read_token(settings)
    state = server.ensure_running(settings, lambda _line: None)
    # the server has it, and only its owner reads that
    assert psutil.Process(state.pid).environ()[TOKEN_VARIABLE] == token
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".db", ".log", ".sql", ".json", ".conf", ".parquet"}
    assert [path for path in files if token.encode() in path.read_bytes()] == [token_path(settings)]
    assert {
        path.stat().st_mode & 0o777
        for path in (token_path(settings), settings.server_dir / "spark.conf")
    } == {0o600}
    pages = ("environment/", "SQL/", "connect/", "sqlserver/", "jobs/", "executors/")
    shown = [page(state.ui_port, name) for name in pages]
    (application,) = json.loads(page(state.ui_port, "api/v1/applications"))
    shown.append(page(state.ui_port, f"api/v1/applications/{application['id']}/environment"))
    shown += [
        *all_command_lines(),
        home.run("status").stdout,
        delivery.result.stdout,
        delivery.result.stderr,
    ]
    assert [text[:200] for text in shown if token in text] == []


def page(port: int, name: str) -> str:
    """A page of Spark's own UI."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=60) as answer:
        return answer.read().decode("utf-8")


def test_a_server_that_is_gone_is_told_without_the_token(
    home: DrivenHome, delivery: Delivery, monkeypatch
) -> None:
    state = server.ensure_running(home.settings, lambda _line: None)
    server.stop(home.settings)
    monkeypatch.setattr(session, "_MOST_RETRIES", 0)
    # as when it goes away between the look and the question
    monkeypatch.setattr(server, "ensure_running", lambda *_: state)
    with pytest.raises(ServerError, match="went away") as failure:
        list(query_lines(home.settings, "select 1", "csv", lambda _line: None))
    down = home.attribution("status")
    assert down.returncode == 3
    assert read_token(home.settings) not in f"{failure.value}{down.stdout}{down.stderr}"
