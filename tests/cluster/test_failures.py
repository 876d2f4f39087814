"""A run on a cluster while parts of it die: nothing is lost, nothing is there twice."""

import dataclasses
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyhive import hive

from dagster_code.lib.server import ensure_running
from dagster_code.lib.settings import SAMPLE_EVENTS
from tests.cluster.conftest import Cluster
from tests.cluster.failures import (
    Outcome,
    SparkPage,
    Strike,
    after_line,
    built_count,
    differing_lines,
    kill_driver,
    record_counts,
    struck_run,
)
from tests.increments.homes import Command, run_arguments
from tests.increments.kills import start_server
from tests.increments.parcels import Parcel, write_parcel
from tests.increments.trial import Plan, parcels_of

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLAN = Plan(seed=20261128, drawn=80, copies=1, batches=9)

# Each of two tasks keeps text until an executor's memory is used up: an analyst's mistake.
GREEDY = """
select max(length(texts)) from (
    select concat_ws('', collect_list(repeat(uuid(), 100000))) as texts
    from range(0, 2000, 1, 2)
    group by id % 2
)
"""


@dataclasses.dataclass
class Site:
    """A cluster on which a first run has worked, and what is to be delivered."""

    cluster: Cluster
    page: SparkPage
    waiting: list[Parcel]
    folder: Path
    rng: random.Random
    outcomes: list[Outcome]

    def struck(self, strike: Strike) -> Outcome:
        """Deliver, strike, and count what is there afterwards."""
        home = self.cluster.home
        start_server(home)
        before = record_counts(home)
        parcel = self.waiting.pop(0)
        paths = write_parcel(parcel, self.folder / str(len(self.waiting)), self.rng)
        found = struck_run(home, paths, strike)
        after = record_counts(home)
        there = sum(count for count, _ in after.values())
        different = sum(count for _, count in after.values())
        lines = differing_lines(home)
        outcome = dataclasses.replace(
            found,
            lost=sum(count for count, _ in before.values()) + parcel.count - different,
            doubled=there - different,
            differing=len(lines),
        )
        self.outcomes.append(outcome)
        assert lines == []
        return outcome


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome]
) -> Site:
    """The cluster after a calm run."""
    rng = random.Random(PLAN.seed)
    dealt, _ = parcels_of(PLAN)
    folder = tmp_path_factory.mktemp("failures")
    first = write_parcel(dealt[0], folder / "first", rng)
    paths = {**first, "events": [SAMPLE_EVENTS, *first.get("events", ())]}
    cluster.home.run(*run_arguments(paths, {}))
    return Site(cluster, SparkPage(cluster.home), dealt[1:], folder, rng, outcomes)


def assert_nothing_lost(outcome: Outcome, exits: Sequence[int]) -> None:
    assert outcome.exits == tuple(exits), outcome
    assert (outcome.lost, outcome.doubled, outcome.differing) == (0, 0, 0), outcome


def test_a_worker_that_dies_in_a_shuffle_is_not_noticed(site: Site) -> None:
    stack = site.cluster.stack

    def strike(command: Command) -> str | None:
        if not (after_line("building base_events")(command) and site.page.is_shuffling()):
            return None
        stack.kill(site.cluster.workers.pop(0))
        return "a worker in a shuffle"

    try:
        assert_nothing_lost(site.struck(strike), [0])
    finally:
        site.cluster.workers.append(stack.start("spark-worker"))


def test_executors_out_of_memory_are_replaced(site: Site) -> None:
    failed: list[Exception] = []

    def ask() -> None:
        port = ensure_running(site.cluster.home.settings, lambda _line: None).thrift_port
        try:
            with hive.connect("127.0.0.1", port, auth="NOSASL").cursor() as cursor:
                cursor.execute(GREEDY)
        except hive.OperationalError as error:
            failed.append(error)

    analyst = threading.Thread(target=ask)

    def strike(command: Command) -> str | None:
        if not after_line("building base_events")(command):
            return None
        analyst.start()
        return "executors out of memory"

    outcome = site.struck(strike)
    analyst.join()
    assert failed, "the statement had enough memory"
    assert any("OutOfMemory" in str(one) or "exit code 52" in str(one).lower() for one in failed)
    assert outcome.exits[-1] == 0
    assert (outcome.lost, outcome.doubled) == (0, 0)


def test_a_driver_killed_in_a_landing(site: Site) -> None:
    def strike(command: Command) -> str | None:
        if not (after_line("landing events: ")(command) and site.page.stages()):
            return None
        return "the driver in a landing" if kill_driver(site.cluster.home) else None

    outcome = site.struck(strike)
    assert_nothing_lost(outcome, [1, 0])
    assert "went away" in outcome.said


def test_a_driver_killed_in_a_merge(site: Site) -> None:
    def strike(command: Command) -> str | None:
        if built_count(command) < 5:
            return None
        if not any("merge into" in text.lower() for text in site.page.statements()):
            return None
        return "the driver in a merge" if kill_driver(site.cluster.home) else None

    assert_nothing_lost(site.struck(strike), [1, 0])


def test_a_driver_killed_between_tables(site: Site) -> None:
    def strike(command: Command) -> str | None:
        if built_count(command) < 20:
            return None
        return "the driver between tables" if kill_driver(site.cluster.home) else None

    assert_nothing_lost(site.struck(strike), [1, 0])


def test_a_postgres_that_crashes_in_a_run(site: Site) -> None:
    def strike(command: Command) -> str | None:
        if built_count(command) < 10:
            return None
        site.cluster.postgres.restart("immediate")
        return "PostgreSQL, crashed and restarted"

    outcome = site.struck(strike)
    assert outcome.exits[-1] == 0
    assert (outcome.lost, outcome.doubled) == (0, 0)
