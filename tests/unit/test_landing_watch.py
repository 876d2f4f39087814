"""The landing folder as the sensor sees it."""

import os

from dagster_code.lib.landing_watch import observe

NOW = 1_700_000_000.0


def place(path, age_seconds, content="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    os.utime(path, (NOW - age_seconds, NOW - age_seconds))


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    seen = observe(tmp_path / "none", 2.0, NOW)
    assert (seen.file_count, seen.digest, seen.is_settled) == (0, "", True)


def test_a_file_just_written_is_not_settled(tmp_path):
    place(tmp_path / "events" / "old.csv", 100)
    place(tmp_path / "events" / "new.csv", 1)
    seen = observe(tmp_path, 2.0, NOW)
    assert not seen.is_settled
    assert seen.newest == "events/new.csv"


def test_an_untouched_folder_keeps_its_digest(tmp_path):
    place(tmp_path / "events" / "a.csv", 100)
    assert observe(tmp_path, 2.0, NOW) == observe(tmp_path, 2.0, NOW + 60)


def test_every_change_changes_the_digest(tmp_path):
    path = tmp_path / "events" / "a.csv"
    digests = []
    for age, content in ((100, "x"), (90, "x"), (90, "xy")):
        place(path, age, content)
        digests.append(observe(tmp_path, 2.0, NOW).digest)
    path.rename(path.with_name("b.csv"))
    digests.append(observe(tmp_path, 2.0, NOW).digest)
    assert len(set(digests)) == 4


def test_hidden_files_are_left_out(tmp_path):
    place(tmp_path / "events" / ".part", 1)
    place(tmp_path / ".staging" / "a.csv", 1)
    assert observe(tmp_path, 2.0, NOW).file_count == 0


def test_a_half_copied_file_does_not_hold_the_others_back(tmp_path):
    place(tmp_path / "events" / "a.csv", 100)
    place(tmp_path / "events" / "b.csv.part", 1)
    place(tmp_path / "events" / "_success", 1)
    seen = observe(tmp_path, 2.0, NOW)
    assert (seen.file_count, seen.is_settled) == (1, True)
