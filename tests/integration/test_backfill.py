"""A backfill with a real driver of its own; killed and repeated by `make repair-test`."""

import csv
import json
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.server_processes import processes_of
from tests.forms import expected_events, sample_files
from tests.integration.conftest import ATTRIBUTION, PATIENCE_SECONDS, Home

pytestmark = pytest.mark.integration

FILES = 200
RECORDS = 7


@dataclass(frozen=True)
class Story:
    """What happened in one home.

    Attributes:
        home: where.
        beside: what `attribution up` said while the backfill was at work.
        code: exit code of the backfill.
        told: its progress.
        left: processes that were there after it.
    """

    home: Home
    beside: subprocess.CompletedProcess[str]
    code: int
    told: str
    left: list[int]


@dataclass(frozen=True)
class KilledStory:
    """What happened in one home, one backfill after the other.

    Attributes:
        home: where.
        killed: exit code of the first, which was killed while it wrote records.
        repeated: the second.
        again: the third, as somebody submits it who has the printed command.
        left: processes that were there after the third.
    """

    home: Home
    killed: int
    repeated: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    left: list[int]


@pytest.fixture(scope="module")
def story(backfill_home: Home) -> Story:
    home = backfill_home
    files = [argument for file in sample_files("ga4") for argument in ("--events", str(file))]
    process, told = begun(home, "--mapping", "ga4", *files)
    wait_for(told, "the driver runs on", process)
    beside = home.attribution("up")
    code = process.wait(PATIENCE_SECONDS)
    return Story(home, beside, code, told.read_text(), list(processes_of(home.settings)))


@pytest.fixture(scope="module")
def killed_story(empty_home: Home, tmp_path_factory: pytest.TempPathFactory) -> KilledStory:
    home, folder = empty_home, many_files(tmp_path_factory.mktemp("history"))
    process, told = begun(home, "--events", str(folder))
    wait_for(told, f"landing events: {FILES} files", process)
    # the command, and it alone
    process.kill()
    killed = process.wait()
    repeated = home.attribution("backfill", "--events", folder)
    printed = home.run("backfill", "--events", folder, "--dry-run")
    again = subprocess.run(
        ["bash", "-c", printed.stdout],
        env={**os.environ, "ATTRIBUTION_HOME": str(home.settings.home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return KilledStory(home, killed, repeated, again, list(processes_of(home.settings)))


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


def begun(home: Home, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the command; its progress goes to a file."""
    told = home.settings.home / "told"
    with told.open("wb") as handle:
        process = subprocess.Popen(
            [str(ATTRIBUTION), "backfill", *arguments],
            env={**os.environ, "ATTRIBUTION_HOME": str(home.settings.home)},
            stdout=subprocess.DEVNULL,
            stderr=handle,
        )
    return process, told


def wait_for(told: Path, line: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while line not in told.read_text(encoding="utf-8"):
        assert process.poll() is None, told.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, told.read_text(encoding="utf-8")
        time.sleep(0.1)


def assert_landed_once(home: Home) -> None:
    counts = home.rows(
        "select count(*) as records, count(distinct event_id) as events,"
        " count(distinct source_file) as files, count(unreadable) as unreadable from raw.events"
    )
    assert counts == [
        {"records": FILES * RECORDS, "events": FILES * RECORDS, "files": FILES, "unreadable": 0}
    ]
    registered = home.rows(
        "select count(*) as files, count(distinct source_sha256) as contents,"
        " sum(record_count) as records from raw.landed_files"
    )
    assert registered == [{"files": FILES, "contents": FILES, "records": FILES * RECORDS}]


def test_no_server_is_started_beside_a_backfill(story: Story) -> None:
    assert story.beside.returncode == 3
    assert story.beside.stderr.count("\n") == 1
    assert "attribution backfill (pid" in story.beside.stderr


def test_records_of_another_form_land_and_no_process_is_left(story: Story) -> None:
    assert story.code == 0, story.told
    assert story.left == []
    landed = story.home.rows("select client_id, event_id, event_type from raw.events")
    expected = expected_events("ga4")
    assert expected
    assert Counter(tuple(row.values()) for row in landed) == Counter(
        (event.get("client_id"), event["event_id"], event["event_type"]) for event in expected
    )


@pytest.mark.repair
def test_after_a_kill_the_same_command_lands_each_record_once(killed_story: KilledStory) -> None:
    assert killed_story.killed == -9
    assert killed_story.repeated.returncode == 0, killed_story.repeated.stderr
    assert "was cut off" in killed_story.repeated.stderr
    assert_landed_once(killed_story.home)


@pytest.mark.repair
def test_the_printed_command_lands_nothing_new(killed_story: KilledStory) -> None:
    assert killed_story.again.returncode == 0, killed_story.again.stdout + killed_story.again.stderr
    assert "raw.events: 0 files, 0 records" in killed_story.again.stdout
    assert f"and {FILES - 10} more files" in killed_story.again.stdout
    assert killed_story.left == []


def test_beside_the_server_a_backfill_is_refused_with_one_line(story: Story) -> None:
    state = server.start(story.home.settings, lambda _line: None)
    refused = story.home.attribution("backfill")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert f"process {state.pid}" in refused.stderr
    assert server.status(story.home.settings) == state
