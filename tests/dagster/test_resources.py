"""What the resources rely on in Dagster's own code, and what they must not do when loading."""

import inspect

from dagster_dbt import DbtCliResource

from dagster_code.defs.resources import LeanDbtCliResource


def test_dagsters_dbt_resource_still_has_what_is_overridden():
    for name in ("_cli_version", "_initialize_dbt_core_adapter"):
        assert name in vars(DbtCliResource), name
        assert name in vars(LeanDbtCliResource), name
    parameters = list(inspect.signature(DbtCliResource._initialize_dbt_core_adapter).parameters)
    assert parameters == ["self", "args"]
    assert "self._cli_version" in inspect.getsource(DbtCliResource.cli)


def test_loading_needs_no_server(location, home):
    assert not (home / "server").exists()
    assert not (home / "writer.lock").exists()
