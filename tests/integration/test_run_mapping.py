"""Files of every other form in one home: each event as expected of it, and nothing twice."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.answers import QUESTIONS
from dagster_code.lib.landing.land import land
from dagster_code.lib.mapping.mapping import load_mapping, shipped_mappings
from dagster_code.lib.session import session_on
from tests.forms import FORMS, comparable, expected_events, sample_files
from tests.integration.conftest import Home

pytestmark = pytest.mark.integration

# What a source and medium of the sample files mean; without them the referrer decides.
CHANNELS = {
    ("google", "cpc"): "paid_search",
    ("bing", "cpc"): "paid_search",
    ("facebook", "paid_social"): "paid_social",
    ("newsletter", "email"): "email",
    ("partner-one", "affiliate"): "affiliates",
}
REFERRERS = {
    "https://www.google.com/": "organic_search",
    "https://chatgpt.com/": "ai_assistant",
    "https://blog.reviews.example.org/best-of": "referral",
}


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample files, one of them with a line that was cut off."""
    folder = tmp_path_factory.mktemp("forms") / "forms"
    shutil.copytree(FORMS, folder)
    with (folder / "segment/events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"type": "page", "messageId": "cut\n')
    return folder


def land_form(home: Home, folder: Path, form: str):
    state = server.ensure_running(home.settings, lambda _line: None)
    with session_on(home.settings, state.connect_port) as spark:
        paths = [folder / form]
        return land(spark, "events", paths, home.settings, lambda _: None, load_mapping(form))


@pytest.fixture(scope="module")
def landed(mapped_home: Home, delivery: Path):
    """All forms in one home: three landed, the fourth by the command, which builds as well."""
    reports = {
        form: land_form(mapped_home, delivery, form)
        for form in shipped_mappings()
        if form != "snowplow_tsv"
    }
    ran = mapped_home.attribution(
        "run", "--mapping", "snowplow_tsv", "--events", delivery / "snowplow_tsv"
    )
    return reports, ran


def test_the_command_tells_what_a_mapping_kept_and_left_out(landed):
    _, ran = landed
    assert ran.returncode == 0, ran.stdout + ran.stderr
    kept = len(expected_events("snowplow_tsv"))
    assert f"raw.events: 1 file, {kept} records\n" in ran.stdout
    assert f"mapping snowplow_tsv: mapped: {kept} records: page_view " in ran.stdout
    assert "mapping snowplow_tsv: left out by the mapping: " in ran.stdout


def test_every_mapped_event_is_staged_as_expected_of_it(landed, mapped_home):
    columns = "client_id, event_id, event_time, event_type, platform, user_id, order_id, revenue"
    staged = mapped_home.rows(f"select {columns}, page_url from staging.stg_events")
    names = [*columns.split(", "), "page_url"]
    wanted = [
        {name: event[name] for name in names if name in event}
        for form in shipped_mappings()
        for event in map(comparable, expected_events(form))
    ]

    def key(row):
        return row["client_id"], row["event_id"]

    assert sorted(map(comparable, staged), key=key) == sorted(wanted, key=key)


def test_channels_follow_from_the_mapped_tags_and_referrers(landed, mapped_home):
    rows = mapped_home.rows("select client_id, event_id, channel from staging.stg_events")
    channels = {(row["client_id"], row["event_id"]): row["channel"] for row in rows}
    seen = Counter()
    for form in shipped_mappings():
        for event in expected_events(form):
            tags = event.get("utm_source"), event.get("utm_medium")
            by_referrer = REFERRERS.get(str(event.get("referrer")), "direct")
            wanted = CHANNELS[tags] if any(tags) else by_referrer
            # an app's campaign is in no column of Snowplow's: nothing tells it
            assert channels[event["client_id"], event["event_id"]] == wanted, event
            seen[wanted] += 1
    assert set(seen) == {*CHANNELS.values(), *REFERRERS.values(), "direct"}


def test_a_line_that_cannot_be_read_is_rejected_with_its_place(landed, mapped_home, delivery):
    rejected = mapped_home.rows(
        "select reason, record, source_file, source_position from staging.rejected_events"
    )
    path = delivery / "segment/events.jsonl"
    line_count = len(path.read_text(encoding="utf-8").splitlines())
    assert rejected == [
        {
            "reason": "unreadable_record",
            "record": '{"type": "page", "messageId": "cut',
            "source_file": str(path),
            "source_position": line_count,
        }
    ]


def test_raw_knows_the_foreign_files_and_their_lines(landed, mapped_home):
    rows = mapped_home.rows("select source_file, source_position, extra from raw.events")
    assert {Path(row["source_file"]).name for row in rows} == {
        path.name for form in shipped_mappings() for path in sample_files(form)
    }
    assert len({(row["source_file"], row["source_position"]) for row in rows}) == len(rows)
    assert any(row["extra"] and row["extra"].get("country") == "Germany" for row in rows)


def test_the_four_questions_have_answers(landed, mapped_home):
    for question in QUESTIONS:
        assert len(mapped_home.rows(question.sql)) > 2, question.title
    assert mapped_home.rows(
        "select count(*) as n from marts.first_touch_attribution as f"
        " inner join marts.last_touch_attribution as l using (client_id, event_time)"
        " where f.channel <> l.channel"
    ) != [{"n": 0}]


@pytest.mark.parametrize("form", shipped_mappings())
def test_the_same_files_bring_nothing_new(landed, mapped_home, delivery, form):
    before = mapped_home.rows("select count(*) as n, max(batch) as batch from raw.events")
    again = land_form(mapped_home, delivery, form)
    assert (again.batch, again.record_count, again.notes) == (None, 0, ())
    assert len(again.skipped) == len(sample_files(form))
    assert mapped_home.rows("select count(*) as n, max(batch) as batch from raw.events") == before


def test_a_file_of_another_form_is_refused_and_nothing_lands(landed, mapped_home, delivery):
    path = delivery / "other.jsonl"
    path.write_text('{"client_id": "c", "event_time": "2026-01-01"}\n', encoding="utf-8")
    ran = mapped_home.attribution("run", "--mapping", "segment", "--events", path, "--dry-run")
    assert ran.returncode == 0
    assert f"refused: {path}: not of the form segment: no record with type and messageId" in (
        ran.stdout
    )
