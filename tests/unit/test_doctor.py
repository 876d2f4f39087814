"""What `attribution doctor` says of homes that are well and of homes that are not."""

import json
import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from dagster_code.lib.doctor.findings import Health, ill, noted, told, well
from dagster_code.lib.doctor.home import home_findings
from dagster_code.lib.doctor.run import examined, is_healthy, report
from dagster_code.lib.doctor.tables import file_ills, protocol_ills
from dagster_code.lib.jars import JARS_LOCK, jars_folder, parse_lock
from dagster_code.lib.lock import writer_lock
from dagster_code.lib.settings import load_settings


@pytest.fixture
def environ(tmp_path):
    return {
        "ATTRIBUTION_HOME": str(tmp_path / "home"),
        "ATTRIBUTION_JARS_DIR": str(load_settings(os.environ).jars_dir),
        "HOME": str(tmp_path),
    }


def looked(environ):
    """The findings by the name of the thing."""
    return {one.name: one for one in home_findings(load_settings(environ))}


def ills(environ):
    return {name for name, one in looked(environ).items() if one.health is Health.ILL}


def test_a_home_that_is_not_there_yet_has_no_problem(environ):
    found = examined(load_settings(environ))
    assert is_healthy(found), list(told(found))
    assert {one.name for one in found} >= {"Java", "jars", "home", "disk", "metastore", "server"}
    assert not (load_settings(environ).home).exists()


def test_no_java_is_a_problem_with_what_to_install(environ, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert ills(environ) == {"Java"}
    assert "unset it or set it" in looked(environ)["Java"].remedy


def test_a_damaged_jar_is_named(environ, tmp_path):
    text = JARS_LOCK.read_text(encoding="utf-8")
    source = jars_folder(load_settings(environ), text)
    environ["ATTRIBUTION_JARS_DIR"] = str(tmp_path / "jars")
    shutil.copytree(source, tmp_path / "jars" / source.name)
    assert ills(environ) == set()
    damaged = parse_lock(text)[0].file_name
    (tmp_path / "jars" / source.name / damaged).write_bytes(b"half")
    assert ills(environ) == {"jars"}
    assert damaged in looked(environ)["jars"].seen
    assert "make setup" in looked(environ)["jars"].remedy


def test_a_port_of_somebody_else_is_a_problem(environ):
    with socket.create_server(("127.0.0.1", 0)) as other:
        environ["ATTRIBUTION_THRIFT_PORT"] = str(other.getsockname()[1])
        assert ills(environ) == {"ports"}
    assert ills(environ) == set()


def test_a_home_that_cannot_be_written_is_a_problem(environ, tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file", encoding="utf-8")
    assert "home" in ills(environ)
    (tmp_path / "home").unlink()
    (tmp_path / "home").mkdir()
    # root may write anywhere, whatever the mode says
    monkeypatch.setattr(
        os, "access", lambda path, _: bool(Path(path).stat().st_mode & stat.S_IWUSR)
    )
    (tmp_path / "home").chmod(0o500)
    assert ills(environ) == {"home"}


def test_little_room_is_a_problem(environ, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert ills(environ) == {"disk"}


def test_a_lost_metastore_is_a_problem_only_if_there_are_tables(environ, tmp_path):
    (tmp_path / "home" / "warehouse").mkdir(parents=True)
    assert looked(environ)["metastore"].health is Health.NOTED
    (tmp_path / "home" / "warehouse" / "raw.db" / "events" / "_delta_log").mkdir(parents=True)
    assert ills(environ) == {"metastore"}
    (tmp_path / "home" / "metastore").mkdir()
    (tmp_path / "home" / "metastore" / "service.properties").touch()
    assert looked(environ)["metastore"].health is Health.WELL


def test_a_writer_that_died_is_told_and_one_at_work_is_not_disturbed(environ):
    settings = load_settings(environ)
    with writer_lock(settings, print, "attribution run") as lock:
        assert looked(environ)["writer lock"].seen == "free"
        with pytest.raises(KeyboardInterrupt), lock.writing():
            raise KeyboardInterrupt
    found = looked(environ)["writer lock"]
    assert found.health is Health.NOTED
    assert f"attribution run (pid {os.getpid()})" in found.seen
    assert "died while it wrote" in found.seen


def test_files_that_are_lost_or_cut_off_are_named(tmp_path):
    whole, half, empty = (tmp_path / name for name in ("a b.parquet", "half", "empty"))
    whole.write_bytes(b"PAR1 rows PAR1")
    half.write_bytes(b"PAR1 ro")
    empty.touch()
    uri = whole.as_uri()
    assert "%20" in uri
    assert list(file_ills([uri])) == []
    assert list(file_ills([uri, half.as_uri(), empty.as_uri()])) == [
        f"2 of 3 files are cut off or unreadable: {empty}, {half}"
    ]
    gone = [(tmp_path / f"gone{number}").as_uri() for number in range(5)]
    (seen,) = file_ills([uri, *gone])
    assert seen == (
        f"5 of 6 files are lost: {tmp_path}/gone0, {tmp_path}/gone1, {tmp_path}/gone2 and 2 more"
    )
    assert list(file_ills(["s3a://bucket/lost.parquet"])) == []


@pytest.mark.parametrize(
    ("reader", "writer", "count"), [(1, 2, 0), (3, 7, 0), (4, 7, 1), (3, 8, 1)]
)
def test_a_protocol_beyond_this_delta_is_a_problem(reader, writer, count):
    found = list(protocol_ills({"minReaderVersion": reader, "minWriterVersion": writer}))
    assert len(found) == count


def test_the_report_gives_a_remedy_and_counts_problems():
    found = [well("a", "fine"), noted("bcd", "odd", "wait"), ill("e", "broken", "mend it")]
    assert list(report(found, as_json=False)) == [
        "ok       a    fine\n",
        "note     bcd  odd\n",
        "              -> wait\n",
        "problem  e    broken\n",
        "              -> mend it\n",
        "\n1 problem\n",
    ]
    assert not is_healthy(found)
    (text,) = report(found, as_json=True)
    assert json.loads(text)[2] == {
        "name": "e",
        "health": "problem",
        "seen": "broken",
        "remedy": "mend it",
    }
