"""When a run may leave the tables alone."""

import pytest

from dagster_code.lib import build_state
from dagster_code.lib.build_state import BuildInputs
from dagster_code.lib.settings import load_settings

INPUTS = BuildInputs({"raw.events": "id@3"}, "checksum", {"attribution_window_days": 30})


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path), "HOME": str(tmp_path)})


def finished(settings, inputs=INPUTS, run_id="run-1"):
    build_state.begin(settings, inputs, run_id)
    assert build_state.complete(settings, run_id)


def test_a_new_home_is_not_up_to_date(settings):
    assert not build_state.is_up_to_date(settings, INPUTS)


def test_a_build_counts_only_after_its_checks(settings):
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.is_up_to_date(settings, INPUTS)
    assert build_state.complete(settings, "run-1")
    assert build_state.is_up_to_date(settings, INPUTS)


def test_a_build_that_begins_makes_the_last_one_count_no_more(settings):
    finished(settings)
    build_state.begin(settings, INPUTS, "run-2")
    assert not build_state.is_up_to_date(settings, INPUTS)


def test_the_checks_of_another_run_complete_nothing(settings):
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.complete(settings, "run-2")
    assert build_state.last_complete(settings) is None


@pytest.mark.parametrize(
    "changed",
    [
        BuildInputs({"raw.events": "id@4"}, "checksum", INPUTS.variables),
        BuildInputs({"raw.events": "other@3"}, "checksum", INPUTS.variables),
        BuildInputs(INPUTS.raw_versions, "edited", INPUTS.variables),
        BuildInputs(INPUTS.raw_versions, "checksum", {"attribution_window_days": 7}),
    ],
    ids=["landed", "table made again", "project edited", "variable changed"],
)
def test_any_changed_input_asks_for_a_build(settings, changed):
    finished(settings)
    assert not build_state.is_up_to_date(settings, changed)


@pytest.mark.parametrize(
    ("now", "is_same"),
    [
        (INPUTS, True),
        (BuildInputs({"raw.events": "id@4"}, "checksum", {}), True),
        (BuildInputs({"raw.events": "other@3"}, "checksum", {}), False),
        (BuildInputs({"raw.events": "id@3"}, "edited", {}), False),
    ],
    ids=["nothing changed", "landed, other variables", "another warehouse", "project edited"],
)
def test_rules_are_known_to_be_the_same_only_within_one_project_and_warehouse(
    settings, now, is_same
):
    finished(settings)
    assert build_state.has_same_rules(settings, now) == is_same


def test_rules_are_not_known_while_no_build_is_complete(settings):
    assert not build_state.has_same_rules(settings, INPUTS)
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.has_same_rules(settings, INPUTS)


def test_the_checks_see_the_build_that_is_under_way(settings):
    finished(settings)
    newer = BuildInputs({"raw.events": "id@9"}, "checksum", {})
    build_state.begin(settings, newer, "run-2")
    state = build_state.latest(settings)
    assert state is not None
    assert state.inputs == newer


@pytest.mark.parametrize("content", ["", "{", "[]", '{"inputs": {}}', '{"future": 1}'])
def test_a_damaged_file_counts_as_no_build(settings, content):
    finished(settings)
    (settings.home / "build_state.json").write_text(content, encoding="utf-8")
    assert not build_state.is_up_to_date(settings, INPUTS)
