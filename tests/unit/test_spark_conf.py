"""The effective Spark configuration."""

import dataclasses

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import SPARK_CONF_DIR, load_settings
from dagster_code.lib.spark_conf import (
    Machine,
    Ports,
    driver_memory,
    driver_name,
    merge_conf,
    parse_conf,
    render_conf,
    server_conf,
    this_machine,
)
from tests.unit.cluster_environment import on_cluster

GIB = 1024**3
MACHINE = Machine(memory_bytes=24 * GIB, cores=3)
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
    conf = server_conf(settings, PORTS, "/jars/*", Machine(memory_bytes=24 * GIB, cores=3))

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
    conf = server_conf(one, PORTS, "/jars/*", Machine(memory_bytes=8 * GIB, cores=64))

    assert (conf["spark.master"], conf["spark.sql.shuffle.partitions"]) == ("local[1]", "2")


def test_tables_made_anew_keep_their_former_files_for_as_long_as_set(settings):
    key = "spark.databricks.delta.properties.defaults.deletedFileRetentionDuration"
    machine = Machine(memory_bytes=8 * GIB, cores=2)
    assert key not in server_conf(settings, PORTS, "/jars/*", machine)
    longer = dataclasses.replace(settings, vacuum_retention_hours=720)
    assert server_conf(longer, PORTS, "/jars/*", machine)[key] == "interval 720 hours"


@pytest.mark.parametrize("path", sorted(SPARK_CONF_DIR.glob("*.conf")), ids=lambda path: path.name)
def test_every_committed_line_has_its_reason_above_it(path):
    above = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        assert not line.startswith("spark.") or above, f"{line}: no comment above"
        # one comment serves the lines that follow it without a gap
        above = line if line.strip() else ""


# --- A cluster ------------------------------------------------------------------------------------


def test_a_cluster_differs_by_its_overlay_and_the_environment_alone(tmp_path):
    conf = server_conf(load_settings(on_cluster(tmp_path)), PORTS, "/jars/*:/more/*", MACHINE)
    assert conf["spark.master"] == "spark://master:7077"
    assert conf["spark.driver.host"] == "driver.example"
    assert conf["spark.driver.bindAddress"] == "0.0.0.0"
    assert conf["spark.sql.warehouse.dir"] == "/shared/warehouse"
    assert conf["spark.executor.extraClassPath"] == conf["spark.driver.extraClassPath"]
    assert conf["spark.hadoop.javax.jdo.option.ConnectionPassword"] == "p w"
    url = conf["spark.hadoop.javax.jdo.option.ConnectionURL"]
    assert url.startswith(
        "jdbc:postgresql://db:5432/metastore?ApplicationName=attribution%20driver"
    )
    assert conf["spark.dynamicAllocation.enabled"] == "true"
    # how many cores it has is not this machine's to say
    assert "spark.sql.shuffle.partitions" not in conf
    local = server_conf(
        load_settings({"ATTRIBUTION_HOME": str(tmp_path)}), PORTS, "/jars/*", MACHINE
    )
    same = [key for key in local if key.startswith("spark.sql.") and "warehouse" not in key]
    cores = {
        "spark.sql.shuffle.partitions",
        "spark.sql.adaptive.coalescePartitions.initialPartitionNum",
    }
    assert all(conf[key] == local[key] for key in same if key not in cores)


def test_the_doors_of_a_cluster_listen_on_loopback_unless_told_otherwise(tmp_path):
    doors = ["spark.connect.grpc.binding.address", "spark.hadoop.hive.server2.thrift.bind.host"]
    closed = server_conf(load_settings(on_cluster(tmp_path)), PORTS, "/jars/*", MACHINE)
    assert {closed[door] for door in doors} == {"127.0.0.1"}
    told = load_settings(on_cluster(tmp_path, ATTRIBUTION_BIND_ADDRESS="0.0.0.0"))
    opened = server_conf(told, PORTS, "/jars/*", MACHINE)
    assert {opened[door] for door in doors} == {"0.0.0.0"}


def test_a_cluster_on_this_machine_is_called_by_loopback(tmp_path):
    given = on_cluster(tmp_path, ATTRIBUTION_SPARK_MASTER="spark://127.0.0.1:7077")
    del given["ATTRIBUTION_DRIVER_HOST"]
    conf = server_conf(load_settings(given), PORTS, "/jars/*", MACHINE)
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "127.0.0.1"


def test_the_cores_of_a_cluster_and_where_its_executors_have_the_jars_can_be_set(tmp_path):
    given = on_cluster(
        tmp_path,
        ATTRIBUTION_CORES="40",
        ATTRIBUTION_EXECUTOR_MEMORY="6G",
        ATTRIBUTION_EXECUTOR_CLASS_PATH="/opt/jars/*",
    )
    conf = server_conf(load_settings(given), PORTS, "/jars/*", MACHINE)
    assert (conf["spark.cores.max"], conf["spark.sql.shuffle.partitions"]) == ("40", "80")
    assert conf["spark.executor.memory"] == "6g"
    assert conf["spark.executor.extraClassPath"] == "/opt/jars/*"


@pytest.mark.parametrize("target", ["local", "cluster"])
def test_a_file_of_ones_own_comes_last(tmp_path, target):
    more = tmp_path / "more.conf"
    more.write_text("spark.driver.memory 9g\nspark.driver.extraJavaOptions -Dx=y\n")
    given = on_cluster(tmp_path, ATTRIBUTION_SPARK_CONF=str(more), ATTRIBUTION_TARGET=target)
    conf = server_conf(load_settings(given), PORTS, "/jars/*", MACHINE)
    assert conf["spark.driver.memory"] == "9g"
    assert conf["spark.driver.extraJavaOptions"].endswith("-Dx=y")
    assert "-XX:+ExitOnOutOfMemoryError" in conf["spark.driver.extraJavaOptions"]


def test_two_homes_have_drivers_of_two_names(tmp_path):
    names = {
        driver_name(load_settings(on_cluster(tmp_path / home))) for home in ("one", "two", "one")
    }
    assert len(names) == 2
    # PostgreSQL cuts longer ones
    assert all(len(name.encode()) <= 63 for name in names)
