"""The pipeline on a cluster: the same tables as on one machine, row for row.

First of the modules that share the cluster: the local home knows nothing of what they deliver.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_code.lib import server
from tests.cluster.conftest import PASSWORD, Cluster
from tests.cluster.deliveries import two_deliveries
from tests.cluster.failures import SparkPage
from tests.increments.differences import differences
from tests.increments.homes import DrivenHome, Paths, run_arguments
from tests.increments.trial import Plan
from tests.leaks import leaks

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SCHEMAS = ("staging", "intermediate", "marts")
PLAN = Plan(seed=20261126, drawn=150, copies=1, batches=2)


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> list[Paths]:
    return two_deliveries(PLAN, tmp_path_factory.mktemp("parcels"))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrivenHome]:
    """A home on this machine alone."""
    home = DrivenHome.at(tmp_path_factory.mktemp("local") / "home")
    yield home
    home.stop()


@pytest.fixture(scope="module", params=[0, 1], ids=["from nothing", "an increment"])
def both_have_run(request, cluster: Cluster, local: DrivenHome, parcels: list[Paths]) -> int:
    """Both homes after the same run; one server at a time."""
    number: int = request.param
    local.run(*run_arguments(parcels[number], {}))
    cluster.home.run(*run_arguments(parcels[number], {}))
    return number


def test_the_tables_equal_local_ones_row_for_row(
    both_have_run: int, cluster: Cluster, local: DrivenHome
) -> None:
    expected, actual = local.read_tables(SCHEMAS), cluster.home.read_tables(SCHEMAS)
    assert [str(one) for one in differences(expected, actual)] == []
    assert len(expected) >= 40
    assert sum(table.num_rows for table in expected.values()) > 5000


def test_the_work_was_done_by_executors_on_both_workers(
    both_have_run: int, cluster: Cluster
) -> None:
    found = {one["id"]: one for one in SparkPage(cluster.home).executors()}
    assert found.pop("driver")["totalTasks"] == 0
    # an idle one is handed back
    assert len(found) >= 2
    assert all(one["completedTasks"] > 0 for one in found.values())
    folders = list(cluster.stack.folder.glob("worker-*"))
    assert len(folders) == 2
    assert all(list(folder.glob("app-*/*")) for folder in folders)


def test_the_password_is_shown_nowhere(both_have_run: int, cluster: Cluster) -> None:
    home = cluster.home
    assert leaks(home, PASSWORD, [home.settings.server_dir / "spark.conf"]) == []


def test_a_second_driver_is_refused_and_told_about_the_first(
    cluster: Cluster, tmp_path: Path
) -> None:
    server.ensure_running(cluster.home.settings, lambda _line: None)
    variables = {**cluster.home.variables, "ATTRIBUTION_HOME": str(tmp_path)}
    for door in ("THRIFT", "CONNECT", "UI"):
        variables[f"ATTRIBUTION_{door}_PORT"] = ""
    other = dataclasses.replace(
        cluster.home,
        settings=dataclasses.replace(cluster.home.settings, home=tmp_path),
        variables=variables,
    )
    result = other.attribution("up")
    assert result.returncode == 3
    (line,) = [one for one in result.stderr.splitlines() if one.startswith("attribution: error")]
    assert "another driver" in line
    assert "attribution down" in line
