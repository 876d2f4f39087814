"""When a run may leave the tables alone."""

import pytest

from dagster_code.lib import build_state
from dagster_code.lib.build_state import BuildInputs
from dagster_code.lib.settings import load_settings

RULES = {"seeds.channel_rules": "id@2026-11-01T00:00:00"}
INPUTS = BuildInputs({"raw.events": "id@3"}, "checksum", {"attribution_window_days": 30})


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path), "HOME": str(tmp_path)})


def finished(settings, inputs=INPUTS, run_id="run-1"):
    build_state.begin(settings, inputs, run_id)
    assert build_state.complete(settings, run_id, RULES)


def test_a_new_home_is_not_up_to_date(settings):
    assert not build_state.is_up_to_date(settings, INPUTS)


def test_a_build_counts_only_after_its_checks(settings):
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.is_up_to_date(settings, INPUTS)
    assert build_state.complete(settings, "run-1", RULES)
    assert build_state.is_up_to_date(settings, INPUTS)


def test_a_build_that_begins_makes_the_last_one_count_no_more(settings):
    finished(settings)
    build_state.begin(settings, INPUTS, "run-2")
    assert not build_state.is_up_to_date(settings, INPUTS)


def test_what_the_checks_have_seen_counts_until_a_build_ends_without_them(settings):
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.latest(settings).is_on_checked
    assert build_state.complete(settings, "run-1", RULES)
    build_state.begin(settings, INPUTS, "run-2")
    assert build_state.latest(settings).is_on_checked
    build_state.begin(settings, INPUTS, "run-3")
    assert not build_state.latest(settings).is_on_checked


def test_the_checks_of_another_run_complete_nothing(settings):
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.complete(settings, "run-2", RULES)
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
    ("checksum", "rules", "is_same"),
    [
        ("checksum", RULES, True),
        ("edited", RULES, False),
        ("checksum", {"seeds.channel_rules": "id@2026-11-02T00:00:00"}, False),
        ("checksum", {"seeds.channel_rules": "other@2026-11-01T00:00:00"}, False),
        ("checksum", {}, False),
    ],
    ids=["nothing changed", "project edited", "loaded by hand", "another warehouse", "dropped"],
)
def test_rules_are_the_same_while_neither_their_files_nor_their_tables_change(
    settings, checksum, rules, is_same
):
    finished(settings)
    now = BuildInputs({"raw.events": "id@4"}, checksum, {"attribution_window_days": 7})
    assert build_state.has_same_rules(settings, now, rules) == is_same


def test_rules_are_not_known_while_no_build_is_complete(settings):
    assert not build_state.has_same_rules(settings, INPUTS, RULES)
    build_state.begin(settings, INPUTS, "run-1")
    assert not build_state.has_same_rules(settings, INPUTS, RULES)


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
