"""Landing against a real server: each file's content once, whatever happens in between.

The tests share one server and never empty its tables: every file here has content of its own.
"""

import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from dagster_code.lib.landing import land as landing
from dagster_code.lib.landing.land import create_raw_tables, land, plan
from dagster_code.lib.landing.report import LandingReport
from dagster_code.lib.settings import Settings, load_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        {"ATTRIBUTION_HOME": str(tmp_path / "home"), "ATTRIBUTION_SETTLE_SECONDS": "0"}
    )


@pytest.fixture
def bring(spark: SparkSession, settings: Settings) -> Callable[..., LandingReport]:
    return lambda *paths, kind="events": land(spark, kind, list(paths), settings, lambda _: None)


def json_lines(path: Path, count: int = 3, mark: str = "") -> Path:
    mark = mark or uuid.uuid4().hex
    lines = [json.dumps({"client_id": f"{mark}-{n}", "event_id": str(n)}) for n in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def record_count(spark: SparkSession, path: Path) -> int:
    """Records that came from a file's content, told by their clients."""
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])["client_id"]
    mark = first.rsplit("-", 1)[0]
    return spark.table("raw.events").where(F.col("client_id").startswith(mark)).count()


def register_rows(spark: SparkSession, sha256: str) -> list[tuple[int, int]]:
    rows = spark.table("raw.landed_files").where(F.col("source_sha256") == sha256).collect()
    return [(row["record_count"], row["batch"]) for row in rows]


def test_content_lands_once_also_under_another_name_and_again(spark, bring, tmp_path):
    path = json_lines(tmp_path / "in/a.jsonl")
    first = bring(path)
    assert (first.record_count, first.ok, first.batch is not None) == (3, True, True)
    again = bring(path)
    assert (again.batch, again.record_count, len(again.skipped)) == (None, 0, 1)
    shutil.copy(path, tmp_path / "in/b.jsonl")
    assert len(bring(tmp_path / "in").skipped) == 2
    assert record_count(spark, path) == 3
    assert register_rows(spark, first.landed[0].sha256) == [(3, first.batch)]


def test_a_landing_killed_before_it_registers_is_mended_by_the_next(
    spark, bring, tmp_path, monkeypatch
):
    path, other = json_lines(tmp_path / "a.jsonl"), json_lines(tmp_path / "b.jsonl")
    batches: list[int] = []

    def die(spark, attempt, files):
        batches.append(attempt.batch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(landing, "_register", die)
        with pytest.raises(KeyboardInterrupt):
            bring(path)
    report = bring(path, other)
    assert (len(report.skipped), report.record_count) == (1, 3)
    assert report.batch == batches[0] + 1
    assert (record_count(spark, path), record_count(spark, other)) == (3, 3)
    mended = spark.table("raw.landed_files").where(F.col("source_file") == str(path)).collect()
    assert [(row["record_count"], row["format"], row["batch"]) for row in mended] == [
        (3, "jsonl", batches[0])
    ]


@pytest.mark.parametrize("is_same_file", [True, False])
def test_a_ghost_that_takes_our_number_doubles_nothing(
    spark, bring, tmp_path, monkeypatch, is_same_file
):
    path = json_lines(tmp_path / "a.jsonl")
    ghost_file = path if is_same_file else json_lines(tmp_path / "ghost.jsonl")
    write = landing._append_records
    ghost_batches: list[int] = []

    def with_ghost(spark, attempt, files, settings, watch):
        if not ghost_batches:
            ghost_batches.append(attempt.batch)
            found = landing.survey(
                [ghost_file], landing.FIELDS["events"], 0, lambda _: set(), lambda _: None
            )
            write(spark, replace(attempt, note="ghost"), found.files, settings, watch)
        return write(spark, attempt, files, settings, watch)

    monkeypatch.setattr(landing, "_append_records", with_ghost)
    report = bring(path)
    assert report.batch == (None if is_same_file else ghost_batches[0] + 1)
    assert record_count(spark, path) == 3
    assert record_count(spark, ghost_file) == 3
    assert bring(path, ghost_file).batch is None


def test_what_a_restored_table_has_forgotten_lands_again(spark, bring, tmp_path):
    # far more landings than a landing tries numbers
    files = [json_lines(tmp_path / f"{number}.jsonl") for number in range(8)]
    batches = [bring(file).batch for file in files]
    history = spark.sql("describe history raw.events")
    number = F.get_json_object("userMetadata", "$.batch").cast("bigint")
    version = history.where(number == batches[0]).first()["version"]
    spark.sql(f"restore table raw.events to version as of {version}")
    spark.sql(f"delete from raw.landed_files where kind = 'events' and batch > {batches[0]}")

    report = bring(*files)
    assert (len(report.landed), len(report.skipped)) == (7, 1)
    assert report.batch > batches[-1]
    assert [record_count(spark, file) for file in files] == [3] * 8
    assert len(bring(*files).skipped) == 8


def test_a_file_that_grows_while_it_is_read_is_left_and_the_others_land(
    spark, bring, tmp_path, monkeypatch
):
    growing, quiet = json_lines(tmp_path / "g.jsonl"), json_lines(tmp_path / "q.jsonl")
    write = landing._append_records
    calls: list[int] = []

    def grow_then_write(spark, attempt, files, settings, watch):
        calls.append(len(files))
        if len(calls) == 1:
            with growing.open("a", encoding="utf-8") as file:
                file.write('{"client_id":"later"}\n')
        return write(spark, attempt, files, settings, watch)

    monkeypatch.setattr(landing, "_append_records", grow_then_write)
    report = bring(growing, quiet)
    assert calls == [2, 1]
    assert not report.ok
    assert [note.path for note in report.growing] == [str(growing)]
    assert (record_count(spark, growing), record_count(spark, quiet)) == (0, 3)
    monkeypatch.undo()
    assert bring(growing).record_count == 4


def test_a_parquet_file_broken_inside_is_refused_and_the_others_land(spark, bring, tmp_path):
    broken, good = tmp_path / "b.parquet", json_lines(tmp_path / "g.jsonl")
    values = [uuid.uuid4().hex for _ in range(5000)]
    pq.write_table(pa.table({"client_id": values}), broken, compression="gzip")
    content = bytearray(broken.read_bytes())
    content[2000:3000] = b"\xff" * 1000
    broken.write_bytes(content)
    report = bring(broken, good)
    assert [note.path for note in report.refused] == [str(broken)]
    assert "\n" not in report.refused[0].reason
    assert (report.record_count, record_count(spark, good)) == (3, 3)


def test_one_content_in_three_formats_gives_the_same_fields(spark, bring, tmp_path):
    mark = uuid.uuid4().hex
    record = {"client_id": mark, "event_id": "1", "revenue": "1.50", "color": "red, dark"}
    (tmp_path / "a.jsonl").write_text(
        f'{{"client_id":"{mark}","event_id":1,"revenue":1.50,"color":"red, dark"}}', "utf-8"
    )
    (tmp_path / "a.csv").write_text(
        f'color,revenue,event_id,client_id\n"red, dark",1.50,1,{mark}\n', "utf-8"
    )
    pq.write_table(pa.table({name: [value] for name, value in record.items()}), tmp_path / "a.pq")
    report = bring(tmp_path / "a.jsonl", tmp_path / "a.csv", tmp_path / "a.pq")
    assert sorted(str(file.format) for file in report.landed) == ["csv", "jsonl", "parquet"]
    rows = spark.table("raw.events").where(F.col("client_id") == mark)
    seen = rows.select("event_id", "revenue", "extra", "source_position").collect()
    assert [(row[0], row[1], row[2]) for row in seen] == [("1", "1.50", {"color": "red, dark"})] * 3
    assert sorted(row["source_position"] for row in seen) == [1, 1, 2]


def test_an_empty_file_is_registered_even_if_the_first_try_dies(
    spark, bring, tmp_path, monkeypatch
):
    empty = tmp_path / "e.csv"
    # Its own header, so that its content is new to the server.
    empty.write_text(f"client_id,{uuid.uuid4().hex}\n", encoding="utf-8")

    def die(spark, attempt, files):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(landing, "_register", die)
        with pytest.raises(KeyboardInterrupt):
            bring(empty)
    report = bring(empty)
    assert (report.record_count, len(report.landed), report.ok) == (0, 1, True)
    assert report.notes[-1].reason == "no records in it"
    assert register_rows(spark, report.landed[0].sha256) == [(0, report.batch)]
    assert len(bring(empty).skipped) == 1
    assert bring(json_lines(tmp_path / "a.jsonl")).record_count == 3


def test_unreadable_records_land_and_are_counted(spark, bring, tmp_path):
    mark = uuid.uuid4().hex
    path = tmp_path / "a.jsonl"
    path.write_bytes(f'{{"client_id":"{mark}"}}\n{{broken {mark}\n\xff\n'.encode("latin-1"))
    report = bring(path)
    assert (report.record_count, report.unreadable_count, report.ok) == (3, 2, True)
    rows = spark.table("raw.events").where(F.col("unreadable").contains(mark)).collect()
    assert [(row["unreadable"], row["source_position"]) for row in rows] == [
        (f"{{broken {mark}", 2)
    ]


def test_clients_land_in_their_own_table_with_their_own_numbers(spark, bring, tmp_path):
    mark = uuid.uuid4().hex
    path = tmp_path / "c.csv"
    path.write_text(f"client_id,country,tier\n{mark},DE,gold\n", encoding="utf-8")
    assert bring(path, kind="clients").record_count == 1
    rows = spark.table("raw.clients").where(F.col("client_id") == mark).collect()
    assert [(row["country"], row["extra"]) for row in rows] == [("DE", {"tier": "gold"})]


def test_spend_lands_in_its_own_table_and_a_file_of_events_is_none(spark, bring, tmp_path):
    mark = uuid.uuid4().hex
    path = tmp_path / "s.csv"
    path.write_text(f"Date,Cost,source,ad_group\n2026-01-01,1.50,{mark},shoes\n", encoding="utf-8")
    events = tmp_path / "e.csv"
    events.write_text(f"client_id,event_id\n{mark},1\n", encoding="utf-8")
    report = bring(path, events, kind="spend")
    assert (report.record_count, [note.path for note in report.refused]) == (1, [str(events)])
    rows = spark.table("raw.ad_spend").where(F.col("source") == mark).collect()
    assert [(row["date"], row["cost"], row["extra"]) for row in rows] == [
        ("2026-01-01", "1.50", {"ad_group": "shoes"})
    ]
    register = spark.table("raw.landed_files").where(F.col("source_file") == str(path)).collect()
    assert [(row["kind"], row["record_count"]) for row in register] == [("spend", 1)]


def test_a_plan_names_the_files_and_writes_nothing(spark, settings, tmp_path):
    path = json_lines(tmp_path / "a.jsonl")
    create_raw_tables(spark)
    before = spark.table("raw.landed_files").count()
    planned = plan(spark, "events", [path], settings, lambda _: None)
    assert [file.source_file for file in planned.files] == [str(path)]
    assert spark.table("raw.landed_files").count() == before
    assert record_count(spark, path) == 0
