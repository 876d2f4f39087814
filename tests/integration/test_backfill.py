"""A backfill with a real driver of its own: killed, repeated, refused beside the server."""

import csv
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.server_processes import processes_of
from tests.integration.conftest import ATTRIBUTION, Home

pytestmark = pytest.mark.integration

FILES = 200
RECORDS = 7
SECONDS = 600


@dataclass(frozen=True)
class Story:
    """What happened in one home, one backfill after the other.

    Attributes:
        home: where.
        beside: what `attribution up` said while the first one was at work.
        killed: exit code of the first, which was killed while it wrote records.
        repeated: the second.
        again: the third, as somebody submits it who has the printed command.
        left: processes that were there after the third.
    """

    home: Home
    beside: subprocess.CompletedProcess[str]
    killed: int
    repeated: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    left: list[int]


@pytest.fixture(scope="module")
def story(backfill_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home, folder = backfill_home, many_files(tmp_path_factory.mktemp("history"))
    beside, killed = begun_and_killed(home, folder)
    repeated = home.attribution("backfill", "--events", folder)
    printed = home.run("backfill", "--events", folder, "--dry-run")
    again = subprocess.run(
        ["bash", "-c", printed.stdout],
        env={**os.environ, "ATTRIBUTION_HOME": str(home.settings.home)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Story(home, beside, killed, repeated, again, list(processes_of(home.settings)))


def many_files(folder: Path) -> Path:
    """Small files, half of them JSON Lines, half CSV; each record is there once."""
    for number in range(FILES):
        records = [
            {"client_id": f"c{number}", "event_id": f"{number}-{n}", "event_type": "page_view"}
            for n in range(RECORDS)
        ]
        if number % 2:
            lines = "".join(f"{json.dumps(record)}\n" for record in records)
            (folder / f"{number:03d}.jsonl").write_text(lines, encoding="utf-8")
            continue
        with (folder / f"{number:03d}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, records[0])
            writer.writeheader()
            writer.writerows(records)
    return folder


def begun_and_killed(home: Home, folder: Path) -> tuple[subprocess.CompletedProcess[str], int]:
    """Kill the command, and it alone, when its driver begins to write records."""
    told = home.settings.home / "told"
    with told.open("wb") as handle:
        process = subprocess.Popen(
            [str(ATTRIBUTION), "backfill", "--events", str(folder)],
            env={**os.environ, "ATTRIBUTION_HOME": str(home.settings.home)},
            stdout=subprocess.DEVNULL,
            stderr=handle,
        )
    deadline = time.monotonic() + SECONDS
    wait_for(told, "the driver runs on", process, deadline)
    beside = home.attribution("up")
    wait_for(told, f"landing events: {FILES} files", process, deadline)
    process.kill()
    return beside, process.wait()


def wait_for(told: Path, line: str, process: subprocess.Popen[bytes], deadline: float) -> None:
    while line not in told.read_text(encoding="utf-8"):
        assert process.poll() is None, told.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, told.read_text(encoding="utf-8")
        time.sleep(0.1)


def test_no_server_is_started_beside_a_backfill(story: Story) -> None:
    assert story.beside.returncode == 3
    assert story.beside.stderr.count("\n") == 1
    assert "attribution backfill (pid" in story.beside.stderr


def test_after_a_kill_the_same_command_lands_each_record_once(story: Story) -> None:
    assert story.killed == -9
    assert story.repeated.returncode == 0, story.repeated.stderr
    assert "was cut off" in story.repeated.stderr
    counts = story.home.rows(
        "select count(*) as records, count(distinct event_id) as events,"
        " count(distinct source_file) as files, count(unreadable) as unreadable from raw.events"
    )
    assert counts == [
        {"records": FILES * RECORDS, "events": FILES * RECORDS, "files": FILES, "unreadable": 0}
    ]
    registered = story.home.rows(
        "select count(*) as files, count(distinct source_sha256) as contents,"
        " sum(record_count) as records from raw.landed_files"
    )
    assert registered == [{"files": FILES, "contents": FILES, "records": FILES * RECORDS}]


def test_the_printed_command_lands_nothing_new(story: Story) -> None:
    assert story.again.returncode == 0, story.again.stdout + story.again.stderr
    assert "raw.events: 0 files, 0 records" in story.again.stdout
    assert f"and {FILES - 10} more files" in story.again.stdout
    assert story.left == []


def test_beside_the_server_a_backfill_is_refused_with_one_line(story: Story) -> None:
    state = server.start(story.home.settings, lambda _line: None)
    refused = story.home.attribution("backfill")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert f"process {state.pid}" in refused.stderr
    assert server.status(story.home.settings) == state
