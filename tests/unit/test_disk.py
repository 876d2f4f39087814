"""A disk that is full is named, whatever failed because of it."""

import shutil
from types import SimpleNamespace

import pytest

from dagster_code.lib.disk import shortage
from dagster_code.lib.settings import load_settings

MIB = 1024**2


@pytest.fixture
def free(monkeypatch):
    """How many bytes are free, by the name of the folder asked for."""
    room = {}
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(free=room.get(path.name, 10**12))
    )
    return room


def test_the_full_one_of_two_disks_is_named(free, tmp_path):
    (tmp_path / "big").mkdir()
    environ = {
        "ATTRIBUTION_HOME": str(tmp_path / "home"),
        "ATTRIBUTION_WAREHOUSE": str(tmp_path / "big" / "warehouse"),
    }
    assert shortage(load_settings(environ)) is None
    # neither folder is there yet
    free["big"] = 99 * MIB
    assert shortage(load_settings(environ)) == (
        f"only 99 MiB are free on the disk of {tmp_path}/big/warehouse: free some space"
    )


def test_an_object_store_is_never_full(free, tmp_path):
    settings = load_settings(
        {"ATTRIBUTION_HOME": str(tmp_path), "ATTRIBUTION_WAREHOUSE": "s3a://bucket/folder"}
    )
    assert shortage(settings) is None
    free[tmp_path.name] = 0
    assert str(shortage(settings)).startswith("only 0 MiB are free")
