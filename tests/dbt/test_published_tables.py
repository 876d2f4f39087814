"""What `attribution publish` reads of the project: tables, keys, and what a view stands on."""

import json

import pytest

from dagster_code.lib.publish.marts import EVENTS, marts_of


@pytest.fixture
def manifest_path(project, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(project.manifest), encoding="utf-8")
    return path


def test_every_mart_is_published_and_a_view_names_the_tables_beneath(manifest_path):
    marts = {mart.table: mart for mart in marts_of(manifest_path, has_events=True)}
    events = marts.pop(EVENTS)
    assert {mart.schema for mart in marts.values()} == {"marts"}
    assert all(mart.beneath == () for mart in marts.values())
    # what the view shows: events, their channels, the version of the rules
    assert {"staging.base_events", "staging.stg_rule_version"} <= set(events.beneath)
    assert not {"staging.stg_events", "staging.base_channeled_events"} & set(events.beneath)


def test_without_the_events_there_are_marts_alone(manifest_path):
    assert {mart.schema for mart in marts_of(manifest_path, has_events=False)} == {"marts"}
