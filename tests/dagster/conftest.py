"""The Dagster location, loaded once, in a home of its own, without a server."""

import os

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/dagster/" in str(item.path):
            item.add_marker(pytest.mark.dagster)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Point the definitions, which read the environment when they load, at an empty home."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("ATTRIBUTION_HOME")
    os.environ["ATTRIBUTION_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ATTRIBUTION_HOME"]
    else:
        os.environ["ATTRIBUTION_HOME"] = before


@pytest.fixture(scope="session")
def location(home):
    """All definitions; dbt parses the project for them."""
    from dagster_code.definitions import defs

    return defs()


@pytest.fixture(scope="session")
def graph(location):
    return location.resolve_asset_graph()
