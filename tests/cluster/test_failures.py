"""A run on a cluster while parts of it die: nothing is lost, nothing is there twice."""

import csv
import dataclasses
import gzip
import threading
from collections.abc import Callable

import pytest
from pyhive import hive

from dagster_code.lib.server import ensure_running
from dagster_code.lib.settings import SAMPLE_EVENTS
from tests.cluster.compose import wait_until
from tests.cluster.conftest import Cluster, start_worker
from tests.cluster.deliveries import Deliveries
from tests.cluster.failures import (
    Outcome,
    SparkPage,
    Strike,
    after_line,
    built_count,
    kill_driver,
    record_counts,
)
from tests.increments.homes import Command, run_arguments
from tests.increments.kills import start_server
from tests.increments.trial import Plan
from tests.oracle.delivery import Delivered

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

BUILDING = "building the tables with dbt"
PLAN = Plan(seed=20261128, drawn=80, copies=1, batches=9)

# Each of two tasks keeps text until an executor's memory is used up: an analyst's mistake.
GREEDY = """
select max(length(texts)) from (
    select concat_ws('', collect_list(repeat(sha2(cast(id as string), 256), 50000))) as texts
    from range(0, 2000, 1, 2)
    group by id % 2
)
"""


@dataclasses.dataclass
class Site:
    """A cluster on which a first run has worked, and what is to be delivered."""

    cluster: Cluster
    page: SparkPage
    deliveries: Deliveries


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome]
) -> Site:
    """The cluster after a calm run."""
    folder = tmp_path_factory.mktemp("failures")
    deliveries = Deliveries.of(PLAN, cluster.home, folder, outcomes)
    deliveries.land_next()
    return Site(cluster, SparkPage(cluster.home), deliveries)


def other_shops() -> list[Delivered]:
    """The sample's events, each as of other clients: enough for tasks that take their time."""
    with gzip.open(SAMPLE_EVENTS, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {
            **row,
            "client_id": f"shop {shop} {row['client_id']}",
            "event_id": f"{shop}-{row['event_id']}",
        }
        for shop in range(4)
        for row in rows
    ]


def test_a_worker_that_dies_in_a_shuffle_is_not_noticed(site: Site) -> None:
    stack = site.cluster.stack

    def strike(command: Command) -> str | None:
        if not (after_line(BUILDING)(command) and site.page.is_shuffling()):
            return None
        stack.kill(site.cluster.workers.pop(0))
        return "a worker, in a shuffle"

    try:
        assert site.deliveries.struck(strike, more=other_shops()).exits == (0,)
    finally:
        site.cluster.workers.append(start_worker(stack))


def test_executors_out_of_memory_are_replaced(site: Site) -> None:
    failed: list[str] = []

    def ask() -> None:
        port = ensure_running(site.cluster.home.settings, lambda _line: None).thrift_port
        try:
            with hive.connect("127.0.0.1", port, auth="NOSASL").cursor() as cursor:
                cursor.execute(GREEDY)
        except hive.OperationalError as error:
            failed.append(str(error))

    analyst = threading.Thread(target=ask)

    def strike(command: Command) -> str | None:
        if not after_line(BUILDING)(command):
            return None
        analyst.start()
        return "executors, out of memory by another query"

    outcome = site.deliveries.struck(strike)
    analyst.join()
    assert failed, "the statement had enough memory"
    assert "OutOfMemory" in failed[0] or "code 52" in failed[0], failed[0][:2000]
    assert outcome.exits[-1] == 0


def kills_driver(site: Site, what: str, is_due: Callable[[Command], bool]) -> Strike:
    def strike(command: Command) -> str | None:
        return what if is_due(command) and kill_driver(site.cluster.home) else None

    return strike


def test_a_driver_killed_in_a_landing(site: Site) -> None:
    def is_landing(command: Command) -> bool:
        return after_line("landing events: ")(command) and bool(site.page.stages())

    outcome = site.deliveries.struck(kills_driver(site, "the driver, in a landing", is_landing))
    # The step is tried again, with another driver.
    assert outcome.exits == (0,)


def test_a_driver_killed_in_a_merge(site: Site) -> None:
    def is_merging(command: Command) -> bool:
        return built_count(command) >= 5 and any(
            "merge into" in text.lower() for text in site.page.statements()
        )

    outcome = site.deliveries.struck(kills_driver(site, "the driver, in a merge", is_merging))
    assert outcome.exits == (1, 0)


def test_a_driver_killed_between_tables(site: Site) -> None:
    def is_between(command: Command) -> bool:
        return built_count(command) >= 20

    outcome = site.deliveries.struck(kills_driver(site, "the driver, between tables", is_between))
    assert outcome.exits == (1, 0)


def test_a_postgres_that_crashes_in_a_run(site: Site) -> None:
    def strike(command: Command) -> str | None:
        if built_count(command) < 10:
            return None
        site.cluster.postgres.restart("immediate")
        return "PostgreSQL, crashed and restarted"

    assert site.deliveries.struck(strike).exits[-1] == 0


def test_two_runs_at_once_take_turns(site: Site) -> None:
    home, deliveries = site.cluster.home, site.deliveries
    start_server(home)
    before = record_counts(home)
    (first, one), (second, two) = deliveries.next_files(), deliveries.next_files()
    with home.running(*run_arguments(first, {})) as begun:
        wait_until(lambda: after_line("landing ")(begun), 120, "a landing")
        with home.running(*run_arguments(second, {})) as later:
            wait_until(lambda: after_line("waiting for attribution run")(later), 120, "waiting")
            assert begun.process.poll() is None
            exits = (begun.completed().returncode, later.completed().returncode)
    assert exits == (0, 0)
    calm = Outcome("nothing: two runs at once", 0.0, "", exits, "", later.seconds)
    deliveries.counted(calm, before, one + two)
