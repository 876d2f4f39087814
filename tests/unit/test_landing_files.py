"""Which files are taken, what they are, and how they are cut into pieces."""

import gzip
import hashlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing import measure
from dagster_code.lib.landing.discover import Candidate, FileNote, discover, settled
from dagster_code.lib.landing.lock import landing_lock
from dagster_code.lib.landing.measure import text_shape
from dagster_code.lib.landing.pieces import (
    Piece,
    PieceError,
    check_unchanged,
    failed_piece,
    packed,
)
from dagster_code.lib.landing.schema import (
    EVENT_FIELDS,
    KINDS,
    SPEND_FIELDS,
    checked_kind,
    create_statements,
    record_columns,
    records_table,
)
from dagster_code.lib.landing.source import LandingPartition, LandingReader, piece_batches
from dagster_code.lib.landing.survey import Survey, survey

RECORD = b'{"client_id":"a","event_id":"1"}\n'


def quiet(_: str) -> None:
    """Progress nobody reads."""


def looked_at(*paths: Path, landed: Iterable[str] = ()) -> Survey:
    return survey(paths, EVENT_FIELDS, 0.0, lambda _: set(landed), quiet)


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def records_in(result: Survey) -> list[dict[str, object]]:
    pieces = [piece for file in result.files for piece in file.pieces]
    return [
        row
        for piece in pieces
        for batch in piece_batches(piece, EVENT_FIELDS)
        for row in batch.to_pylist()
    ]


def names(notes: Iterable[FileNote]) -> list[str]:
    return [Path(note.path).name for note in notes]


# --- Finding files


def test_a_tree_gives_its_data_files_sorted_and_says_what_it_ignores(tmp_path):
    for name in ("b/x.csv", "a.jsonl", "c.txt", ".hidden.csv", "_SUCCESS", "d.csv.tmp",
                 "_temporary/e.csv", ".git/f.csv"):  # fmt: skip
        written(tmp_path / name, b"client_id\n1\n")
    found = discover([tmp_path])
    assert [item.path for item in found.candidates] == [tmp_path / "a.jsonl", tmp_path / "b/x.csv"]
    assert sorted(names(found.ignored)) == ["c.txt", "d.csv.tmp"]


def test_a_loop_of_links_ends_and_a_file_comes_once(tmp_path):
    written(tmp_path / "a.jsonl", RECORD)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = discover([tmp_path, tmp_path / "a.jsonl"])
    assert [item.path for item in found.candidates] == [tmp_path / "a.jsonl"]


def test_a_path_that_does_not_exist_stops_everything(tmp_path):
    written(tmp_path / "a.jsonl", RECORD)
    with pytest.raises(UserError, match=r"missing\.csv does not exist"):
        discover([tmp_path, tmp_path / "missing.csv"])


def test_a_folder_without_files_is_said_and_is_no_failure(tmp_path):
    result = looked_at(tmp_path)
    assert (result.files, result.refused) == ((), ())
    assert result.ignored[0].reason == "the folder holds no data files"


@pytest.mark.parametrize("name", ["x.jsonl.part", ".x.jsonl", "_x.csv", "x.csv~"])
def test_a_named_file_that_looks_half_copied_is_refused(tmp_path, name):
    result = looked_at(written(tmp_path / name, RECORD))
    assert "half-copied" in result.refused[0].reason


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.jsonl")
    assert looked_at(tmp_path / "p.jsonl").refused[0].reason == "not a regular file"


def test_what_is_no_file_is_left_out_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "circle.jsonl").symlink_to(tmp_path / "circle.jsonl")
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    written(tmp_path / "folder.jsonl" / "inside.jsonl", RECORD)
    result = looked_at(tmp_path)
    assert [file.path for file in result.files] == [tmp_path / "folder.jsonl" / "inside.jsonl"]
    assert {Path(note.path).name: note.reason for note in result.ignored} == {
        "pipe.jsonl": "not a regular file",
        "circle.jsonl": "cannot be read: Too many levels of symbolic links",
        "gone.jsonl": "cannot be read: No such file or directory",
    }


def test_a_link_is_followed_also_out_of_the_folder(tmp_path):
    written(tmp_path / "beside" / "a.jsonl", RECORD)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.jsonl").symlink_to(tmp_path / "beside" / "a.jsonl")
    result = looked_at(tmp_path / "in")
    assert [file.path for file in result.files] == [tmp_path / "in" / "link.jsonl"]


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "'\"",
        "a\nb",
        "; touch x",
        "$(touch x)",
        "`touch x`",
        "-x",
        "..x",
        "*?[a]",
        "ü\u202e",
        "\\",
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_name_means_nothing(tmp_path, name, is_named):
    path = written(tmp_path / "in" / f"x{name}.jsonl", RECORD)
    result = looked_at(path if is_named else path.parent)
    assert [file.path for file in result.files] == [path]
    assert records_in(result)[0]["client_id"] == "a"


def test_a_name_that_is_not_utf8_is_landed_and_shown_with_escapes(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl"))
    result = looked_at(written(path, RECORD))
    assert result.files[0].source_file.endswith("\\xff.jsonl")
    assert records_in(result)[0]["client_id"] == "a"


# --- Growing files


def test_a_file_that_keeps_growing_is_left_and_a_quiet_one_is_taken(tmp_path):
    growing = written(tmp_path / "g.jsonl", RECORD)
    still = written(tmp_path / "s.jsonl", RECORD * 2)
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.02):
            with growing.open("ab") as file:
                file.write(RECORD)

    thread = threading.Thread(target=grow)
    thread.start()
    told: list[str] = []
    try:
        candidates = [Candidate(path, is_explicit=True) for path in (growing, still)]
        taken, notes = settled(candidates, 0.2, told.append)
    finally:
        stop.set()
        thread.join()
    assert [item.path for item in taken] == [still]
    assert notes[0].reason == "still growing: left for the next run"
    assert len(told) == 1


def test_an_old_file_is_not_waited_for(tmp_path, monkeypatch):
    path = written(tmp_path / "a.jsonl", RECORD)
    os.utime(path, (1, 1))
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    settled([Candidate(path, is_explicit=True)], 5.0, quiet)
    assert naps == []


def test_a_modification_time_in_the_future_does_not_keep_a_file_out(tmp_path):
    path = written(tmp_path / "a.jsonl", RECORD)
    os.utime(path, (time.time() + 9999,) * 2)
    taken, _ = settled([Candidate(path, is_explicit=True)], 0.1, quiet)
    assert len(taken) == 1


def test_a_file_that_changes_before_it_is_read_fails_the_job(tmp_path):
    path = written(tmp_path / "a.jsonl", RECORD)
    piece = looked_at(path).files[0].pieces[0]
    check_unchanged(piece)
    with path.open("ab") as file:
        file.write(RECORD)
    with pytest.raises(PieceError) as caught:
        list(LandingReader([[piece]], EVENT_FIELDS).read(LandingPartition([piece])))
    failure = failed_piece(f"org.apache...\n  PieceError: {caught.value}\n at x")
    assert failure is not None
    assert (failure.sha256, failure.is_changed) == (piece.sha256, True)


def test_another_failure_names_no_file():
    assert failed_piece("OutOfMemoryError: Java heap space") is None


# --- Identity


def test_the_same_bytes_are_offered_once_under_any_name(tmp_path):
    written(tmp_path / "a.jsonl", RECORD)
    written(tmp_path / "b.jsonl", RECORD)
    result = looked_at(tmp_path)
    assert (len(result.files), names(result.skipped)) == (1, ["b.jsonl"])


def test_a_refused_file_does_not_hide_its_twin_under_a_better_name(tmp_path):
    written(tmp_path / "a.csv", b"rubbish\n")
    written(tmp_path / "b.jsonl", b"rubbish\n")
    result = looked_at(tmp_path)
    assert (names(result.refused), result.files[0].path.name) == (["a.csv"], "b.jsonl")


def test_bytes_that_have_landed_are_skipped(tmp_path):
    path = written(tmp_path / "a.jsonl", RECORD)
    result = looked_at(path, landed=[hashlib.sha256(RECORD).hexdigest()])
    assert (result.files, result.skipped[0].reason) == ((), "has landed before")


# --- What a file is


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", RECORD, "jsonl"),
        ("a.csv", RECORD, "jsonl"),
        ("a.parquet", RECORD, "jsonl"),
        ("a.jsonl", b"client_id,event_id\na,1\n", "csv"),
        ("a.dat", b"client_id,event_id\na,1\n", "csv"),
        ("a.json", b'[\n{"client_id":"a",\n"event_id":"1"}]', "jsonl"),
        ("a.json", b'{\n"client_id":"a",\n"event_id":"1"}\n', "jsonl"),
        ("a.csv.gz", gzip.compress(b"client_id,event_id\na,1\n"), "csv"),
        ("a.jsonl", gzip.compress(RECORD), "jsonl"),
        ("a.csv", b"client_id;event_id\na;1\n", "csv"),
    ],
)
def test_content_decides_and_the_name_is_a_hint(tmp_path, name, content, expected):
    result = looked_at(written(tmp_path / name, content))
    assert result.files[0].format == expected
    assert [(row["client_id"], row["event_id"]) for row in records_in(result)] == [("a", "1")]
    has_other_name = expected not in name and not name.endswith(".json")
    assert (result.files[0].note is not None) == has_other_name


def test_parquet_is_known_by_its_magic_bytes(tmp_path):
    pq.write_table(pa.table({"client_id": ["a"]}), tmp_path / "a.csv")
    result = looked_at(tmp_path / "a.csv")
    assert result.files[0].format == "parquet"
    assert records_in(result)[0]["client_id"] == "a"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_an_empty_file_is_taken_and_said_to_be_empty(tmp_path, content):
    result = looked_at(written(tmp_path / "a.jsonl", content))
    assert (result.files[0].pieces, result.files[0].note) == ((), "the file is empty")


def test_a_header_alone_is_taken(tmp_path):
    result = looked_at(written(tmp_path / "a.csv", b"client_id,event_id\n"))
    assert len(result.files) == 1
    assert records_in(result) == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"foo,bar\n1,2\n", "no known column in its header (foo, bar)"),
        ("a.csv", "client_id\n1\n".encode("utf-16"), "UTF-16"),
        ("a.csv", "client_id\n1\n".encode("utf-16-le"), "not UTF-8 text"),
        ("a.jsonl.gz", gzip.compress(RECORD * 999)[:-9], "broken or truncated gzip"),
        ("a.jsonl.gz", gzip.compress(RECORD) + b"junk", "broken or truncated gzip"),
        ("a.parquet", b"PAR1 cut off", "broken or truncated Parquet"),
        ("a.parquet", b"rubbish", "not a Parquet file"),
        ("a.parquet.gz", gzip.compress(b"PAR1..PAR1"), "a Parquet file inside gzip"),
        ("a.zip", b"PK\x03\x04...", "ZIP"),
        ("a.json", b'[\n{"a":1},\n{"a"', "neither JSON Lines nor a valid JSON document"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_the_others_are_taken(
    tmp_path, name, content, reason
):
    bad = written(tmp_path / name, content)
    good = written(tmp_path / "good.jsonl", RECORD)
    result = looked_at(bad, good)
    assert reason in result.refused[0].reason
    assert "\n" not in result.refused[0].reason
    assert [file.path for file in result.files] == [good]


def test_parquet_without_a_known_column_is_refused(tmp_path):
    pq.write_table(pa.table({"foo": ["a"]}), tmp_path / "a.parquet")
    assert "no known column (foo)" in looked_at(tmp_path).refused[0].reason


def test_lines_of_rubbish_named_jsonl_are_kept_as_unreadable(tmp_path):
    result = looked_at(written(tmp_path / "a.jsonl", b"hello\n" + RECORD))
    assert [row["unreadable"] for row in sorted(records_in(result), key=str)].count("hello") == 1


def test_a_broken_first_line_does_not_hide_the_others(tmp_path):
    result = looked_at(written(tmp_path / "a.jsonl", b'{"client_id":\n' + RECORD * 2))
    assert sorted(row["unreadable"] is None for row in records_in(result)) == [False, True, True]


def test_a_gzip_of_several_members_is_read_to_the_end(tmp_path):
    content = gzip.compress(RECORD) + gzip.compress(b'{"client_id":"b"}\n')
    result = looked_at(written(tmp_path / "a.jsonl.gz", content))
    assert [row["client_id"] for row in records_in(result)] == ["a", "b"]


# --- Pieces


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_file_cut_into_pieces_gives_the_same_records_and_lines(tmp_path, monkeypatch, name):
    head = b"client_id,event_id\n" if name.endswith("csv") else b""
    line = "c{0},{0}\n" if head else '{{"client_id":"c{0}","event_id":"{0}"}}\n'
    content = head + b"".join(line.format(number).encode() for number in range(500))
    path = written(tmp_path / name, content)
    whole = records_in(looked_at(path))
    monkeypatch.setattr(measure, "_SPAN_BYTES", 700)
    monkeypatch.setattr(measure, "_BLOCK_BYTES", 100)
    result = looked_at(path)
    assert len(result.files[0].pieces) > 5
    assert records_in(result) == whole
    assert [row["source_position"] for row in whole] == list(
        range(1 + bool(head), 501 + bool(head))
    )


def test_a_csv_with_a_quote_is_one_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "_SPAN_BYTES", 10)
    path = written(tmp_path / "a.csv", b'client_id\n"a\nb"\n' + b"c\n" * 50)
    assert len(looked_at(path).files[0].pieces) == 1


def test_row_groups_of_parquet_become_pieces_with_their_row_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("dagster_code.lib.landing.recognise._PARQUET_WORK_BYTES", 1)
    table = pa.table({"client_id": [str(number) for number in range(10)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    result = looked_at(tmp_path / "a.parquet")
    assert len(result.files[0].pieces) == 4
    assert [(row["client_id"], row["source_position"]) for row in records_in(result)] == [
        (str(number), number + 1) for number in range(10)
    ]


def test_the_longest_line_is_never_underestimated():
    blocks = [b"ab\ncd", b"efgh", b"ij\nk"]
    assert text_shape(blocks).longest_line >= len("cdefghij")


def test_pieces_are_packed_into_tasks_of_similar_work():
    piece = Piece("/a", 1, 1, "/a", "0" * 64, "json_lines", work=1000)
    tasks = packed([replace(piece, work=1000) for _ in range(1000)], 64 << 20, 4)
    assert 4 <= len(tasks) <= 8
    assert sum(map(len, tasks)) == 1000
    assert packed([], 1, 4) == [()]
    assert len(packed([replace(piece, work=99 << 20)] * 3, 64 << 20, 1)) == 3


# --- The rest


def test_a_second_landing_waits_and_then_says_who_is_in_the_way(tmp_path):
    told: list[str] = []
    with (
        landing_lock(tmp_path, told.append, 0.0),
        pytest.raises(UserError, match="another landing"),
        landing_lock(tmp_path, told.append, 0.3),
    ):
        pass
    assert told == ["waiting for another landing to end"]
    with landing_lock(tmp_path, told.append, 0.0):
        pass


def test_the_statements_create_every_table_only_if_it_is_missing():
    statements = create_statements()
    assert set(statements) == {"raw.events", "raw.clients", "raw.ad_spend", "raw.landed_files"}
    for table, statement in statements.items():
        assert statement.startswith(f"create table if not exists {table} ")
        assert "using delta" in statement


def test_each_kind_has_a_table_of_its_own_with_its_fields():
    assert {kind: records_table(kind) for kind in KINDS} == {
        "events": "raw.events",
        "clients": "raw.clients",
        "spend": "raw.ad_spend",
    }
    assert record_columns("spend")[:7] == (*SPEND_FIELDS, "extra")


def test_what_is_none_of_the_kinds_is_refused():
    with pytest.raises(UserError, match="'ad_spend' cannot be landed: choose one of events, "):
        checked_kind("ad_spend")
