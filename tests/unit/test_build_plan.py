"""What a dry run says would be built."""

from dataclasses import replace

import pytest

from dagster_code.lib.build_plan import LastBuild, Wanted, plan_of_build, reasons_to_build

LAST = LastBuild(
    "c0de",
    {"session_timeout_minutes": 30, "code": "c0de"},
    {"attribution_window_days": 30, "session_timeout_minutes": 30},
)
WANTED = Wanted(
    is_full_refresh=False,
    code_version="c0de",
    variables={"session_timeout_minutes": 30, "attribution_window_days": 30, "trailing_days": 28},
    is_unfinished=False,
    is_project_edited=False,
    is_landed_more=False,
    new_file_count=0,
)


def told(last, **changes):
    title, *lines = plan_of_build(list(reasons_to_build(last, replace(WANTED, **changes))))
    assert title == "Would build\n"
    return [line.strip() for line in lines]


def test_nothing_new_builds_nothing():
    assert told(LAST) == ["nothing: the tables are up to date"]


@pytest.mark.parametrize(
    ("last", "changes", "why"),
    [
        (None, {}, "there is no complete build yet"),
        (LAST, {"is_full_refresh": True}, "a full refresh is asked for"),
        (LAST, {"code_version": "other"}, "the models or macros of the dbt project have changed"),
        (
            LAST,
            {"variables": {**WANTED.variables, "session_timeout_minutes": 10}},
            "session_timeout_minutes changed from 30 to 10",
        ),
    ],
    ids=["first", "asked", "code", "sessions"],
)
def test_what_concerns_events_rebuilds_everything(last, changes, why):
    assert told(last, **changes) == [f"all tables anew: {why}"]


def test_what_concerns_attribution_leaves_the_events():
    changed = {**WANTED.variables, "attribution_window_days": 7}
    assert told(LAST, variables=changed) == [
        "channels, attribution and marts anew: attribution_window_days changed from 30 to 7"
    ]


def test_a_variable_that_decides_no_table_rebuilds_nothing():
    assert told(LAST, variables={**WANTED.variables, "trailing_days": 7}) == [
        "nothing: the tables are up to date"
    ]


def test_new_files_concern_their_clients():
    assert told(LAST, new_file_count=1) == [
        "the clients and times concerned, in every table: 1 new file to land"
    ]
    assert told(LAST, is_landed_more=True) == [
        "the clients and times concerned, in every table: records landed since the last build"
    ]


def test_a_build_that_did_not_end_is_told_and_nothing_is_said_to_have_landed():
    assert told(LAST, is_unfinished=True) == [
        "what was left undone, and all checks: the last build or its checks did not end"
    ]


def test_edited_rules_are_named():
    assert told(LAST, is_project_edited=True)[0].startswith("what the edited files")
