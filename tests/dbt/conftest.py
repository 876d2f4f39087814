"""dbt's manifest, parsed once: no server, no network."""

import dataclasses
import json

import pytest

from dagster_code.lib.dbt import PROJECT_NAME, prepare_manifest
from dagster_code.lib.settings import load_settings


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/dbt/" in str(item.path):
            item.add_marker(pytest.mark.dbt)


class Project:
    """The resources of this project in a manifest, without those of dbt's own packages."""

    def __init__(self, manifest):
        self.manifest = manifest
        self.models = self._nodes("model")
        self.seeds = self._nodes("seed")
        self.tests = self._nodes("test")
        self.sources = manifest["sources"]
        self.exposures = manifest["exposures"]
        self.groups = {group["name"] for group in manifest["groups"].values()}
        self.unit_tests = list(manifest["unit_tests"].values())

    def _nodes(self, kind):
        return {
            node["name"]: node
            for node in self.manifest["nodes"].values()
            if node["resource_type"] == kind and node["package_name"] == PROJECT_NAME
        }

    def layer(self, layer):
        """The models of a folder right below models/."""
        return {name: model for name, model in self.models.items() if model["fqn"][1] == layer}

    def parents(self, node):
        """What a node reads: (kind, name) each."""
        ids = (unique_id.split(".") for unique_id in node["depends_on"]["nodes"])
        return {(parts[0], parts[-1]) for parts in ids}

    def tests_of(self, model, test):
        """The generic tests of this kind that hang on a model."""
        return [
            node
            for node in self.tests.values()
            if node.get("attached_node") == model["unique_id"]
            and node["test_metadata"]["name"] == test
        ]

    def unit_tests_of(self, model):
        """Names of a model's unit tests."""
        return [test["name"] for test in self.unit_tests if test["model"] == model]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    settings = dataclasses.replace(load_settings(), home=tmp_path_factory.mktemp("home"))
    manifest = prepare_manifest(settings, lambda _line: None)
    return Project(json.loads(manifest.path.read_text(encoding="utf-8")))
