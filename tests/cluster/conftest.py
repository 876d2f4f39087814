"""A cluster of plain processes: PostgreSQL, a master, two workers, the server."""

import dataclasses
import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.settings import LOOPBACK, load_settings
from tests.cluster.compose import Stack, free_port, listens, wait_until
from tests.cluster.failures import HEAD, Outcome
from tests.cluster.postgres import MissingPostgresError, Postgres, make_postgres
from tests.increments.homes import DrivenHome

# It stands in a URL, so that only letters, digits and these may be in it (.env.example).
PASSWORD = "s3cr3t-Pa55_w0rd.~"
WORKERS = 2
# Tiny executors: the tests' data are small, and the machine is shared.
SIZES = {
    "ATTRIBUTION_WORKER_CORES": "1",
    "ATTRIBUTION_WORKER_MEMORY": "2g",
    "ATTRIBUTION_EXECUTOR_MEMORY": "1g",
    "ATTRIBUTION_DRIVER_MEMORY": "2g",
}


@dataclasses.dataclass
class Cluster:
    """All parts of a cluster.

    Attributes:
        postgres: holds metastore and Dagster's history.
        stack: the services.
        workers: those of them that give executors.
        home: whose commands work on it.
    """

    postgres: Postgres
    stack: Stack
    workers: list[subprocess.Popen[bytes]]
    home: DrivenHome


_OUTCOMES: list[Outcome] = []


@pytest.fixture(scope="session")
def outcomes() -> list[Outcome]:
    """What the strikes did, for the table at the end."""
    return _OUTCOMES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was struck and what came of it."""
    if _OUTCOMES:
        terminalreporter.section("failures injected")
        for line in (HEAD, *(one.line() for one in _OUTCOMES)):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL with the databases of the compose file."""
    try:
        made = make_postgres("attribution", PASSWORD)
    except MissingPostgresError as error:
        # not skipped: who asks for these tests wants to know
        pytest.fail(str(error), pytrace=False)
    yield made
    made.remove()


def start_worker(stack: Stack) -> "subprocess.Popen[bytes]":
    """Start one more worker; what each container has for itself is shared here."""
    folder = stack.folder / f"worker-{len(list(stack.folder.glob('worker-*')))}"
    folder.mkdir()
    own = ("--webui-port", str(free_port()), "--work-dir", str(folder))
    return stack.start("spark-worker", *own)


def worker_count(stack: Stack) -> int:
    """How many workers the master knows that live."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{stack.ports[8080]}/json/") as answer:
            return int(json.load(answer)["aliveworkers"])
    except OSError:
        return 0


@pytest.fixture(scope="session")
def cluster(postgres: Postgres) -> Iterator[Cluster]:
    """A master and two workers; the server is started by the first command."""
    folder = Path(tempfile.mkdtemp(prefix="attribution-cluster-"))
    for name in ("home", "warehouse"):
        (folder / name).mkdir()
    secret = folder / "postgres_password"
    secret.write_text(PASSWORD, encoding="utf-8")
    ports = {port: free_port() for port in (7077, 8080, 10000, 15002, 4040, 3000)}
    stack = Stack(
        folder,
        {"ATTRIBUTION_POSTGRES_PASSWORD": PASSWORD, **SIZES},
        {**ports, 5432: postgres.port},
        {
            "/var/lib/attribution-warehouse": str(folder / "warehouse"),
            "/var/lib/attribution": str(folder / "home"),
            "/run/secrets/postgres_password": str(secret),
            # what is open to the other containers there
            "0.0.0.0": LOOPBACK,
        },
    )
    stack.start("spark-master")
    wait_until(lambda: listens(ports[7077]), 60, "a start of the master")
    workers = [start_worker(stack) for _ in range(WORKERS)]
    wait_until(lambda: worker_count(stack) == WORKERS, 60, "a start of the workers")
    variables = {
        **stack.environment("spark-server"),
        "ATTRIBUTION_SETTLE_SECONDS": "0",
    }
    home = DrivenHome(load_settings(variables), variables)
    try:
        yield Cluster(postgres, stack, workers, home)
    finally:
        server.stop(home.settings)
        stack.kill_all()
