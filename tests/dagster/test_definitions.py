"""The location loads without a server and says of itself all that it should."""

import warnings

import dagster as dg
import pytest

from dagster_code.definitions import MARTS_FRESHNESS, defs
from dagster_code.defs.transform.checks import ALL_CHECKS

MARTS = {
    "attribution_changes",
    "attribution_explain",
    "channel_performance",
    "client_journeys",
    "conversion_paths",
    "first_touch_attribution",
    "last_touch_attribution",
    "model_comparison",
    "multi_touch_attribution",
    "unassigned_sources",
    "rejected_events_summary",
}


def key(text):
    return dg.AssetKey(text.split("/"))


def nodes(graph):
    return [graph.get(asset_key) for asset_key in graph.get_all_asset_keys()]


def specs(location):
    return {spec.key: spec for spec in location.resolve_all_asset_specs()}


def test_the_location_is_valid(location):
    dg.Definitions.validate_loadable(location)


def test_every_asset_has_description_group_owner_and_kinds(graph):
    for node in nodes(graph):
        assert node.description, node.key
        assert node.group_name, node.key
        assert node.owners, node.key
        assert "spark" in node.kinds, node.key


def test_keys_are_layer_and_table_and_the_layer_is_the_group(graph):
    layers = {
        "raw",
        "maintenance",
        "seeds",
        "builds",
        "staging",
        "intermediate",
        "marts",
        "reports",
    }
    assert {node.key.path[0] for node in nodes(graph)} == layers
    assert all(node.group_name == node.key.path[0] for node in nodes(graph))


def test_every_mart_is_there(graph):
    assert {node.key.path[1] for node in nodes(graph) if node.key.path[0] == "marts"} == MARTS


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        ("raw/events", "staging/base_event_records"),
        ("raw/clients", "staging/base_client_records"),
        ("raw/ad_spend", "staging/base_ad_spend_records"),
        ("intermediate/int_channel_costs", "marts/channel_performance"),
        ("staging/base_event_records", "staging/rejected_events"),
        ("staging/base_events", "staging/base_clients"),
        ("staging/base_clients", "staging/stg_clients"),
        ("raw/landed_files", "staging/stg_event_files"),
        ("builds/build_client_states", "staging/base_events"),
    ],
)
def test_dependencies_are_those_of_the_data(graph, upstream, downstream):
    assert key(upstream) in graph.get(key(downstream)).parent_keys


@pytest.mark.parametrize("mart", sorted(MARTS))
def test_every_mart_comes_from_raw_events(graph, mart):
    assert key("raw/events") in graph.get_ancestor_asset_keys(dg.AssetKey(["marts", mart]))


def test_nothing_is_upstream_of_raw(graph):
    for table in ("events", "clients", "ad_spend"):
        assert not graph.get(key(f"raw/{table}")).parent_keys


def test_every_quality_check_is_shown_at_its_table(graph):
    for check in ALL_CHECKS:
        check_key = dg.AssetCheckKey(dg.AssetKey(list(check.table)), check.name)
        spec = graph.get_check_spec(check_key)
        assert spec.blocking == check.is_blocking
        assert spec.description == check.description


def test_quality_checks_are_one_op(graph):
    ops = {
        graph.assets_def_for_key(
            dg.AssetCheckKey(dg.AssetKey(list(check.table)), check.name)
        ).op.name
        for check in ALL_CHECKS
    }
    assert ops == {"attribution_quality_check"}


def test_dbt_tests_are_asset_checks(graph):
    names = {check_key.name for check_key in graph.asset_check_keys}
    assert "stg_events_has_one_row_per_client_id_and_event_id" in names


@pytest.mark.parametrize("table", ["events", "clients", "ad_spend"])
def test_a_landing_reports_files_that_did_not_land(graph, table):
    check_key = dg.AssetCheckKey(dg.AssetKey(["raw", table]), "every_file_landed")
    assert check_key in graph.asset_check_keys


def test_the_marts_and_only_they_have_a_freshness_policy(location):
    for asset_key, spec in specs(location).items():
        wanted = MARTS_FRESHNESS if asset_key.path[0] == "marts" else None
        assert spec.freshness_policy == wanted


def test_writers_share_one_pool(location):
    job = location.resolve_job_def("attribution_job")
    pools = {node.definition.name: node.definition.pool for node in job.nodes}
    assert pools == {
        "raw__events": "spark_thrift",
        "raw__clients": "spark_thrift",
        "raw__ad_spend": "spark_thrift",
        "attribution_models": "spark_thrift",
        "attribution_quality_check": "spark_thrift",
        "reports__attribution_report": "spark_thrift",
    }


def test_upkeep_shares_the_writers_pool(location):
    job = location.resolve_job_def("table_upkeep_job")
    assert {node.definition.pool for node in job.nodes} == {"spark_thrift"}


@pytest.mark.parametrize("op", ["raw__events", "raw__clients", "raw__ad_spend"])
def test_landing_is_tried_again(location, op):
    job = location.resolve_job_def("attribution_job")
    policy = job.graph.node_named(op).definition.retry_policy
    assert policy.max_retries == 2


def test_loading_tells_the_user_nothing_of_dagster_s_own_betas():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        defs()
    betas = (dg.BetaWarning, dg.PreviewWarning, dg.SupersessionWarning)
    assert [str(one.message) for one in told if issubclass(one.category, betas)] == []
