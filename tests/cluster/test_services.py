"""Dagster's daemon and UI beside the cluster, with their history in PostgreSQL."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from dagster_code.lib.lock import other_writer
from dagster_code.lib.settings import PROJECT_ROOT
from tests.cluster.compose import wait_until
from tests.cluster.conftest import Cluster
from tests.cluster.deliveries import Deliveries
from tests.cluster.failures import Outcome, record_counts
from tests.increments.homes import Paths
from tests.increments.kills import start_server
from tests.increments.trial import Plan

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLAN = Plan(seed=20261201, drawn=50, copies=1, batches=7)
DAEMON = "dagster-daemon"
RUN_SECONDS = 900.0
TICK_SECONDS = 180.0
WORKSPACE = ("-w", "deploy/workspace.yaml")


@dataclasses.dataclass
class Office:
    """Dagster's services of a cluster, and what arrives."""

    cluster: Cluster
    deliveries: Deliveries
    daemon: "subprocess.Popen[bytes]"

    def dagster(self, *words: str) -> None:
        """Give one of Dagster's own commands, as a person in the container would."""
        subprocess.run(
            ["dagster", *words, *WORKSPACE],
            cwd=PROJECT_ROOT,
            env=self.cluster.stack.environment(DAEMON),
            check=True,
            capture_output=True,
            timeout=300,
        )

    def arrive(self) -> int:
        """Put the next delivery into the landing folder: how many records it has."""
        paths, count = self.deliveries.next_files()
        self._place(paths)
        return count

    def _place(self, paths: Paths) -> None:
        for kind, files in paths.items():
            folder = self.cluster.home.settings.landing_dir / kind
            folder.mkdir(parents=True, exist_ok=True)
            for number, file in enumerate(files):
                name = f"{len(self.deliveries.waiting):03d}-{number}{''.join(file.suffixes)}"
                shutil.copy(file, folder / f".{name}.part")
                (folder / f".{name}.part").rename(folder / name)

    def runs(self) -> list[tuple[str, str]]:
        """Each run's id and status, the newest first."""
        rows = self.cluster.postgres.rows(
            "select run_id, status from runs order by id desc", "dagster"
        )
        return [(str(run_id), str(status)) for run_id, status in rows]

    def process_of(self, run_id: str) -> int | None:
        """The process of a run, once it works on the home."""
        rows = self.cluster.postgres.rows(
            f"select value from run_tags where key = 'attribution/pid' and run_id = '{run_id}'",
            "dagster",
        )
        return int(str(rows[0][0])) if rows else None

    def new_run(self, known: int) -> str:
        """Wait for a run more than were known, until it works on the home."""
        wait_until(lambda: len(self.runs()) > known, TICK_SECONDS, "a run")
        run_id = self.runs()[0][0]
        wait_until(lambda: self.process_of(run_id) is not None, TICK_SECONDS, "work on the home")
        return run_id

    def building(self) -> bool:
        """Whether dbt builds right now."""
        lock = self.cluster.home.settings.home / "writer.lock"
        holder = json.loads(lock.read_text(encoding="utf-8") or "{}")
        return other_writer(self.cluster.home.settings) is not None and bool(
            holder.get("child_pid")
        )

    def wait_for(self, run_id: str, status: str, seconds: float = RUN_SECONDS) -> None:
        """Wait until a run has this status, or has ended with another one."""
        ended = {"SUCCESS", "FAILURE", "CANCELED"}
        wait_until(lambda: dict(self.runs())[run_id] in {status} | ended, seconds, status)
        assert dict(self.runs())[run_id] == status


@pytest.fixture(scope="module")
def office(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome]
) -> Iterator[Office]:
    """Server, daemon and UI as the compose file starts them, the landing folder watched."""
    stack = cluster.stack
    started = [stack.start("spark-server")]
    start_server(cluster.home)
    started += [stack.start(DAEMON), stack.start("dagster-webserver")]
    deliveries = Deliveries.of(PLAN, cluster.home, tmp_path_factory.mktemp("office"), outcomes)
    # there are tables, whatever ran before
    deliveries.land_next()
    made = Office(cluster, deliveries, started[1])
    made.dagster("sensor", "start", "landing_folder")
    yield made
    made.dagster("sensor", "stop", "landing_folder")
    for process in (made.daemon, started[2], started[0]):
        stack.kill(process)


def test_what_arrives_is_built_and_equals_the_oracle(office: Office) -> None:
    before = record_counts(office.cluster.home)
    known = len(office.runs())
    began = time.monotonic()
    count = office.arrive()
    run_id = office.new_run(known)
    office.wait_for(run_id, "SUCCESS")
    calm = Outcome("nothing: landed by the daemon", 0.0, "", (0,), "", time.monotonic() - began)
    office.deliveries.counted(calm, before, count)


def test_the_ui_answers_and_listens_on_loopback_alone(office: Office) -> None:
    port = office.cluster.stack.ports[3000]
    wait_until(lambda: answers(port), 120, "an answer of the UI")
    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    assert listening == {"127.0.0.1"}


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
            return "dagster_version" in json.load(answer)
    except OSError:
        return False


def test_a_second_run_waits_in_dagster_s_queue(office: Office) -> None:
    known = len(office.runs())
    for _ in range(2):
        office.dagster("job", "launch", "-j", "attribution_job")
    wait_until(lambda: len(office.runs()) == known + 2, TICK_SECONDS, "two runs")
    seen: set[tuple[str, ...]] = set()
    while any(status not in ("SUCCESS", "FAILURE") for _, status in office.runs()[:2]):
        seen.add(tuple(status for _, status in office.runs()[:2]))
        time.sleep(0.2)
    assert [status for _, status in office.runs()[:2]] == ["SUCCESS", "SUCCESS"]
    assert not any(statuses == ("STARTED", "STARTED") for statuses in seen)
    assert any("QUEUED" in statuses and "STARTED" in statuses for statuses in seen)


def test_a_killed_run_fails_and_the_next_delivery_brings_all(office: Office) -> None:
    before, count, run_id, process = begun_build(office)
    os.kill(process, signal.SIGKILL)
    assert_healed_by_the_next_delivery(office, "Dagster's run process", before, count, run_id)


def test_a_killed_daemon_with_all_its_processes(office: Office) -> None:
    before, count, run_id, process = begun_build(office)
    office.cluster.stack.kill(office.daemon)
    if psutil.pid_exists(process):
        os.kill(process, signal.SIGKILL)
    # nobody is there who could notice
    assert dict(office.runs())[run_id] == "STARTED"
    office.daemon = office.cluster.stack.start(DAEMON)
    what = "Dagster's daemon with all its processes"
    assert_healed_by_the_next_delivery(office, what, before, count, run_id)


def begun_build(office: Office) -> tuple[tuple[int, int], int, str, int]:
    """A delivery that is being built: records before, its records, the run, the run's process."""
    before = record_counts(office.cluster.home)
    known = len(office.runs())
    count = office.arrive()
    run_id = office.new_run(known)
    wait_until(office.building, RUN_SECONDS, "a build")
    process = office.process_of(run_id)
    assert process is not None
    return before, count, run_id, process


def assert_healed_by_the_next_delivery(
    office: Office, what: str, before: tuple[int, int], count: int, run_id: str
) -> None:
    struck_at = time.monotonic()
    office.wait_for(run_id, "FAILURE", TICK_SECONDS)
    told = time.monotonic() - struck_at
    known = len(office.runs())
    count += office.arrive()
    office.wait_for(office.new_run(known), "SUCCESS")
    found = Outcome(
        what, told, "told as failed at this second", (1, 0), "", time.monotonic() - struck_at
    )
    office.deliveries.counted(found, before, count)
