"""The whole pipeline on real and on generated input, judged by the independent oracle."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.dbt import run_target_dir, server_environment
from dagster_code.lib.rules import mistakes
from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.golden import Answers, load_cases, wrong_answers
from tests.integration.conftest import ATTRIBUTION, PATIENCE_SECONDS, Home, Raw
from tests.integration.generated_input import (
    COPIED_COUNT,
    LATER,
    QUOTED_CLIENT,
    GeneratedFiles,
    write_generated,
)
from tests.oracle import (
    Config,
    Rules,
    compare,
    read_files,
    record_from_raw_row,
    run,
    smallest_client,
)
from tests.oracle.channels import Tags, channel_of
from tests.oracle.models import MODELS, RULE_BASED
from tests.oracle.stories import stories
from tests.plans import EVENT_SIZED, event_sized_exchanges

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RULES = Rules.load(DBT_PROJECT_DIR / "seeds")

# What says who gets the credit.
CREDITS = {"first_touch_attribution", "last_touch_attribution", "multi_touch_attribution"}

OTHER_CONFIG = Config(
    attribution_window_days=7,
    session_timeout_minutes=10,
    max_path_touches=2,
    outside_window_channel="direct",
    position_based_first_percent=30,
    position_based_last_percent=10,
    time_decay_half_life_days=3,
)

Tables = dict[str, list[dict[str, object]]]


@dataclasses.dataclass(frozen=True)
class Sample:
    """What `attribution demo` printed, landed, and built by which SQL."""

    stdout: str
    raw: Raw
    models: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Generated:
    """What was landed on top of the sample, what the run printed, all that had landed then."""

    files: GeneratedFiles
    told: str
    raw: Raw


@pytest.fixture(scope="module")
def sample(home: Home) -> Sample:
    """The sample, landed and answered by `attribution demo`."""
    result = home.run("demo")
    return Sample(result.stdout, home.raw(), compiled_models(home))


@pytest.fixture(scope="module")
def sample_tables(home: Home, sample) -> Tables:
    """The tables of the sample alone."""
    return home.tables()


@pytest.fixture(scope="module")
def generated(home: Home, sample_tables: Tables, tmp_path_factory) -> Generated:
    """Thousands of histories on top of the sample."""
    files = write_generated(tmp_path_factory.mktemp("generated"), sample_tables["stg_events"])
    paths = [(f"--{kind}", files.folder / kind) for kind in ("events", "clients", "spend")]
    result = home.run("run", *(argument for pair in paths for argument in pair))
    formats = {path.name.partition(".")[2] for path in files.spend}
    assert formats >= {"jsonl", "jsonl.gz", "csv", "csv.gz"}
    assert "warned: spend_without_channel (staging.stg_ad_spend)" in result.stdout
    assert "raw.ad_spend: duplicate_record: " in result.stdout
    # the rules have not changed since the sample
    assert "built base_events " in result.stderr
    assert "built channel_rules " not in result.stderr
    return Generated(files, result.stdout, home.raw())


@pytest.fixture(scope="module")
def generated_tables(home: Home, generated: Generated) -> Tables:
    """The tables of all that was landed first."""
    return home.tables()


@pytest.fixture(scope="module")
def other_tables(home: Home, generated_tables: Tables, generated: Generated) -> Tables:
    """The tables by other variables, after the late records have landed as well."""
    home.run(
        "run",
        "--events",
        generated.files.late_events,
        "--vars",
        json.dumps(dataclasses.asdict(OTHER_CONFIG)),
    )
    return home.tables()


def compiled_models(home: Home) -> dict[str, str]:
    """The SQL of the last build, by model."""
    compiled = run_target_dir(home.settings) / "compiled" / "attribution" / "models"
    files = [path for path in compiled.rglob("*.sql") if path.parent.suffix != ".yml"]
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def assert_equal_to_the_oracle(raw: Raw, actual: Tables, config: Config) -> None:
    expected = run(raw.events, raw.clients, RULES, config, raw.spend)
    assert raw.events
    found = {
        table: lines[:5]
        for table in expected
        if (lines := compare(table, expected[table], actual[table]))
    }
    assert not found, f"{found}\n{smallest_client(expected, actual, raw.events)}"


def assert_same_stories(
    copies: Mapping[str, str],
    tables: Tables,
    later: timedelta = timedelta(0),
    without: tuple[str, ...] = (),
) -> None:
    """Every copy's rows are its original's, but for the name and the time."""
    told = stories(tables, copies.keys(), later, without)
    originals = stories(tables, set(copies.values()), without=without)
    differing = [one for one, original in copies.items() if told[one] != originals[original]]
    assert len(copies) >= COPIED_COUNT // 2
    assert any(told.values())
    if differing:
        smallest = min(differing, key=lambda one: sum(map(len, told[one].values())))
        assert (smallest, told[smallest]) == (smallest, originals[copies[smallest]])


def test_every_table_of_the_sample_equals_the_oracle(sample: Sample, sample_tables: Tables) -> None:
    assert_equal_to_the_oracle(sample.raw, sample_tables, Config())


def test_the_demo_prints_the_four_answers_and_the_checks(sample) -> None:
    for text in ("organic_search", "2,114.00", "36,696.00", "journey_length_days", "page_view"):
        assert text in sample.stdout, text


def test_events_are_exchanged_once_and_of_them_touches_once_more(
    home: Home, sample: Sample
) -> None:
    models = sample.models

    def planned(sql: str) -> str:
        return "".join(home.rows(f"explain {sql}")[0].values())

    plans = {name: planned(sql) for name, sql in models.items() if "build_log" not in name}

    def exchanged(tables: Iterable[str]) -> dict[str, int]:
        counts = {name: event_sized_exchanges(plan, tables) for name, plan in plans.items()}
        return {name: count for name, count in counts.items() if count}

    assert exchanged(EVENT_SIZED) == {"base_events": 1}
    # touches only, of clients who bought and of those who did not
    assert exchanged([*EVENT_SIZED, "intermediate.int_attribution_events"]) == {
        "base_events": 1,
        "int_purchaser_timelines": 1,
        "int_unconverted_paths": 1,
    }
    sql = models["base_events"]
    again = sql.replace("from deduplicated", "from deduplicated distribute by event_id")
    assert again != sql
    assert event_sized_exchanges(planned(again)) > 1


def run_dbt(home: Home, folder: Path, project: Path, *arguments: str) -> str:
    """Run dbt on the home's server, beside the pipeline, and give what it printed."""
    state = server.ensure_running(home.settings, lambda _line: None)
    result = subprocess.run(
        [
            str(ATTRIBUTION.with_name("dbt")),
            "--no-use-colors",
            *arguments,
            "--project-dir",
            str(project),
            "--profiles-dir",
            str(project),
            "--target-path",
            str(folder / "target"),
            "--log-path",
            str(folder / "logs"),
        ],
        env={**os.environ, **server_environment(state.thrift_port)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_every_dbt_unit_test_passes(home: Home, sample, tmp_path) -> None:
    told = run_dbt(home, tmp_path, DBT_PROJECT_DIR, "test", "--select", "test_type:unit")
    passed = re.search(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", told)
    assert passed, told
    assert int(passed.group(1)) >= 20


def test_the_landing_loses_and_changes_nothing(home: Home, generated: Generated) -> None:
    landed = home.rows(
        f"select * from raw.events where source_file like '{generated.files.folder}/events/%'"
    )
    landed_at = landed[0]["landed_at"]

    def content(records):
        return Counter(
            (r.source_position, r.unreadable is None, *sorted(_present(r.fields))) for r in records
        )

    offered = content(read_files(generated.files.events, landed_at))
    assert content(map(record_from_raw_row, landed)) == offered


def _present(fields):
    # only a quoted empty field tells CSV's empty text from an absent one
    return [(name.strip().lower(), value) for name, value in fields.items() if value]


def test_every_table_of_generated_histories_equals_the_oracle(
    generated: Generated, generated_tables: Tables
) -> None:
    assert_equal_to_the_oracle(generated.raw, generated_tables, Config())


def test_an_increment_warns_of_its_ids_that_another_client_has(
    sample_tables: Tables, generated: Generated, generated_tables: Tables
) -> None:
    clients = defaultdict(set)
    for event in generated_tables["stg_events"]:
        clients[event["event_id"]].add(event["client_id"])
    before = {(event["event_id"], event["client_id"]) for event in sample_tables["stg_events"]}
    new = {
        event_id
        for event_id, owners in clients.items()
        if {(event_id, owner) for owner in owners} - before
    }
    shared = {event_id for event_id in new if len(clients[event_id]) > 1}
    assert shared & {event["event_id"] for event in sample_tables["stg_events"]}
    told = (
        f"event_id_under_several_clients (staging.stg_events): observed {len(shared)}, expected 0"
    )
    assert f"warned: {told}" in generated.told


def test_other_clients_never_matter(sample_tables: Tables, generated_tables: Tables) -> None:
    clients = {str(row["client_id"]) for row in sample_tables["stg_clients"]}
    assert stories(sample_tables, clients) == stories(generated_tables, clients)


def test_another_name_and_another_time_give_the_same_story(
    generated: Generated, generated_tables: Tables
) -> None:
    assert_same_stories(generated.files.copies.moved, generated_tables, LATER)


def test_a_touch_older_than_the_window_changes_no_credit(
    generated: Generated, generated_tables: Tables
) -> None:
    copies = generated.files.copies.with_older_touch
    assert len(copies) >= COPIED_COUNT // 2
    for table in CREDITS:
        expected, actual = (
            [row for row in generated_tables[table] if row["client_id"] in names]
            for names in (set(copies.values()), copies.keys())
        )
        # whom no campaign ever reached was direct, and is no longer
        kept = {table: [row for row in expected if row["attribution_status"] != "direct"]}
        times = {(row["client_id"], row["event_time"]) for row in kept[table]}
        same, other = [], []
        for row in actual:
            is_kept = (copies[str(row["client_id"])], row["event_time"]) in times
            (same if is_kept else other).append(row)
        told = stories({table: same}, copies.keys())
        originals = stories(kept, set(copies.values()))
        assert kept[table]
        assert other
        assert told == {one: originals[original] for one, original in copies.items()}
        assert {row["attribution_status"] for row in other} == {"outside_window"}
        assert len(actual) == len(
            [row for one in copies.values() for row in expected if row["client_id"] == one]
        )


def test_revenue_in_is_revenue_out(generated_tables: Tables) -> None:
    tables = generated_tables
    total = sum(row["revenue"] or Decimal(0) for row in tables["stg_events"])
    assert total > 0
    for table in ("first_touch_attribution", "last_touch_attribution", "conversion_paths"):
        assert sum(row["revenue"] for row in tables[table]) == total, table
    assert sum(row["total_revenue"] for row in tables["client_journeys"]) == total
    by_channel = tables["channel_performance"]
    left_out = sum(row["unattributed_revenue"] for row in by_channel)
    for model in ("first_touch", "last_touch"):
        attributed = sum(row["attributed_revenue"] for row in tables[f"{model}_attribution"])
        assert attributed == sum(row[f"{model}_revenue"] for row in by_channel)
        assert attributed + left_out == total, model
    assert_models_conserve(tables, total)


def assert_models_conserve(tables: Tables, total: Decimal) -> None:
    """Every model gives away each conversion once and all revenue, or says what it left out."""
    conversions = tables["last_touch_attribution"]
    shared = {(row["client_id"], row["event_time"]): row for row in conversions}
    given: dict[tuple[object, object, object], Decimal] = defaultdict(Decimal)
    for row in tables["multi_touch_attribution"]:
        given[row["client_id"], row["event_time"], row["model"]] += row["attributed_revenue"]
    assert len(given) == len(conversions) * len(RULE_BASED)
    assert all(
        amount == shared[client_id, event_time]["attributed_revenue"]
        for (client_id, event_time, _), amount in given.items()
    )
    for model in MODELS:
        own = [row for row in tables["model_comparison"] if row["model"] == model]
        assert sum(row["revenue"] + row["unattributed_revenue"] for row in own) == total, model
        assert sum(row["conversions"] for row in own) == pytest.approx(len(conversions)), model


def test_every_record_and_every_cent_of_spend_is_accounted_for(
    home: Home, generated_tables: Tables
) -> None:
    counts = home.rows(
        "select (select count(*) from raw.ad_spend) as landed,"
        " (select count(*) from staging.stg_ad_spend) as staged,"
        " (select count(*) from staging.rejected_ad_spend) as rejected"
    )[0]
    assert counts["landed"] == counts["staged"] + counts["rejected"]
    assert min(counts.values()) > 0
    spent = home.rows("select sum(cost) as cost from staging.stg_ad_spend")[0]["cost"]
    by_channel = {row["channel"]: row for row in generated_tables["channel_performance"]}
    assert sum(row["cost"] for row in by_channel.values()) == spent
    assert by_channel["sky_writing"]["sessions"] == 0
    assert by_channel["sky_writing"]["cpa"] is None
    assert by_channel["sky_writing"]["roas"] == 0
    assert by_channel["unassigned"]["cost"] > 0


def test_every_golden_case_is_answered_as_expected(home: Home, generated) -> None:
    events = home.rows(
        "select client_id, event_time, event_id, channel, session_number, is_session_evidence,"
        " is_touch from staging.stg_events where client_id like 'golden-%'"
    )
    conversions = home.rows(
        "select client_id, event_time, l.attribution_status, f.channel as first_channel,"
        " l.channel as last_channel from marts.first_touch_attribution as f"
        " join marts.last_touch_attribution as l using (client_id, event_time)"
        " where client_id like 'golden-%'"
    )
    credits = home.rows(
        "select client_id, model, touch_at, channel, weight, attributed_revenue"
        " from marts.multi_touch_attribution where client_id like 'golden-%'"
    )
    assert wrong_answers(load_cases(), Answers(events, conversions, credits)) == []


def test_every_row_bears_the_rule_that_decided_it_and_one_version(home: Home, generated) -> None:
    rows = home.rows(
        "select distinct e.channel, e.channel_rule_rank, r.channel as rule_channel, e.rule_version"
        " from staging.stg_events as e left join staging.stg_channel_rules as r"
        " using (channel_rule_rank)"
    )
    ruled = [row for row in rows if row["channel_rule_rank"] is not None]
    assert {row["channel"] for row in ruled} >= {rule.channel for rule in RULES.channel_rules}
    assert [row for row in ruled if row["channel"] != row["rule_channel"]] == []
    assert re.fullmatch("[0-9a-f]{12}", "".join({str(row["rule_version"]) for row in rows}))
    explained = home.rows(
        "select distinct channel, channel_rule_rank, channel_rule from marts.attribution_explain"
    )
    words = {row["channel_rule"] for row in explained if row["channel_rule_rank"] is None}
    assert words == {"no marketing evidence", "no rule matched", "channel given by the sender"}
    assert all(row["channel_rule"] for row in explained)


def test_a_suggested_line_gives_the_channel_that_it_promises(
    home: Home, generated, tmp_path
) -> None:
    rows = home.rows("select * from marts.unassigned_sources where suggested_rule is not null")
    assert {row["suggested_file"] for row in rows} == {"channel_rules.csv", "source_categories.csv"}
    all_pasted = paste(tmp_path / "all", {(r["suggested_file"], r["suggested_rule"]) for r in rows})
    assert mistakes(all_pasted) == []
    for number, row in enumerate(rows):
        line = (row["suggested_file"], row["suggested_rule"])
        rules = Rules.load(paste(tmp_path / str(number), {line}))
        given = channel_of(Tags(row["source"], row["medium"]), rules)
        assert (row, given) == (row, row["suggested_channel"])


def paste(folder: Path, lines: set[tuple[str, str]]) -> Path:
    """The shipped seeds with further lines at their ends."""
    shutil.copytree(DBT_PROJECT_DIR / "seeds", folder)
    for file, line in sorted(lines):
        with (folder / file).open("a", encoding="utf-8") as handle:
            handle.write(f"{line}\n")
    return folder


def explained(home: Home, *arguments: object) -> dict[str, object]:
    """What `explain` says of a client, as data."""
    result = home.run("explain", "--format", "json", "--", *arguments)
    return json.loads(result.stdout, parse_float=Decimal)


@pytest.mark.parametrize("status", ["marketing", "direct", "outside_window"])
def test_a_conversion_of_each_status_is_explained(home: Home, generated, status) -> None:
    (chosen,) = home.rows(
        "select client_id, date_format(event_time, 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX') as event_time"
        f" from marts.conversion_paths where attribution_status = '{status}' and revenue > 0"
        " order by marketing_touch_count desc, client_id, event_time limit 1"
    )
    where = (
        f"where client_id = '{chosen['client_id']}'"
        f" and event_time = timestamp '{chosen['event_time']}'"
    )
    (conversion,) = explained(home, chosen["client_id"], chosen["event_time"])["conversions"]
    assert conversion["attribution_status"] == status
    decided = home.rows(
        "select touch_event_id, decision from marts.attribution_explain"
        f" {where} order by touch_at, touch_event_id"
    )
    assert [(touch["touch_event_id"], touch["decision"]) for touch in conversion["touches"]] == [
        tuple(row.values()) for row in decided
    ]
    assert all(touch["rule"] for touch in conversion["touches"])
    given = home.rows(
        f"select model, attributed_revenue from marts.multi_touch_attribution {where}"
    )
    told = [
        (credit["model"], credit["attributed_revenue"])
        for item in (*conversion["touches"], *conversion["other_credits"])
        for credit in item["credits"]
    ]
    assert Counter(told) == Counter(tuple(row.values()) for row in given)
    assert [total["revenue"] for total in conversion["totals"]] == [conversion["revenue"]] * 5
    text = home.run("explain", "--", chosen["client_id"], chosen["event_time"]).stdout
    assert f"  status   {status}: " in text
    assert text.count("\nConversion ") == 1


def test_an_id_full_of_quotes_is_explained(home: Home, generated) -> None:
    story = explained(home, QUOTED_CLIENT)
    assert story["client_id"] == QUOTED_CLIENT
    assert [row["revenue"] for row in story["conversions"]] == [Decimal("10.01"), Decimal("0.01")]
    touch = story["conversions"][0]["touches"][0]
    assert (touch["source"], touch["decision"]) == ("o'neill", "credited")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody' or true --"], "there is no client"),
        ([QUOTED_CLIENT, "2026-01-02T12:00:00Z"], "has no conversion at that instant"),
        ([QUOTED_CLIENT, "soon"], "is no time"),
        (["no purchase"], "no conversion to explain"),
    ],
)
def test_nothing_to_explain_is_one_line(home: Home, generated, arguments, message) -> None:
    if arguments == ["no purchase"]:
        arguments = [
            row["client_id"]
            for row in home.rows(
                "select client_id from staging.stg_clients where purchase_count = 0 and"
                " event_count > 0 order by client_id limit 1"
            )
        ]
    result = home.attribution("explain", "--", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr.splitlines()[-1]


def test_rejected_events_are_summed_up_by_reason_file_and_day(home: Home, generated) -> None:
    rejects = home.rows("select * from staging.rejected_events")
    landed = home.rows("select source_file, landed_at from raw.events")
    files = Counter((row["source_file"], row["landed_at"].date()) for row in landed)
    counts = Counter(
        (row["reason"], row["source_file"], row["landed_at"].date()) for row in rejects
    )
    places = {(row["source_sha256"], row["source_position"]): row["reason"] for row in rejects}
    summary = home.rows("select * from marts.rejected_events_summary")
    assert len(summary) > 10
    assert {
        (row["reason"], row["source_file"], row["landed_date"]): row["rejected_count"]
        for row in summary
    } == counts
    for row in summary:
        assert row["record_count"] == files[row["source_file"], row["landed_date"]]
        assert row["rejected_share"] == row["rejected_count"] / row["record_count"]
        example = row["example_source_sha256"], row["example_position"]
        assert places[example] == row["reason"]


def test_the_newest_day_of_the_sample_is_like_the_days_before_it(sample) -> None:
    assert "_in_range" not in sample.stdout


def test_the_brief_s_four_queries_run_as_they_stand(home: Home, generated) -> None:
    by_channel = home.rows(
        "select channel, sum(attributed_revenue) as revenue, count(distinct client_id) as clients"
        " from marts.first_touch_attribution group by channel"
    )
    journeys = home.rows(
        "select journey_length_days, count(*) as client_count, avg(total_revenue)"
        " from marts.client_journeys group by journey_length_days"
    )
    events = home.rows(
        "select event_type, channel, count(*) as event_count from staging.stg_events"
        " group by event_type, channel"
    )
    both = home.rows(
        "select f.channel as first_channel, l.channel as last_channel, count(*) as conversions"
        " from marts.first_touch_attribution as f join marts.last_touch_attribution as l"
        " using (client_id, event_time) group by f.channel, l.channel"
    )
    conversions = home.rows("select count(*) as n from marts.conversion_paths")[0]["n"]
    purchases = home.rows("select sum(revenue) as r from staging.stg_events")[0]["r"]
    lost = home.rows(
        "select sum(revenue) as r from marts.first_touch_attribution where channel = 'unattributed'"
    )[0]["r"]
    assert sum((row["revenue"] for row in by_channel), Decimal(0)) + (lost or 0) == purchases
    assert sum(row["client_count"] for row in journeys) == len(
        {row["client_id"] for row in home.rows("select client_id from marts.conversion_paths")}
    )
    assert {row["event_type"] for row in events} == {"page_view", "purchase"}
    assert sum(row["conversions"] for row in both) == conversions


def test_the_same_files_under_other_names_land_nothing(
    home: Home, generated: Generated, tmp_path
) -> None:
    before = home.rows("select count(*) as n from raw.events")
    for number, path in enumerate(generated.files.events):
        copy = tmp_path / f"copy{number}{''.join(path.suffixes)}"
        copy.write_bytes(path.read_bytes())
    result = home.run("run", "--events", tmp_path)
    assert "up to date" in result.stdout + result.stderr
    assert home.rows("select count(*) as n from raw.events") == before


def test_a_line_in_a_seed_is_a_channel_and_another_version(home: Home, generated, tmp_path) -> None:
    flyers = (
        "select distinct channel, channel_rule_rank, rule_version from staging.stg_events"
        " where client_id like 'golden-%' and source = 'flyer' and medium = 'print'"
    )
    (before,) = home.rows(flyers)
    project = tmp_path / "dbt_spark"
    shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    with (project / "seeds" / "channel_rules.csv").open("a", encoding="utf-8") as rules:
        rules.write("7000,street_handout,^flyer$,,,,handed out in the street\n")
    assert mistakes(project / "seeds") == []
    models = ("channel_rules", "base_channel_lookup", "stg_rule_version")
    # the next run builds with other variables, hence everything from the project's own seeds
    without = ("--exclude-resource-type", "test", "unit_test")
    run_dbt(home, tmp_path, project, "build", "--select", *models, *without)
    (after,) = home.rows(flyers)
    assert (before["channel"], before["channel_rule_rank"]) == ("unassigned", None)
    assert (after["channel"], after["channel_rule_rank"]) == ("street_handout", 7000)
    assert before["rule_version"] != after["rule_version"]


def test_other_variables_give_the_oracle_s_other_answers(home: Home, other_tables: Tables) -> None:
    assert_equal_to_the_oracle(home.raw(), other_tables, OTHER_CONFIG)


def test_delivery_in_parts_and_again_changes_nothing(
    generated: Generated, other_tables: Tables
) -> None:
    """Half of it landed a run earlier, all of it with this one, each time in another order."""
    assert_same_stories(generated.files.copies.in_parts, other_tables, without=("rejected_events",))
