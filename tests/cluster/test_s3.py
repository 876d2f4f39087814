"""The pipeline with its warehouse on an S3-compatible server: the same tables as on a disk."""

import dataclasses
from collections.abc import Iterator

import pytest

from dagster_code.lib.settings import load_settings
from tests.cluster.deliveries import two_deliveries
from tests.cluster.object_store import MissingStoreError, ObjectStore, start_store
from tests.increments.differences import differences
from tests.increments.homes import DrivenHome, Paths, run_arguments
from tests.increments.trial import Plan
from tests.leaks import leaks

pytestmark = [pytest.mark.s3, pytest.mark.slow]

BUCKET = "warehouse"
SCHEMAS = ("staging", "intermediate", "marts")
PLAN = Plan(seed=20261127, drawn=60, copies=1, batches=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The server, with an empty bucket."""
    try:
        started = start_store(tmp_path_factory.mktemp("store"), BUCKET)
    except MissingStoreError as error:
        # not skipped: who asks for these tests wants to know
        pytest.fail(str(error), pytrace=False)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> list[Paths]:
    return two_deliveries(PLAN, tmp_path_factory.mktemp("parcels"))


@pytest.fixture(scope="module")
def on_store(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrivenHome]:
    """A home of this machine with its warehouse on the store."""
    folder = tmp_path_factory.mktemp("on-store")
    conf = folder / "store.conf"
    conf.write_text(store.conf(), encoding="utf-8")
    variables = {
        "ATTRIBUTION_WAREHOUSE": f"s3a://{BUCKET}/attribution",
        "ATTRIBUTION_SPARK_CONF": str(conf),
    }
    plain = DrivenHome.at(folder / "home").settings
    placed = load_settings({**variables, "ATTRIBUTION_HOME": str(plain.home)})
    settings = dataclasses.replace(
        plain, other_warehouse=placed.other_warehouse, more_conf=placed.more_conf
    )
    home = DrivenHome(settings, variables)
    with pytest.MonkeyPatch.context() as environ:
        for name, value in store.variables().items():
            environ.setenv(name, value)
        yield home
        home.stop()


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrivenHome]:
    """A home with its warehouse on the disk."""
    home = DrivenHome.at(tmp_path_factory.mktemp("on-disk") / "home")
    yield home
    home.stop()


@pytest.mark.parametrize("number", [0, 1], ids=["from nothing", "an increment"])
def test_the_tables_equal_those_on_a_disk(
    number: int, store: ObjectStore, on_store: DrivenHome, on_disk: DrivenHome, parcels: list[Paths]
) -> None:
    on_disk.run(*run_arguments(parcels[number], {}))
    expected = on_disk.read_tables(SCHEMAS)
    on_disk.stop()
    on_store.run(*run_arguments(parcels[number], {}))
    actual = on_store.read_tables(SCHEMAS)
    assert [str(one) for one in differences(expected, actual)] == []
    assert len(expected) >= 40
    assert sum(table.num_rows for table in expected.values()) > 2000
    logs = list((store.folder / BUCKET / "attribution").rglob("_delta_log"))
    assert len(logs) >= 40
    assert not (on_store.settings.home / "warehouse").exists()


def test_the_store_s_secret_is_shown_nowhere(store: ObjectStore, on_store: DrivenHome) -> None:
    assert leaks(on_store, store.password) == []
