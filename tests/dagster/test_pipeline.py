"""How a command's request becomes the job's configuration."""

import os
import shutil
import signal
import time
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from dagster_code.defs.ingestion.steps import batch_query
from dagster_code.defs.transform.checks import as_check_result
from dagster_code.defs.transform.steps import inputs_of_build
from dagster_code.lib import rules
from dagster_code.lib.dbt import Manifest
from dagster_code.lib.landing.land import landing_paths
from dagster_code.lib.landing.report import landing_metadata
from dagster_code.lib.pipeline import RunRequest, run_config, was_interrupted
from dagster_code.lib.quality import Outcome, evaluate
from dagster_code.lib.quality_checks import CHECKS
from dagster_code.lib.settings import DBT_PROJECT_DIR, load_settings


def landings(request):
    ops = run_config(request)["ops"]
    return {name: op["config"] for name, op in ops.items() if name.startswith("raw__")}


def test_without_paths_the_landing_folder_is_landed():
    assert landings(RunRequest()) == {
        "raw__events": {"paths": [], "is_skipped": False},
        "raw__clients": {"paths": [], "is_skipped": False},
        "raw__ad_spend": {"paths": [], "is_skipped": False},
    }


@pytest.mark.parametrize(
    ("kind", "op"),
    [("events", "raw__events"), ("clients", "raw__clients"), ("spend", "raw__ad_spend")],
)
def test_with_paths_only_they_are_landed(kind, op):
    configured = landings(RunRequest({kind: ("/a.csv",)}))
    assert configured.pop(op) == {"paths": ["/a.csv"], "is_skipped": False}
    assert list(configured.values()) == [{"paths": [], "is_skipped": True}] * 2


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(),
        RunRequest(
            {"events": ("/a",), "clients": ("/b",), "spend": ("/c",)},
            {"attribution_window_days": 7},
            True,
        ),
    ],
)
def test_the_job_accepts_the_configuration(location, request_):
    job = location.resolve_job_def("attribution_job")
    assert dg.validate_run_config(job, run_config(request_))


def test_the_landing_folder_is_made(tmp_path):
    settings = load_settings({"ATTRIBUTION_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert landing_paths("events", [], settings) == [tmp_path / "landing" / "events"]
    assert (tmp_path / "landing" / "events").is_dir()


def test_a_kind_that_was_not_to_land_reports_nothing():
    assert landing_metadata(None)["landed"] == []


def test_the_query_of_a_batch_shows_its_rows():
    assert "where batch = 7\n" in batch_query("events", 7)
    assert "max(batch) from raw.ad_spend" in batch_query("spend", None)


def test_a_check_result_carries_observed_expected_and_its_statement():
    check = next(check for check in CHECKS if check.name == "nothing_lost")
    result = as_check_result(check, Outcome(False, 9, 10), "select 1")
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert result.metadata["observed"].value == "9"
    assert result.metadata["expected"].value == "10"
    assert "select 1" in result.metadata["spark_query"].value


def test_a_check_that_does_not_pass_says_where_to_look():
    check = next(check for check in CHECKS if check.name == "spend_without_channel")
    row = {"observed": Decimal("5.00"), "expected": Decimal("0.00")}
    failed = as_check_result(check, evaluate(check, row, {}), "select 1")
    told = f"observed 5.00, expected 0.00\nlook at it with: {check.where_to_look}"
    assert failed.description == told
    row["observed"] = Decimal("0.00")
    passed = as_check_result(check, evaluate(check, row, {}), "select 1")
    assert passed.description == "observed 0.00, expected 0.00"


def test_a_warning_stays_a_warning():
    check = next(check for check in CHECKS if check.is_warning)
    result = as_check_result(check, Outcome(False, 1, 0), "select 1")
    assert result.severity == dg.AssetCheckSeverity.WARN


def test_a_project_edited_after_loading_is_not_built():
    loaded = Manifest(Path("manifest.json"), "checksum of before")
    with pytest.raises(dg.Failure, match="has changed since it was loaded"):
        inputs_of_build(None, {}, loaded)


def test_ctrl_c_is_told_from_a_failure():
    @dg.op
    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)

    @dg.op
    def broken():
        raise ValueError("broken")

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    for op, expected in ((interrupted, True), (broken, False)):
        job = dg.GraphDefinition(f"{op.name}_graph", node_defs=[op]).to_job()
        result = job.execute_in_process(raise_on_error=False, run_config=quiet)
        assert was_interrupted(result) is expected


def test_a_wrong_rule_fails_the_build_with_the_line_that_names_it(tmp_path, monkeypatch):
    seeds = tmp_path / "seeds"
    shutil.copytree(DBT_PROJECT_DIR / "seeds", seeds)
    with (seeds / "own_domains.csv").open("a", encoding="utf-8") as domains:
        domains.write("no host\n")
    monkeypatch.setattr(rules, "DBT_PROJECT_DIR", tmp_path)
    with pytest.raises(dg.Failure) as failed:
        inputs_of_build(None, {}, Manifest(tmp_path, ""))
    assert str(failed.value.description).startswith("dbt_spark/seeds/own_domains.csv, line 2: ")
    assert failed.value.allow_retries is False
