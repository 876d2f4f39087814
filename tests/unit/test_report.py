"""What a run prints, and when it counts as failed."""

import datetime as dt
import json
from dataclasses import dataclass
from types import SimpleNamespace

from dagster_code.lib.json_text import json_document
from dagster_code.lib.report import (
    Rejected,
    check_lines,
    failure_line,
    plan_document,
    plan_lines,
    rejected_file_lines,
    rejected_lines,
    run_document,
    run_lines,
)
from dagster_code.lib.style import use_colour

NOTHING = {
    "landed": [],
    "record_count": 0,
    "unreadable_count": 0,
    "skipped": [],
    "refused": [],
    "ignored": [],
    "growing": [],
    "notes": [],
}
CHECK = SimpleNamespace(name="nothing_lost", table="staging.stg_events", detail="observed 9")


def report(**changes):
    fields = {
        "run_id": "r1",
        "landings": {"events": NOTHING},
        "passed": 0,
        "warned": [],
        "failed": [],
        "errors": [],
        "built_count": 0,
        "up_to_date_since": None,
    }
    return SimpleNamespace(**(fields | changes))


def test_a_run_with_nothing_new_says_since_when_the_tables_are_up_to_date():
    text = "".join(run_lines(report(up_to_date_since="2026-01-02T03:04:05+00:00")))
    assert "Nothing new; tables are up to date since 2026-01-02T03:04:05+00:00" in text
    assert "Checks" not in text


def test_landed_files_and_records_are_counted():
    landing = NOTHING | {"landed": ["a", "b"], "record_count": 1234, "unreadable_count": 1}
    text = "".join(run_lines(report(landings={"events": landing}, built_count=12, passed=3)))
    assert "raw.events: 2 files, 1,234 records, 1 of them unreadable" in text
    assert "Checks: 3 passed, 0 warned, 0 failed" in text


def test_a_file_that_did_not_land_is_named_with_its_reason():
    landing = NOTHING | {"refused": [["a.gz", "broken"]], "growing": [["b.csv", "still growing"]]}
    text = "".join(run_lines(report(landings={"events": landing})))
    assert "refused: a.gz: broken" in text
    assert "not landed: b.csv: still growing" in text


def test_thousands_of_files_are_told_by_their_number():
    landing = NOTHING | {"skipped": [[f"{number}.csv", "known"] for number in range(2_000)]}
    text = "".join(run_lines(report(landings={"events": landing})))
    assert "skipped: and 1,990 more files" in text


def test_checks_that_did_not_pass_are_named():
    text = "".join(check_lines(5, [], [CHECK]))
    assert "Checks: 5 passed, 0 warned, 1 failed" in text
    assert "failed: nothing_lost (staging.stg_events): observed 9" in text


def test_rejected_records_are_counted_by_reason():
    counts = [
        {"raw_table": "raw.events", "reason": "invalid_revenue", "record_count": 1500},
        {"raw_table": "raw.ad_spend", "reason": "invalid_cost", "record_count": 1},
    ]
    text = "".join(rejected_lines(counts))
    assert "Rejected: 1,501 records" in text
    assert "raw.events: invalid_revenue: 1,500\n" in text
    assert "raw.ad_spend: invalid_cost: 1\n" in text


def test_a_plan_names_the_table_that_the_files_would_land_in():
    nothing = dict.fromkeys(("skipped", "refused", "ignored", "growing", "notes", "examples"), ())
    file = SimpleNamespace(source_file="ads.csv", format="csv")
    plan = SimpleNamespace(kind="spend", files=(file,), size_bytes=1_500_000, **nothing)
    assert "".join(plan_lines(plan)) == (
        "raw.ad_spend: 1 file would land, 1.5 MB\n    would land: ads.csv (csv)\n"
    )


def test_a_run_that_worked_has_no_failure():
    assert failure_line(report(warned=[CHECK])) is None


def test_everything_that_did_not_work_is_in_the_failure():
    landing = NOTHING | {"refused": [["a", "x"], ["b", "y"]], "growing": [["c", "z"]]}
    line = failure_line(
        report(errors=["dbt: broken"], failed=[CHECK], landings={"events": landing})
    )
    assert line == (
        "dbt: broken; checks failed: nothing_lost; 2 files refused; mend and offer again;"
        " 1 file still growing; run again when complete"
    )


def test_a_check_that_an_error_kept_from_running_has_not_failed():
    not_run = SimpleNamespace(name="rows_are_complete", detail="it could not be run, expected none")
    told = report(errors=["the Spark server went away"], failed=[CHECK, not_run])
    assert failure_line(told) == "the Spark server went away; checks failed: nothing_lost"
    assert failure_line(report(failed=[not_run])) == "checks failed: rows_are_complete"


def rejects(reason, file_count, position):
    return {
        "reason": reason,
        "source_file": "/in/a.csv",
        "landed_date": "2026-01-02",
        "rejected_count": 1_500,
        "record_count": 2_000,
        "example_position": position,
        "file_count": file_count,
    }


def test_rejected_events_are_told_with_the_file_and_the_place_of_the_first():
    text = "".join(rejected_file_lines([rejects("invalid_revenue", 1, 12)]))
    assert (
        "invalid_revenue: 1,500 of 2,000 records in /in/a.csv, landed on 2026-01-02,"
        " the first at 12\n" in text
    )
    assert "all of them" not in text


def test_more_files_with_rejects_than_are_told_are_pointed_to():
    text = "".join(rejected_file_lines([rejects("invalid_revenue", 2, 1)]))
    assert "all of them: select * from marts.rejected_events_summary" in text


def test_without_rejects_there_is_no_file_to_tell():
    assert list(rejected_file_lines([])) == []


def test_where_to_look_is_a_line_of_its_own():
    check = SimpleNamespace(name="a", table="b.c", detail="observed 1\nlook at it with: select 1")
    text = "".join(check_lines(0, [check], []))
    assert text.endswith("  warned: a (b.c): observed 1\n    look at it with: select 1\n")


def test_a_name_of_a_file_steers_no_terminal_and_stays_in_its_line():
    name = "a\nb\x1b[2J\u202e.csv"
    landing = NOTHING | {"refused": [[name, "no known column in its header (\x1b[2J)"]]}
    check = SimpleNamespace(name="c", table="t", detail=f"observed {name[2:]}\nlook")
    lines = "".join(run_lines(report(landings={"events": landing}, failed=[check]))).splitlines()
    assert r"    refused: a\nb\x1b[2J\u202e.csv: no known column in its header (\x1b[2J)" in lines
    assert r"  failed: c (t): observed b\x1b[2J\u202e.csv" in lines
    row = {
        "reason": "invalid_revenue",
        "rejected_count": 1,
        "record_count": 2,
        "source_file": name,
        "landed_date": "2026-01-01",
        "example_position": 1,
        "file_count": 1,
    }
    assert r" in a\nb\x1b[2J\u202e.csv, " in "".join(rejected_file_lines([row]))


@dataclass
class CheckLine:
    """As in the pipeline, which imports Dagster."""

    name: str
    table: str
    detail: str


REJECTED = Rejected(
    [{"raw_table": "raw.events", "reason": "invalid_revenue", "record_count": 5}],
    [{"reason": "invalid_revenue", "landed_date": dt.date(2026, 1, 2)}],
)


def test_the_document_of_a_run_tells_what_the_lines_tell():
    landing = NOTHING | {"landed": ["a"], "record_count": 7, "refused": [["b.gz", "broken"]]}
    check = CheckLine("nothing_lost", "staging.stg_events", "observed 9")
    told = report(landings={"events": landing}, built_count=12, passed=3, failed=[check])
    document = json.loads(json_document(run_document(told, REJECTED)))
    text = "".join(run_lines(told))
    assert document["landed"]["events"]["record_count"] == 7
    assert document["landed"]["events"]["refused"] == [{"file": "b.gz", "reason": "broken"}]
    assert document["checks"] == {
        "passed": 3,
        "warned": [],
        "failed": [{"name": "nothing_lost", "table": "staging.stg_events", "detail": "observed 9"}],
    }
    assert document["built_count"] == 12
    assert document["rejected"]["by_reason"][0]["record_count"] == 5
    assert document["rejected"]["by_file"][0]["landed_date"] == "2026-01-02"
    for value in ("7 records", "b.gz: broken", "nothing_lost", "Built 12"):
        assert value in text


def test_a_run_that_did_not_get_to_look_knows_of_no_rejected_records():
    assert run_document(report(errors=["dbt: x"]), None)["rejected"] is None


def test_the_document_of_a_plan_has_every_file():
    nothing = dict.fromkeys(("skipped", "refused", "ignored", "growing", "notes", "examples"), ())
    file = SimpleNamespace(source_file="ads.csv", format="csv", size_bytes=9)
    note = SimpleNamespace(path="old.csv", reason="has landed before")
    plan = SimpleNamespace(
        kind="spend", files=(file,), size_bytes=9, **(nothing | {"skipped": (note,)})
    )
    document = plan_document(plan)
    assert document["files"] == [{"file": "ads.csv", "format": "csv", "size_bytes": 9}]
    assert document["skipped"] == [{"file": "old.csv", "reason": "has landed before"}]


def test_what_failed_is_red_and_what_warned_is_yellow():
    use_colour(output=True, error=False)
    try:
        text = "".join(check_lines(3, [CHECK], [CHECK]))
    finally:
        use_colour(output=False, error=False)
    assert "\x1b[32m3 passed\x1b[0m" in text
    assert "\x1b[33mwarned\x1b[0m: nothing_lost" in text
    assert "\x1b[31mfailed\x1b[0m: nothing_lost" in text
