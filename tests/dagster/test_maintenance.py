"""The upkeep as Dagster runs it: alone, and told in numbers."""

import dagster as dg
import pytest

from dagster_code.defs import resources
from dagster_code.defs.maintenance import steps
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.lock import writer_lock
from dagster_code.lib.settings import load_settings
from dagster_code.lib.upkeep import TableUpkeep

DONE = [
    TableUpkeep("raw.events", ("optimize", "vacuum"), 24, 1, 26789, 5333, 3, 700, 1.25),
    TableUpkeep("raw.clients", (), 2, 2, 50, 50, 0, 0, 0.0),
]


def run_job(location):
    job = location.resolve_job_def("table_upkeep_job")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(raise_on_error=False, run_config=quiet)


@pytest.fixture
def no_server(monkeypatch, tmp_path):
    # A home of its own: the run leaves its lock file there.
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path))
    monkeypatch.setattr(resources.AttributionHome, "connect", lambda _home, _progress: None)


def test_a_run_holds_the_writer_lock_and_reports_each_table(location, no_server, monkeypatch):
    held = []

    def keep_up(_spark, lock, retention_hours, _progress):
        # The lock that this process holds already, which is why a second one gets the same.
        with writer_lock(load_settings(), print, "another") as same:
            held.append((same is lock, retention_hours))
        return DONE

    monkeypatch.setattr(steps, "keep_up", keep_up)
    result = run_job(location)
    assert result.success
    assert held == [(True, 168)]
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert [record.data["table"] for record in metadata["tables"].records] == [
        "raw.events",
        "raw.clients",
    ]
    assert metadata["tables"].records[0].data["done"] == "optimize, vacuum"
    assert metadata["tables_changed"].value == 1
    assert metadata["files_before"].value == 26
    assert metadata["files_after"].value == 3
    assert metadata["bytes_vacuumed"].value == 700


def test_a_run_without_tables_is_fine():
    assert steps.upkeep_result([]).metadata["files_before"] == 0


def test_what_went_wrong_is_one_line(location, no_server, monkeypatch):
    def keep_up(*_arguments):
        raise RunFailedError("optimize raw.events: no space")

    monkeypatch.setattr(steps, "keep_up", keep_up)
    result = run_job(location)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    description = failure.step_failure_data.user_failure_data.description
    assert description == "optimize raw.events: no space"


def test_upkeep_depends_on_nothing_and_nothing_on_it(graph):
    node = graph.get(dg.AssetKey(["maintenance", "table_upkeep"]))
    assert not node.parent_keys
    assert not node.child_keys
