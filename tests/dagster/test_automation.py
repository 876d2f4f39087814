"""The jobs, their schedules, the sensor on the landing folder."""

import os
import time

import dagster as dg
import pytest


@pytest.fixture
def landing(home):
    folder = home / "landing" / "events"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for path in folder.iterdir():
        path.unlink()


def place(folder, name, age_seconds=60):
    path = folder / name
    path.write_text("{}\n", encoding="utf-8")
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))


def tick(location, cursor=None):
    sensor = location.resolve_sensor_def("landing_folder")
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


UPKEEP = dg.AssetKey(["maintenance", "table_upkeep"])


def test_the_job_runs_everything_but_upkeep_in_one_process(location, graph):
    job = location.resolve_job_def("attribution_job")
    assert job.executor_def.name == "in_process"
    assert job.asset_layer.selected_asset_keys == graph.executable_asset_keys - {UPKEEP}
    assert set(job.asset_layer.asset_graph.asset_check_keys) == set(graph.asset_check_keys)


def test_the_schedule_is_daily_in_utc_and_off(location):
    schedule = location.resolve_schedule_def("daily_attribution")
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.job_name == "attribution_job"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_upkeep_is_a_job_of_its_own_weekly_in_utc_and_off(location):
    job = location.resolve_job_def("table_upkeep_job")
    assert job.executor_def.name == "in_process"
    assert job.asset_layer.selected_asset_keys == {UPKEEP}
    schedule = location.resolve_schedule_def("weekly_table_upkeep")
    assert schedule.cron_schedule == "0 3 * * 0"
    assert schedule.execution_timezone == "UTC"
    assert schedule.job_name == "table_upkeep_job"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_everything_automatic_is_described(location):
    for schedule in ("daily_attribution", "weekly_table_upkeep"):
        assert location.resolve_schedule_def(schedule).description
    for sensor in ("landing_folder", "dead_runs"):
        assert location.resolve_sensor_def(sensor).description
    for job in ("attribution_job", "table_upkeep_job"):
        assert location.resolve_job_def(job).description


def test_an_empty_landing_folder_starts_nothing(location, landing):
    ticked = tick(location)
    assert not ticked.run_requests
    assert "no files" in ticked.skip_message


def test_a_new_file_starts_one_run(location, landing):
    place(landing, "a.csv")
    ticked = tick(location)
    assert len(ticked.run_requests) == 1
    again = tick(location, ticked.cursor)
    assert not again.run_requests
    assert "nothing changed" in again.skip_message


def test_a_growing_file_is_waited_for_and_not_forgotten(location, landing):
    place(landing, "a.csv", age_seconds=0)
    ticked = tick(location)
    assert not ticked.run_requests
    assert "a.csv is still being written" in ticked.skip_message
    place(landing, "a.csv")
    assert len(tick(location, ticked.cursor).run_requests) == 1


def test_a_file_from_the_future_is_not_waited_for(location, landing):
    # a sender's clock that is ahead, or ours that was set back
    place(landing, "a.csv", age_seconds=-365 * 86_400)
    assert len(tick(location).run_requests) == 1


def test_another_file_starts_another_run(location, landing):
    place(landing, "a.csv")
    first = tick(location)
    place(landing, "b.csv")
    second = tick(location, first.cursor)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
