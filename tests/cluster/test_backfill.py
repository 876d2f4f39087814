"""A backfill on a cluster: executors land, and no second driver comes beside it."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from dagster_code.lib import server
from tests.cluster.conftest import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FILES = 60
RECORDS = 5
SECONDS = 180


def history(folder: Path) -> Path:
    """Files whose clients no other test has."""
    folder.mkdir()
    for number in range(FILES):
        lines = [
            json.dumps({"client_id": f"backfilled-{number}", "event_id": str(n)})
            for n in range(RECORDS)
        ]
        (folder / f"{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_backfill_lands_by_executors_and_another_driver_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    server.stop(cluster.home.settings)
    folder = history(tmp_path / "history")
    options = ("--", "--conf", "spark.executor.memory=1g")

    with cluster.home.running("backfill", "--events", folder, *options) as command:
        deadline = time.monotonic() + SECONDS
        while not any("landing events: 60 files" in line for line in command.progress()):
            assert command.process.poll() is None, command.completed().stderr
            assert time.monotonic() < deadline
            time.sleep(0.2)
        refused = beside(cluster, tmp_path / "another home")
        done = command.completed()

    assert done.returncode == 0, done.stderr
    assert f"the driver runs on {cluster.home.settings.cluster.master}" in done.stderr
    assert "raw.events: 60 files, 300 records" in done.stdout
    assert refused.returncode == 3
    assert "another driver" in refused.stderr
    counts = cluster.home.rows(
        "select count(*) as records, count(distinct client_id, event_id) as events"
        " from raw.events where client_id like 'backfilled-%'"
    )
    assert counts == [{"records": FILES * RECORDS, "events": FILES * RECORDS}]


def beside(cluster: Cluster, home: Path):
    """A backfill of another home on the same metastore."""
    home.mkdir()
    other = dataclasses.replace(
        cluster.home,
        settings=dataclasses.replace(cluster.home.settings, home=home),
        variables={**cluster.home.variables, "ATTRIBUTION_HOME": str(home)},
    )
    return other.attribution("backfill")
