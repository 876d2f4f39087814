"""The whole pipeline on real and on generated input, judged by the independent oracle."""

import os
import random
import re
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.dbt import server_environment
from dagster_code.lib.rules import mistakes
from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.golden import Answers, load_cases, write_landing, wrong_answers
from tests.integration.conftest import ATTRIBUTION, Home
from tests.oracle import (
    Config,
    Rules,
    compare,
    generate,
    generate_clients,
    read_files,
    record_from_raw_row,
    run,
    smallest_client,
    write_files,
)
from tests.oracle.channels import Tags, channel_of

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEED = 20261123
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")


@pytest.fixture(scope="module")
def sample(home: Home):
    """The sample, landed and answered by `attribution demo`."""
    return home.run("demo")


@pytest.fixture(scope="module")
def generated(home: Home, sample, tmp_path_factory) -> list[Path]:
    """A few hundred generated histories on top of the sample, in files of several formats."""
    folder = tmp_path_factory.mktemp("generated")
    rng = random.Random(SEED)
    records = generate(SEED, 300, huge_revenue=True)
    events = write_files(records, folder / "events", rng, 7, "events")
    clients = write_files(generate_clients(SEED, records), folder / "clients", rng, 2, "clients")
    # the golden cases land along: a run of their own would cost minutes
    events.append(write_landing(folder / "events" / "golden.jsonl"))
    home.run("run", "--events", folder / "events", "--clients", folder / "clients")
    assert clients
    return events


def expected_and_actual(home: Home, config: Config):
    records = [record_from_raw_row(row) for row in home.rows("select * from raw.events")]
    clients = [record_from_raw_row(row) for row in home.rows("select * from raw.clients")]
    return records, run(records, clients, RULES, config), home.tables()


def assert_equal_to_the_oracle(home: Home, config: Config) -> None:
    records, expected, actual = expected_and_actual(home, config)
    assert records
    found = {
        table: lines[:5]
        for table in expected
        if (lines := compare(table, expected[table], actual[table]))
    }
    assert not found, f"{found}\n{smallest_client(expected, actual, records)}"


def test_every_table_of_the_sample_equals_the_oracle(home: Home, sample) -> None:
    assert_equal_to_the_oracle(home, Config())


def test_the_demo_prints_the_four_answers_and_the_checks(sample) -> None:
    for text in ("organic_search", "2114.00", "36696.00", "journey_length_days", "page_view"):
        assert text in sample.stdout, text


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
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_every_dbt_unit_test_passes(home: Home, sample, tmp_path) -> None:
    told = run_dbt(home, tmp_path, DBT_PROJECT_DIR, "test", "--select", "test_type:unit")
    passed = re.search(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", told)
    assert passed, told
    assert int(passed.group(1)) >= 20


def test_the_landing_loses_and_changes_nothing(home: Home, generated: list[Path]) -> None:
    landed = home.rows("select * from raw.events where source_file not like '%google_merchandise%'")
    landed_at = landed[0]["landed_at"]

    def content(records):
        return Counter(
            (r.source_position, r.unreadable is None, *sorted(_present(r.fields))) for r in records
        )

    offered = content(read_files(generated, landed_at))
    assert content(map(record_from_raw_row, landed)) == offered


def _present(fields):
    # only a quoted empty field tells CSV's empty text from an absent one
    return [(name.strip().lower(), value) for name, value in fields.items() if value]


def test_every_table_of_generated_histories_equals_the_oracle(home: Home, generated) -> None:
    assert_equal_to_the_oracle(home, Config())


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
    credits = None
    marts = {row["tableName"] for row in home.rows("show tables in marts")}
    if "multi_touch_attribution" in marts:
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


def test_the_same_files_under_other_names_land_nothing(home: Home, generated, tmp_path) -> None:
    before = home.rows("select count(*) as n from raw.events")
    for number, path in enumerate(generated):
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


def test_other_variables_give_the_oracle_s_other_answers(home: Home, generated) -> None:
    home.run(
        "run",
        "--vars",
        "{attribution_window_days: 7, session_timeout_minutes: 10, max_path_touches: 2,"
        " outside_window_channel: direct}",
    )
    assert_equal_to_the_oracle(
        home,
        Config(
            attribution_window_days=7,
            session_timeout_minutes=10,
            max_path_touches=2,
            outside_window_channel="direct",
        ),
    )
