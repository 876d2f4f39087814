"""What the environment decides, above all where a cluster is."""

from pathlib import Path

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import PROJECT_ROOT, load_settings
from tests.unit.cluster_environment import on_cluster


def test_without_a_word_all_is_on_this_machine(tmp_path: Path) -> None:
    settings = load_settings({"ATTRIBUTION_HOME": str(tmp_path)})
    assert (settings.target, settings.cluster) == ("local", None)
    assert settings.warehouse_dir == tmp_path / "warehouse"
    assert settings.bind_address == "127.0.0.1"


def test_a_cluster_is_what_the_environment_says(tmp_path: Path) -> None:
    settings = load_settings(on_cluster(tmp_path))
    assert settings.target == "cluster"
    assert settings.warehouse_dir == Path("/shared/warehouse")
    assert settings.cluster is not None
    assert settings.cluster.metastore.place == "db:5432/metastore"
    assert settings.cluster.metastore.user == "attribution"


def test_an_object_store_is_no_folder(tmp_path: Path) -> None:
    settings = load_settings(on_cluster(tmp_path, ATTRIBUTION_WAREHOUSE="s3a://bucket/tables/"))
    assert settings.warehouse == "s3a://bucket/tables"
    assert settings.warehouse_dir is None


def test_a_password_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t\n", encoding="utf-8")
    given = on_cluster(
        tmp_path,
        ATTRIBUTION_METASTORE_PASSWORD_FILE=str(secret),
        ATTRIBUTION_DAGSTER_DATABASE_URL="postgresql://u:s3cr3t@h/dagster",
    )
    settings = load_settings(given)
    assert settings.cluster is not None
    assert settings.cluster.metastore.password == "s3cr3t"
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ATTRIBUTION_TARGET", "moon", "is not one of local, cluster"),
        ("ATTRIBUTION_SPARK_MASTER", "", "is missing"),
        ("ATTRIBUTION_SPARK_MASTER", "local[2]", "is not like spark://HOST:7077"),
        ("ATTRIBUTION_SPARK_MASTER", "spark://host", "is not like spark://HOST:7077"),
        ("ATTRIBUTION_DRIVER_HOST", "", "by which the cluster's executors reach it"),
        ("ATTRIBUTION_WAREHOUSE", "", "a folder that the driver and all executors share"),
        ("ATTRIBUTION_METASTORE_URL", "", "is missing"),
        ("ATTRIBUTION_METASTORE_URL", "jdbc:mysql://db/m", "jdbc:postgresql://HOST"),
        ("ATTRIBUTION_METASTORE_PASSWORD", "", "or ATTRIBUTION_METASTORE_PASSWORD_FILE"),
        ("ATTRIBUTION_METASTORE_PASSWORD", "a\nspark.master local", "more than one line"),
        ("ATTRIBUTION_METASTORE_PASSWORD_FILE", "/no/such/file", "No such file"),
        ("ATTRIBUTION_BIND_ADDRESS", "everywhere", "is not an address like 127.0.0.1"),
        ("ATTRIBUTION_EXECUTOR_MEMORY", "much", "is not a size like 4g"),
        ("ATTRIBUTION_DAGSTER_DATABASE_URL", "sqlite:///x", "postgresql://USER"),
    ],
)
def test_what_is_wrong_or_missing_is_said_in_one_line(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    with pytest.raises(UserError) as failure:
        load_settings(on_cluster(tmp_path, **{variable: value}))
    assert variable in str(failure.value)
    assert told in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_password_in_the_wrong_variable_is_not_shown(tmp_path: Path) -> None:
    url = "jdbc:postgresql://db/m?password=s3cr3t"
    with pytest.raises(UserError) as failure:
        load_settings(on_cluster(tmp_path, ATTRIBUTION_METASTORE_URL=url))
    assert "s3cr3t" not in str(failure.value)


def test_every_variable_that_is_read_is_explained_in_the_example() -> None:
    source = (PROJECT_ROOT / "dagster_code" / "lib" / "settings.py").read_text(encoding="utf-8")
    explained = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
    read = {word.strip("\"'(),=") for word in source.split() if "ATTRIBUTION_" in word}
    names = {name for name in read if name.startswith("ATTRIBUTION_") and name.isupper()}
    assert names
    assert sorted(name for name in names if name not in explained) == []


@pytest.mark.parametrize(("text", "truth"), [("", True), ("yes", True), ("no", False)])
def test_events_are_published_unless_somebody_says_no(text, truth):
    assert load_settings({"ATTRIBUTION_PUBLISH_EVENTS": text}).publishes_events is truth


@pytest.mark.parametrize(("text", "truth"), [("", True), ("yes", True), ("no", False)])
def test_a_run_writes_the_report_unless_somebody_says_no(text, truth):
    assert load_settings({"ATTRIBUTION_REPORT": text}).writes_report is truth


@pytest.mark.parametrize(("text", "truth"), [("", True), ("yes", True), ("no", False)])
def test_first_rows_are_shown_in_dagster_unless_somebody_says_no(text, truth):
    assert load_settings({"ATTRIBUTION_SAMPLE_ROWS": text}).shows_sample_rows is truth


def test_a_setting_that_is_neither_yes_nor_no_is_refused():
    with pytest.raises(UserError, match="ATTRIBUTION_PUBLISH_EVENTS='maybe' is not one of yes, no"):
        load_settings({"ATTRIBUTION_PUBLISH_EVENTS": "maybe"})
