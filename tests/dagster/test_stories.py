"""What Dagster's UI tells of itself: of every asset, every check, every job."""

import re

import dagster as dg
import pytest

from dagster_code.defs.automation.jobs import LAUNCHPAD
from dagster_code.lib.settings import PROJECT_ROOT


def assets(graph):
    return [graph.get(key) for key in graph.get_all_asset_keys()]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def test_every_asset_tells_what_it_is_whose_it_is_and_where_to_read_on(graph):
    for node in assets(graph):
        assert len(node.description.strip()) > 30, node.key
        assert node.owners, node.key
        assert node.group_name, node.key
        assert len(node.kinds) > 1, node.key
        page, _, anchor = node.metadata["docs"].partition("#")
        assert (PROJECT_ROOT / page).is_file(), node.key
        assert not anchor or anchor in anchors(PROJECT_ROOT / page), node.metadata["docs"]


def test_every_model_shows_its_sql_and_links_to_its_file(graph):
    models = [node for node in assets(graph) if "dbt" in node.kinds and node.key.path[0] != "seeds"]
    assert len(models) > 40
    for node in models:
        assert "```sql" in node.description, node.key
        sql, docs = node.metadata["dagster/code_references"].code_references
        assert sql.file_path.endswith(f"/{node.key.path[-1]}.sql")
        assert docs.label == node.metadata["docs"]
        assert docs.file_path == str(PROJECT_ROOT / docs.label.partition("#")[0])


def test_a_seed_says_which_file_to_edit(graph):
    node = graph.get(dg.AssetKey(["seeds", "own_domains"]))
    assert "`dbt_spark/seeds/own_domains.csv`" in node.description
    assert "SQL" not in node.description


def test_every_check_says_in_a_sentence_what_it_holds_its_table_to(graph):
    assert len(graph.asset_check_keys) > 80
    for key in graph.asset_check_keys:
        said = graph.get_check_spec(key).description
        assert said, key
        assert said[0].isupper() or said[0] == "`", key
        assert said.endswith("."), key


def test_every_dbt_test_is_a_check_of_some_table(graph):
    import json

    from dagster_code.defs.transform.assets import MANIFEST

    nodes = json.loads(MANIFEST.path.read_text(encoding="utf-8"))["nodes"].values()
    tests = {node["name"] for node in nodes if node["resource_type"] == "test"}
    assert tests <= {key.name for key in graph.asset_check_keys}


def test_the_launchpad_opens_with_a_configuration_that_runs_as_it_is(location):
    job = location.resolve_job_def("attribution_job")
    assert dg.validate_run_config(job, LAUNCHPAD)
    assert dg.validate_run_config(job)["ops"] == dg.validate_run_config(job, LAUNCHPAD)["ops"]
    assert dg.validate_run_config(location.resolve_job_def("table_upkeep_job"), {})


def test_the_example_in_the_jobs_description_is_valid(location):
    import yaml

    job = location.resolve_job_def("attribution_job")
    (example,) = re.findall(r"```yaml\n(.*?)```", job.description, flags=re.DOTALL)
    ops = dg.validate_run_config(job, yaml.safe_load(example))["ops"]
    assert ops["raw__events"]["config"]["paths"] == ["/data/export/events.jsonl.gz"]
    assert ops["attribution_models"]["config"]["variables"] == {"attribution_window_days": 7}


@pytest.mark.parametrize("op", ["raw__events", "attribution_models"])
def test_every_field_of_a_configuration_is_described(location, op):
    job = location.resolve_job_def("attribution_job")
    fields = job.graph.node_named(op).definition.config_schema.config_type.fields
    assert fields
    for name, field in fields.items():
        assert field.description, name
        assert field.default_provided, name


def test_every_job_schedule_and_sensor_is_described(location):
    described = [
        *(job for job in location.resolve_all_job_defs() if not job.name.startswith("__")),
        *location.schedules,
        *location.sensors,
    ]
    assert len(described) >= 6
    for one in described:
        assert len(one.description) > 30, one.name


def test_the_report_comes_after_the_checks_that_block(graph):
    """A blocking check of what it reads that fails keeps it from running."""
    node = graph.get(dg.AssetKey(["reports", "attribution_report"]))
    assert dg.AssetKey(["marts", "channel_performance"]) in node.parent_keys
    blocking = {
        key.name
        for key in graph.asset_check_keys
        if key.asset_key in node.parent_keys and graph.get_check_spec(key).blocking
    }
    assert {"cost_conserved", "revenue_conserved_last_touch", "nothing_lost"} <= blocking
