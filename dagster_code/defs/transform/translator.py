"""How dbt's nodes become Dagster's assets."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from dagster_code.lib.dbt_test_words import sentence


class AttributionDbtTranslator(DagsterDbtTranslator):
    """Names each dbt node by schema and table, and groups it by its schema, which is its layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Give ``[schema, table]``; a source thus is the asset that lands it.

        Args:
            dbt_resource_props: the node in the manifest.
        """
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Give the layer: ``seeds``, ``staging``, ``intermediate``, ``marts``; ``raw`` for sources.

        Args:
            dbt_resource_props: the node in the manifest.
        """
        return str(dbt_resource_props["schema"])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Give dbt's description, with a model's SQL, or with where to edit a seed.

        Args:
            dbt_resource_props: the node in the manifest.
        """
        if dbt_resource_props["resource_type"] != "seed":
            return super().get_description(dbt_resource_props)
        file = f"dbt_spark/{dbt_resource_props['original_file_path']}"
        return f"{dbt_resource_props['description']}\n\nEdit `{file}`; the next run takes it over."

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Add what dbt does not know: that its tables are Delta, and a layer to filter by.

        Args:
            manifest: dbt's manifest.
            unique_id: the node.
            project: the dbt project.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        is_view = node.get("config", {}).get("materialized") == "view"
        return spec.merge_attributes(
            tags={"layer": str(node["schema"])}, kinds=set() if is_view else {"deltalake"}
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Say in words what a test holds its table to.

        Args:
            asset_spec: of the table.
            manifest: dbt's manifest.
            unique_id: the test.
            project: the dbt project.
        """
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        return spec._replace(description=sentence(self.get_resource_props(manifest, unique_id)))


TRANSLATOR = AttributionDbtTranslator(
    DagsterDbtTranslatorSettings(
        enable_asset_checks=True,
        enable_source_tests_as_checks=True,
        # a link from each table to its SQL in the checkout
        enable_code_references=True,
    )
)
