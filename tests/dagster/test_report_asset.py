"""The report as Dagster writes it: after a build, or where it is missing."""

import dagster as dg
import pytest

from dagster_code.defs import resources
from dagster_code.defs.reports import steps
from dagster_code.defs.transform import assets as transform
from dagster_code.lib.attribution_report.checks import last_results
from dagster_code.lib.attribution_report.write import Written, report_path
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.settings import load_settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NOTHING = {"channel": [], "model": [], "revenue": []}
REPORT = {
    "channels": [],
    "credits": NOTHING,
    "data_driven": NOTHING,
    "totals": {
        "conversions": 3,
        "revenue": 12345,
        "attributed": 12000,
        "unattributed": 345,
        "purchasers": 2,
    },
}


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Reports that were written, without Spark, in a home of their own."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path))
    monkeypatch.setattr(resources.AttributionHome, "connect", lambda _home, _progress: None)
    done = []

    def write_report(_spark, _settings, checks, path, _progress):
        path.write_text("page", encoding="utf-8")
        done.append(checks)
        return Written(path, 4, 1.25, REPORT)

    monkeypatch.setattr(steps, "write_report", write_report)
    return done


def materialized(result):
    return {
        event.step_materialization_data.materialization.asset_key.to_user_string(): (
            event.step_materialization_data.materialization.metadata
        )
        for event in result.get_asset_materialization_events()
    }


def run(location, *keys):
    job = location.resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(key.split("/")) for key in keys]
    return job.execute_in_process(asset_selection=selection, raise_on_error=False, run_config=QUIET)


def test_the_asset_tells_where_the_page_is_and_its_numbers(location, written):
    result = run(location, "reports/attribution_report")
    assert result.success
    metadata = materialized(result)["reports/attribution_report"]
    assert metadata["path"].value == str(report_path(load_settings()))
    assert metadata["size_bytes"].value == 4
    assert metadata["conversions"].value == 3
    assert metadata["revenue"].value == 123.45
    assert metadata["unattributed_revenue"].value == 3.45
    assert metadata["preview"].value == "No conversions yet."


def test_where_runs_write_no_report_none_is_written(location, written, monkeypatch):
    monkeypatch.setenv("ATTRIBUTION_REPORT", "no")
    monkeypatch.setattr(transform, "inputs_of_build", lambda *_arguments: None)
    monkeypatch.setattr(transform, "is_nothing_new", lambda *_arguments: True)
    models = [key.to_user_string() for key in transform.attribution_models.keys]
    for keys in (["reports/attribution_report"], models):
        result = run(location, *keys)
        assert result.success
        assert materialized(result) == {}
    assert written == []


def test_what_went_wrong_is_one_line(location, written, monkeypatch):
    def write_report(*_arguments):
        raise RunFailedError("the disk is full")

    monkeypatch.setattr(steps, "write_report", write_report)
    result = run(location, "reports/attribution_report")
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data.description == "the disk is full"


def test_with_nothing_new_only_a_missing_page_is_written(location, written, monkeypatch):
    monkeypatch.setattr(transform, "inputs_of_build", lambda *_arguments: None)
    monkeypatch.setattr(transform, "is_nothing_new", lambda *_arguments: True)
    models = [key.to_user_string() for key in transform.attribution_models.keys]
    result = run(location, *models)
    assert result.success
    assert list(materialized(result)) == ["reports/attribution_report"]
    assert written == [[]]
    monkeypatch.setattr(steps, "is_current", lambda _settings: True)
    assert materialized(run(location, *models)) == {}
    assert len(written) == 1


def test_every_check_is_asked_for_its_last_result(graph):
    assert {spec.key for spec in steps.check_specs(transform.attribution_models)} == set(
        graph.asset_check_keys
    )


def test_the_last_result_that_ended_counts_and_names_no_folder():
    spec = dg.AssetCheckSpec("is_fine", asset=["marts", "paths"], description="All is fine.")
    other = dg.AssetCheckSpec("never_ran", asset=["marts", "paths"])
    passes = [True, False]

    @dg.asset(key=["marts", "paths"], check_specs=[spec])
    def paths():
        passed = passes.pop(0)
        yield dg.MaterializeResult(
            check_results=[
                dg.AssetCheckResult(
                    passed=passed,
                    check_name="is_fine",
                    severity=dg.AssetCheckSeverity.WARN,
                    description="observed 1\nlook at it with: cat /home/somebody/file.sql",
                )
            ]
        )

    with dg.DagsterInstance.ephemeral() as instance:
        for passed in (True, False):
            dg.materialize([paths], instance=instance, run_config=QUIET)
            (result,) = last_results(instance, [spec, other])
            assert result.pop("at").endswith("Z")
            assert result == {
                "name": "is_fine",
                "table": "marts.paths",
                "description": "All is fine.",
                "passed": passed,
                "severity": "WARN",
                "message": "observed 1",
            }
