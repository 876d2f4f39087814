"""The whole pipeline on real and on generated input, judged by the independent oracle."""

import os
import random
import re
import subprocess
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_code.lib import server
from dagster_code.lib.dbt import server_environment
from dagster_code.lib.settings import DBT_PROJECT_DIR
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
from tests.oracle.generate_spend import generate_spend

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
    # a random order of its own: its formats stay when the events change
    spend_rng = random.Random(SEED)
    files = write_files(generate_spend(SEED, 300), folder / "spend", spend_rng, 8, "spend")
    write_spend_as_parquet(folder / "spend" / "spend.parquet")
    paths = [(f"--{kind}", folder / kind) for kind in ("events", "clients", "spend")]
    result = home.run("run", *(argument for pair in paths for argument in pair))
    assert clients
    formats = {path.name.partition(".")[2] for path in files}
    assert formats >= {"jsonl", "jsonl.gz", "csv", "csv.gz"}
    assert "warned: spend_without_channel (staging.stg_ad_spend)" in result.stdout
    assert "raw.ad_spend: duplicate_record: " in result.stdout
    return events


def write_spend_as_parquet(path: Path) -> None:
    """Days, instants and numbers with types of their own."""
    table = pa.table(
        {
            "Date": pa.array([date(2024, 3, 1), date(2024, 3, 2), None]),
            "cost": pa.array([Decimal("10.005"), Decimal(0), Decimal(1)], pa.decimal128(12, 3)),
            "source": ["google", "adnet", "google"],
            "medium": ["cpc", "leaflet", "cpc"],
            "clicks": [3, None, 4],
        }
    )
    pq.write_table(table, path)


def expected_and_actual(home: Home, config: Config):
    records = [record_from_raw_row(row) for row in home.rows("select * from raw.events")]
    clients = [record_from_raw_row(row) for row in home.rows("select * from raw.clients")]
    spend = [record_from_raw_row(row) for row in home.rows("select * from raw.ad_spend")]
    expected = run(records, clients, RULES, config, spend)
    return records, expected, home.tables()


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


def test_every_dbt_unit_test_passes(home: Home, sample, tmp_path) -> None:
    state = server.ensure_running(home.settings, lambda _line: None)
    result = subprocess.run(
        [
            str(ATTRIBUTION.with_name("dbt")),
            "--no-use-colors",
            "test",
            "--select",
            "test_type:unit",
            "--project-dir",
            str(DBT_PROJECT_DIR),
            "--profiles-dir",
            str(DBT_PROJECT_DIR),
            "--target-path",
            str(tmp_path / "target"),
            "--log-path",
            str(tmp_path / "logs"),
        ],
        env={**os.environ, **server_environment(state.thrift_port)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    passed = re.search(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", result.stdout)
    assert passed, result.stdout
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


def test_every_record_and_every_cent_of_spend_is_accounted_for(home: Home, generated) -> None:
    counts = home.rows(
        "select (select count(*) from raw.ad_spend) as landed,"
        " (select count(*) from staging.stg_ad_spend) as staged,"
        " (select count(*) from staging.rejected_ad_spend) as rejected"
    )[0]
    assert counts["landed"] == counts["staged"] + counts["rejected"]
    assert min(counts.values()) > 0
    spent = home.rows("select sum(cost) as cost from staging.stg_ad_spend")[0]["cost"]
    by_channel = {row["channel"]: row for row in home.tables()["channel_performance"]}
    assert sum(row["cost"] for row in by_channel.values()) == spent
    assert by_channel["sky_writing"]["sessions"] == 0
    assert by_channel["sky_writing"]["cpa"] is None
    assert by_channel["sky_writing"]["roas"] == 0
    assert by_channel["unassigned"]["cost"] > 0


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
