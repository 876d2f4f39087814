"""A lost server and a lost file are told apart from what a statement did wrong."""

import pytest

from dagster_code.lib.spark_errors import damage, is_gone, missing_class

FILE = "/home/a b/warehouse/staging.db/base_events/part-00000-1f.c000.zstd.parquet"


@pytest.mark.parametrize(
    "text",
    [
        f"[FAILED_READ_FILE.FILE_NOT_EXIST] Error while reading file file:{FILE}. File does not",
        f"[DELTA_FILE_NOT_FOUND_DETAILED] File file://{FILE} referenced in the transaction log",
        f"java.lang.RuntimeException: file:{FILE} is not a Parquet file. Expected magic number",
        f"Caused by: java.io.FileNotFoundException: File file:{FILE} does not exist",
    ],
)
def test_a_lost_file_is_told_with_its_table(text):
    told = damage(text.replace(" b/", "%20b/"))
    assert told is not None
    assert told.startswith(f"staging.base_events: the file {FILE} is lost or damaged; ")
    assert "\n" not in told
    assert not is_gone(text)


def test_a_session_that_the_server_has_ended_is_gone():
    assert is_gone("[INVALID_HANDLE.SESSION_CLOSED] The handle a3d is invalid. SQLSTATE: HY000")


def test_a_mistake_in_a_statement_is_no_damage():
    text = "[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found; see file:/a/b.sql"
    assert damage(text) is None
    assert not is_gone(text)


def test_an_object_s_name_is_kept():
    told = damage("[FAILED_READ_FILE.NO_HINT] s3a://warehouse/a/marts.db/paths/part-1.parquet.")
    assert told is not None
    assert told.startswith("marts.paths: the file s3a://warehouse/a/marts.db/paths/part-1.parquet ")


def test_a_class_that_the_server_has_not_is_named():
    told = "(java.lang.ClassNotFoundException) org.postgresql.Driver"
    assert missing_class(told) == "org.postgresql.Driver"
    trace = "Caused by: java.lang.ClassNotFoundException: org.postgresql.Driver\n\tat java.base"
    assert missing_class(trace) == "org.postgresql.Driver"
    assert missing_class("[TABLE_OR_VIEW_NOT_FOUND] marts.x") is None
