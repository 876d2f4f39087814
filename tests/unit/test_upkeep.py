"""When upkeep pays, decided from what Delta says of a table. No Spark."""

from dataclasses import replace

import pytest

from dagster_code.lib import upkeep
from dagster_code.lib.commands.arguments import checked_retention
from dagster_code.lib.commands.tend import keep_up
from dagster_code.lib.errors import RunFailedError, ServerError, UserError
from dagster_code.lib.settings import load_settings
from dagster_code.lib.upkeep import (
    MIN_FILES_SAVED,
    SMALL_FILE_BYTES,
    TARGET_FILE_BYTES,
    TableFiles,
    TablePlan,
    TableUpkeep,
    files_of,
    plan_table,
    reason_to_compact,
    reason_to_lengthen,
    reason_to_purge,
    retention_of,
    upkeep_table,
)

TIDY = TableFiles(file_count=3, size_bytes=3 * TARGET_FILE_BYTES, small_file_count=0, small_bytes=0)
RETENTION = "delta.deletedFileRetentionDuration"


def small(count, size_bytes=1024, **known):
    return TableFiles(count, count * size_bytes, count, count * size_bytes, **known)


def detail(count, size_bytes, **properties):
    return {"numFiles": count, "sizeInBytes": size_bytes, "properties": properties}


def test_a_tidy_table_is_left_alone():
    assert reason_to_purge(TIDY) is None
    assert reason_to_compact(TIDY) is None
    assert reason_to_lengthen(TIDY, 168) is None
    assert TablePlan("raw.events", TIDY).reasons == {}


def test_an_empty_table_is_left_alone():
    assert reason_to_purge(small(0)) is None
    assert reason_to_compact(small(0)) is None


def test_small_files_are_compacted_when_enough_of_them_go():
    assert reason_to_compact(small(MIN_FILES_SAVED)) is None
    told = reason_to_compact(small(MIN_FILES_SAVED + 1))
    assert told == f"{MIN_FILES_SAVED + 1} files below 32 MiB"


def test_what_compaction_leaves_does_not_call_for_it_again():
    # Its files hold at least the target less a small one; one of each folder may stay small.
    left = replace(small(1), file_count=8, size_bytes=7 * TARGET_FILE_BYTES)
    assert reason_to_compact(left) is None


def test_files_of_different_partitions_are_never_made_one():
    assert reason_to_compact(small(90, partition_count=90)) is None
    assert reason_to_compact(small(90, partition_count=30)) is not None


def test_files_that_are_nearly_large_fill_several():
    # 20 files of 30 MiB make 5 of 128 MiB, not 1.
    almost = small(20, size_bytes=30 * 1024**2)
    assert reason_to_compact(almost) is not None
    assert reason_to_compact(replace(almost, small_file_count=12)) is None


@pytest.mark.parametrize(("deleted", "reason"), [(10, None), (11, "11% of the stored rows")])
def test_deleted_rows_are_purged_above_a_tenth(deleted, reason):
    told = reason_to_purge(replace(TIDY, deleted_rows=deleted, row_count=100 - deleted))
    assert told is None if reason is None else told.startswith(reason)


def test_a_table_whose_rows_are_all_deleted_is_purged():
    assert reason_to_purge(replace(TIDY, deleted_rows=5, row_count=0)) is not None


@pytest.mark.parametrize(
    ("own", "wanted", "is_lengthened"),
    [
        (168, 168, False),
        (168, 720, True),
        (720, 168, False),
        (720, 400, False),
        # Someone has shortened it by hand: the default leaves that alone, a longer wish does not.
        (24, 168, False),
        (24, 200, True),
        # Written in a way that is not read here: not touched.
        (None, 720, False),
    ],
)
def test_a_retention_is_only_ever_lengthened(own, wanted, is_lengthened):
    told = reason_to_lengthen(replace(TIDY, retention_hours=own), wanted)
    assert (told is not None) is is_lengthened


@pytest.mark.parametrize(
    ("properties", "hours"),
    [
        ({}, 168),
        ({RETENTION: "interval 1 week"}, 168),
        ({RETENTION: "interval 2 days"}, 48),
        ({RETENTION: "INTERVAL 720 HOURS"}, 720),
        ({RETENTION: "30 days"}, 720),
        ({RETENTION: "interval 1 week 2 days"}, None),
    ],
)
def test_a_tables_own_retention_is_read(properties, hours):
    assert retention_of(properties) == hours


def test_small_files_are_counted_in_deltas_histogram():
    bounds = [0, SMALL_FILE_BYTES // 2, SMALL_FILE_BYTES, TARGET_FILE_BYTES]
    checksum = {
        "numDeletedRecordsOpt": 7,
        "fileSizeHistogram": {
            "sortedBinBoundaries": bounds,
            "fileCounts": [4, 3, 2, 1],
            "totalBytes": [40, 30, 20, 10],
        },
    }
    assert files_of(detail(10, 100), checksum) == TableFiles(10, 100, 7, 70, deleted_rows=7)


def test_the_limit_is_one_that_the_histogram_knows():
    # Delta's own bounds around it, as in its .crc files: 4 MiB apart.
    assert SMALL_FILE_BYTES == 33554432


@pytest.mark.parametrize("checksum", [None, {"numDeletedRecordsOpt": None}])
def test_without_a_histogram_the_average_decides(checksum):
    assert files_of(detail(10, 1000), checksum) == TableFiles(10, 1000, 10, 1000)
    large = 2 * SMALL_FILE_BYTES
    assert files_of(detail(2, 2 * large), checksum) == TableFiles(2, 2 * large, 0, 0)


def test_things_are_done_in_an_order_that_spares_work():
    plan = TablePlan("a.b", TIDY, purge="p", compact="c", lengthen="l", vacuum="v")
    assert list(plan.reasons) == ["purge", "optimize", "lengthen", "vacuum"]


def test_a_table_that_is_left_alone_is_told_too():
    plans = [TablePlan("raw.events", small(2)), TablePlan("raw.clients", small(9), compact="why")]
    names, kinds, rows = plan_table(plans)
    assert len(names) == len(kinds) == len(rows[0])
    assert rows[0][3:] == ("-", "-")
    assert rows[1][3:] == ("optimize", "why")
    done = [TableUpkeep("raw.events", ("optimize",), 24, 1, 2 * 1024**2, 1024**2, 0, 0, 1.25)]
    names, kinds, rows = upkeep_table(done)
    assert len(names) == len(kinds) == len(rows[0])
    assert rows[0] == ("raw.events", "optimize", 24, 1, "2.0 MiB", "1.0 MiB", 0, "0.0 MiB", "1.2")


class FakeLock:
    """Notes whether a write was settled."""

    def __init__(self):
        self.settled = None

    def writing(self, settled):
        self.settled = settled
        return self

    def __enter__(self):
        return None

    def __exit__(self, *_error):
        return None


def test_a_lost_server_is_no_settled_write(monkeypatch):
    monkeypatch.setattr(upkeep, "plan_upkeep", lambda *_arguments: [])
    lock, told = FakeLock(), []
    assert upkeep.keep_up(None, lock, 168, told.append) == []
    assert told == ["nothing to do"]
    # Its statement may run on, so the next writer has to restart it.
    assert not issubclass(ServerError, lock.settled)
    assert issubclass(RunFailedError, lock.settled)


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path), "HOME": str(tmp_path)})


def test_the_retention_is_a_week_unless_set(settings):
    assert settings.vacuum_retention_hours == 168
    assert checked_retention(settings, None) is settings
    assert checked_retention(settings, 720).vacuum_retention_hours == 720


@pytest.mark.parametrize("hours", [-1, 0, 167, 721])
def test_a_retention_that_delta_holds_unsafe_is_refused(settings, hours):
    with pytest.raises(UserError, match=f"--retention-hours {hours}: give 168 to 720"):
        checked_retention(settings, hours)


@pytest.mark.parametrize("text", ["24", "1000", "a week"])
def test_so_is_one_in_the_environment(tmp_path, text):
    with pytest.raises(UserError, match="ATTRIBUTION_VACUUM_RETENTION_HOURS"):
        load_settings({"ATTRIBUTION_VACUUM_RETENTION_HOURS": text, "HOME": str(tmp_path)})


def test_upkeep_does_not_wait_for_a_writer(settings, monkeypatch):
    monkeypatch.setattr(
        "dagster_code.lib.commands.tend.other_writer", lambda _settings: "a run (pid 1)"
    )
    with pytest.raises(RunFailedError, match=r"a run \(pid 1\) writes to"):
        keep_up(settings, print)
    assert not (settings.home / "server").exists()
