"""The dbt project seen from outside: variables, arguments, checksum, failures."""

import json
from pathlib import Path

import pytest

from dagster_code.lib.dbt import (
    build_arguments,
    code_version,
    declared_variables,
    failed_build_message,
    failed_test_message,
    failures,
    parse_variables,
    project_checksum,
    server_environment,
)
from dagster_code.lib.errors import UserError

DECLARED = {"attribution_window_days": 30, "max_rejected_share": 0.05, "outside": "unattributed"}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("{attribution_window_days: 7}", {"attribution_window_days": 7}),
        ("attribution_window_days: 7", {"attribution_window_days": 7}),
        ("{max_rejected_share: 1}", {"max_rejected_share": 1}),
        ("{outside: direct}", {"outside": "direct"}),
        ("{}", {}),
    ],
)
def test_variables_are_a_yaml_mapping(text, given):
    assert parse_variables(text, DECLARED) == given


def test_variables_may_be_in_a_file(tmp_path):
    path = tmp_path / "vars.yml"
    path.write_text("attribution_window_days: 90\n", encoding="utf-8")
    assert parse_variables(str(path), DECLARED) == {"attribution_window_days": 90}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{window: 7}", "no variable 'window'; known: attribution_window_days, max_rejected_share"),
        ("{attribution_window_days: seven}", "must be a whole number"),
        ("{attribution_window_days: 7.5}", "must be a whole number"),
        ("{attribution_window_days: true}", "must be a whole number"),
        ("{attribution_window_days: -1}", "must not be negative"),
        ("{max_rejected_share: lots}", "must be a number"),
        ("{outside: 1}", "must be a text"),
        ("missing.yml", "no such file"),
        ("- a: 1", "neither a YAML mapping"),
        ("{attribution_window_days: [", "cannot be read as YAML"),
        ("", "neither a YAML mapping"),
    ],
)
def test_variables_that_cannot_be_meant_are_refused(text, reason):
    with pytest.raises(UserError) as refused:
        parse_variables(text, DECLARED)
    assert reason in str(refused.value)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_the_projects_variables_are_known():
    assert declared_variables()["attribution_window_days"] == 30


def test_a_plain_build_leaves_unit_tests_out():
    assert build_arguments({}, False) == ["build", "--exclude-resource-type", "unit_test"]


def test_a_build_passes_variables_and_the_full_refresh_on():
    arguments = build_arguments({"b": 1, "a": "x"}, True)
    assert arguments[3:] == ["--vars", '{"a": "x", "b": 1}', "--full-refresh"]


def test_a_build_without_new_rules_leaves_them_out_but_no_test_of_another_table():
    arguments = build_arguments({}, False, has_new_rules=False)
    assert arguments[3:] == ["--exclude", "tag:rules", "--indirect-selection", "cautious"]


def test_dbt_finds_the_server_on_loopback_and_knows_the_code():
    assert server_environment(1234) == {
        "ATTRIBUTION_DBT_HOST": "127.0.0.1",
        "ATTRIBUTION_DBT_PORT": "1234",
        "ATTRIBUTION_CODE_VERSION": code_version(),
    }


@pytest.mark.parametrize(
    ("name", "is_code"),
    [
        ("models/a.sql", True),
        ("macros/c.sql", True),
        ("seeds/b.csv", False),
        ("models/a.yml", False),
    ],
)
def test_the_version_of_the_code_is_that_of_models_and_macros(tmp_path, name, is_code):
    before = code_version(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("select 1", encoding="utf-8")
    assert (code_version(tmp_path) != before) == is_code


@pytest.mark.parametrize("name", ["models/a.sql", "seeds/b.csv", "macros/c.sql", "x.yml"])
def test_the_checksum_changes_with_every_file_of_the_project(tmp_path, name):
    before = project_checksum(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("1", encoding="utf-8")
    added = project_checksum(tmp_path)
    path.write_text("2", encoding="utf-8")
    assert len({before, added, project_checksum(tmp_path)}) == 3


def test_the_checksum_does_not_change_with_what_dbt_writes(tmp_path):
    before = project_checksum(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text("{}", encoding="utf-8")
    assert project_checksum(tmp_path) == before


def test_failures_are_named_with_their_reason(tmp_path):
    results = [
        {"unique_id": "model.attribution.base_events", "status": "error", "message": "bad\n  SQL"},
        {"unique_id": "test.attribution.is_unique.1a2b", "status": "fail", "message": "Got 3"},
        {"unique_id": "model.attribution.stg_events", "status": "skipped", "message": None},
        {"unique_id": "seed.attribution.channel_rules", "status": "success", "message": "OK"},
    ]
    path = tmp_path / "run_results.json"
    path.write_text(json.dumps({"results": results}), encoding="utf-8")
    assert failures(path) == ["base_events: bad SQL", "is_unique: Got 3"]


def test_a_failed_build_names_what_failed():
    told = failed_build_message(["base_events: bad SQL", "is_unique: Got 3"])
    assert told == "dbt: base_events: bad SQL; is_unique: Got 3"


@pytest.mark.parametrize(
    "message",
    [
        "TSocket read 0 bytes",
        "Runtime Error Could not connect to any of [('127.0.0.1', 41237)]",
        "[Errno 111] Connection refused",
        "[Errno 104] Connection reset by peer",
        "[Errno 32] Broken pipe",
    ],
)
def test_a_server_that_went_away_is_said_with_what_to_do(message):
    told = failed_build_message([f"base_events: {message}", "is_unique: Got 3"])
    assert told.startswith("the Spark server went away while dbt was at base_events;")
    assert "run again" in told
    assert message not in told


def test_only_some_of_what_a_lost_server_cut_off_is_named():
    told = failed_build_message([f"model_{number}: Broken pipe" for number in range(5)])
    assert "dbt was at model_0, model_1, model_2 and 2 more; look" in told


def test_a_build_that_wrote_no_results_names_nothing(tmp_path):
    assert failures(tmp_path / "run_results.json") == []


@pytest.mark.parametrize(
    ("node", "path"),
    [
        (
            {
                "original_file_path": "models/staging/a.yml",
                "path": "a_is_complete.sql",
                "test_metadata": {},
            },
            "models/staging/a.yml/a_is_complete.sql",
        ),
        (
            {"original_file_path": "tests/singular/assert_a.sql", "path": "singular/assert_a.sql"},
            "tests/singular/assert_a.sql",
        ),
    ],
)
def test_a_failed_test_says_where_its_statement_is(node, path):
    message = failed_test_message({"package_name": "attribution", **node}, 3, Path("/t"))
    assert message == (
        "observed 3 rows, expected none\n"
        f'look at it with: attribution query "$(cat /t/compiled/attribution/{path})"'
    )


def test_a_line_to_be_copied_means_nothing_more_to_a_shell():
    node = {"package_name": "a", "original_file_path": "t.sql", "path": "t.sql"}
    message = failed_test_message(node, 3, Path("/my home; $(touch x)"))
    assert message.endswith("""query "$(cat '/my home; $(touch x)/compiled/a/t.sql')\"""")


@pytest.mark.parametrize("failed_count", [None, 0])
def test_a_test_that_could_not_be_run_says_so(failed_count):
    node = {"package_name": "a", "original_file_path": "t.sql", "path": "t.sql"}
    assert failed_test_message(node, failed_count, Path("/t")).startswith("it could not be run")
