"""The whole pipeline on real and on generated input, judged by the independent oracle."""

import json
import os
import random
import re
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

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

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEED = 20261123
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")

# An id that would end a text in SQL, or a parameter in a shell.
QUOTED_CLIENT = """x' or '1'='1" \\ :client_id -- 😀"""
QUOTED = [
    {
        "event_id": f"quoted-{number}",
        "client_id": QUOTED_CLIENT,
        "event_time": f"2026-01-0{number}T12:00:00.000001Z",
        "event_type": event_type,
        **fields,
    }
    for number, (event_type, fields) in enumerate(
        [
            ("page_view", {"utm_source": "o'neill", "utm_medium": "email"}),
            ("purchase", {"revenue": "10.01", "order_id": 'o"1'}),
            ("purchase", {"revenue": "0.01"}),
        ],
        start=1,
    )
]


@pytest.fixture(scope="module")
def sample(home: Home):
    """The sample, landed and answered by `attribution demo`."""
    return home.run("demo")


@pytest.fixture(scope="module")
def generated(home: Home, sample, tmp_path_factory) -> list[Path]:
    """A few hundred generated histories on top of the sample, in files of several formats."""
    folder = tmp_path_factory.mktemp("generated")
    rng = random.Random(SEED)
    records = generate(SEED, 300, huge_revenue=True) + QUOTED
    events = write_files(records, folder / "events", rng, 7, "events")
    clients = write_files(generate_clients(SEED, records), folder / "clients", rng, 2, "clients")
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
