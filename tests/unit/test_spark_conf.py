"""The effective Spark configuration."""

import dataclasses
from pathlib import Path

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import SPARK_CONF_DIR, load_settings
from dagster_code.lib.spark_conf import (
    Machine,
    Ports,
    driver_memory,
    local_conf,
    main,
    merge_conf,
    parse_conf,
    render_conf,
    this_machine,
)

GIB = 1024**3
PORTS = Ports(thrift=10001, connect=10002, ui=10003)


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path / "a home")})


def test_comments_and_empty_lines_are_skipped_and_values_keep_their_spaces():
    assert parse_conf("# why\n\nspark.a  one two \nspark.b\t3\n", "x") == {
        "spark.a": "one two",
        "spark.b": "3",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [("spark.a", "has no value"), ("spark.a 1\nspark.a 2", "line 2: spark.a is there twice")],
)
def test_a_wrong_line_is_named(text, problem):
    with pytest.raises(UserError, match=problem):
        parse_conf(text, "x.conf")


def test_later_layers_win_but_jvm_options_add_up():
    merged = merge_conf(
        [
            {"spark.a": "1", "spark.driver.extraJavaOptions": "-Done"},
            {"spark.a": "2", "spark.driver.extraJavaOptions": "-Dtwo"},
        ]
    )

    assert merged == {"spark.a": "2", "spark.driver.extraJavaOptions": "-Done -Dtwo"}


def test_backslashes_survive_javas_properties():
    assert render_conf({"spark.b": "c:\\d", "spark.a": "1"}) == "spark.a 1\nspark.b c:\\\\d\n"


@pytest.mark.parametrize(
    ("gib", "expected"), [(1, "2048m"), (8, "2048m"), (24, "6144m"), (30, "7680m"), (256, "16384m")]
)
def test_the_driver_gets_a_quarter_of_the_machine_within_limits(settings, gib, expected):
    assert driver_memory(settings, Machine(memory_bytes=gib * GIB, cores=2)) == expected


def test_a_configured_memory_is_taken_as_it_is(settings):
    small = dataclasses.replace(settings, driver_memory="900m")

    assert driver_memory(small, Machine(memory_bytes=64 * GIB, cores=2)) == "900m"


def test_a_container_is_smaller_than_its_machine(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("1073741824\n")
    unlimited = tmp_path / "unlimited"
    unlimited.write_text("max\n")

    assert this_machine(limit).memory_bytes == GIB
    assert this_machine(unlimited).memory_bytes > GIB
    assert this_machine(tmp_path / "absent") == this_machine(unlimited)


def test_the_local_server_is_closed_to_the_network_and_lives_in_its_home(settings):
    conf = local_conf(settings, PORTS, "/jars/*", Machine(memory_bytes=24 * GIB, cores=3))

    doors = [
        "spark.driver.bindAddress",
        "spark.connect.grpc.binding.address",
        "spark.hadoop.hive.server2.thrift.bind.host",
    ]
    assert {conf[door] for door in doors} == {"127.0.0.1"}
    assert conf["spark.hadoop.hive.server2.thrift.port"] == "10001"
    assert conf["spark.connect.grpc.binding.port"] == "10002"
    assert conf["spark.ui.port"] == "10003"
    assert conf["spark.master"] == "local[*]"
    assert conf["spark.sql.shuffle.partitions"] == "6"
    assert conf["spark.driver.extraClassPath"] == "/jars/*"
    assert (
        f"databaseName={settings.home}/metastore;"
        in conf["spark.hadoop.javax.jdo.option.ConnectionURL"]
    )
    options = conf["spark.driver.extraJavaOptions"]
    assert f'"-Djava.io.tmpdir={settings.home}/server/tmp"' in options
    assert "-XX:+ExitOnOutOfMemoryError" in options


def test_configured_cores_decide_the_master_and_the_shuffle(settings):
    one = dataclasses.replace(settings, cores=1)
    conf = local_conf(one, PORTS, "/jars/*", Machine(memory_bytes=8 * GIB, cores=64))

    assert (conf["spark.master"], conf["spark.sql.shuffle.partitions"]) == ("local[1]", "2")


def test_tables_made_anew_keep_their_former_files_for_as_long_as_set(settings):
    key = "spark.databricks.delta.properties.defaults.deletedFileRetentionDuration"
    machine = Machine(memory_bytes=8 * GIB, cores=2)
    assert key not in local_conf(settings, PORTS, "/jars/*", machine)
    longer = dataclasses.replace(settings, vacuum_retention_hours=720)
    assert local_conf(longer, PORTS, "/jars/*", machine)[key] == "interval 720 hours"


@pytest.mark.parametrize("path", sorted(SPARK_CONF_DIR.glob("*.conf")), ids=lambda path: path.name)
def test_every_committed_line_has_its_reason_above_it(path):
    above = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        assert not line.startswith("spark.") or above, f"{line}: no comment above"
        # one comment serves the lines that follow it without a gap
        above = line if line.strip() else ""


def test_cluster_files_are_merged_from_the_command_line(tmp_path):
    out, secrets = tmp_path / "spark.conf", tmp_path / "secrets"
    secrets.write_text("spark.hadoop.javax.jdo.option.ConnectionPassword p\n")
    cluster = SPARK_CONF_DIR / "cluster.conf"

    assert (
        main([str(out), str(SPARK_CONF_DIR / "spark-defaults.conf"), str(cluster), str(secrets)])
        == 0
    )

    text = out.read_text(encoding="utf-8")
    assert "spark.master spark://" in text
    assert "ConnectionPassword p\n" in text
    assert "spark.plugins org.apache.spark.sql.connect.SparkConnectPlugin" in text


@pytest.mark.parametrize("arguments", [["out"], ["out", "/no/such/file"], ["/no/such/folder/out"]])
def test_a_wrong_command_line_is_one_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if arguments[0].startswith("/"):
        arguments = [*arguments, str(SPARK_CONF_DIR / "local.conf")]

    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("out").exists()
