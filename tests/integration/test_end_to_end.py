"""The whole pipeline on real and on generated input, judged by the independent oracle."""

import dataclasses
import json
import os
import random
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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
    generate_clients,
    read_files,
    record_from_raw_row,
    records_from,
    run,
    smallest_client,
    write_files,
)
from tests.oracle.delivery import Delivered
from tests.oracle.generate import huge_purchases
from tests.oracle.models import MODELS, RULE_BASED
from tests.oracle.stories import stories
from tests.oracle.strategies import drawn
from tests.oracle.transforms import renamed, shifted, with_older_touch

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEED = 20261123
RULES = Rules.load(DBT_PROJECT_DIR / "seeds")

# What says who gets the credit.
CREDITS = {"first_touch_attribution", "last_touch_attribution", "multi_touch_attribution"}

# Drawn by Hypothesis; of the first ones copies are landed under other names.
CLIENT_COUNT = 2500
COPIED_COUNT = 150

# Crosses a clock change in spring and in autumn for some; nothing is later than today by it.
LATER = timedelta(days=10, hours=23, minutes=17, seconds=43, microseconds=7)

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
class Copies:
    """Clients whose history is that of another one, changed: copy -> original."""

    moved: Mapping[str, str]
    with_older_touch: Mapping[str, str]
    in_parts: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Generated:
    """What is landed on top of the sample, now and with the last run."""

    folder: Path
    events: list[Path]
    late_events: Path
    copies: Copies


@pytest.fixture(scope="module")
def sample(home: Home):
    """The sample, landed and answered by `attribution demo`."""
    return home.run("demo")


@pytest.fixture(scope="module")
def sample_tables(home: Home, sample) -> Tables:
    """The tables of the sample alone."""
    return home.tables()


@pytest.fixture(scope="module")
def generated(home: Home, sample_tables: Tables, tmp_path_factory) -> Generated:
    """Thousands of histories and their copies on top of the sample, in files of several formats."""
    folder = tmp_path_factory.mktemp("generated")
    rng = random.Random(SEED)
    drawn_histories = drawn(CLIENT_COUNT, SEED)
    originals, others = drawn_histories[:COPIED_COUNT], drawn_histories[COPIED_COUNT:]
    now, late, copies = copied(originals, rng)
    strangers = [record for history in others for record in history] + huge_purchases()
    now += [record for history in originals for record in history] + strangers
    events = write_files(now, folder / "events", rng, 9, "events")
    write_files(late, folder / "late", rng, 4, "late")
    # the originals and their copies are known from events alone
    write_files(generate_clients(SEED, strangers), folder / "clients", rng, 2, "clients")
    home.run("run", "--events", folder / "events", "--clients", folder / "clients")
    return Generated(folder, events, folder / "late", copies)


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
        generated.late_events,
        "--vars",
        json.dumps(dataclasses.asdict(OTHER_CONFIG)),
    )
    return home.tables()


def copied(
    originals: list[list[Delivered]], rng: random.Random
) -> tuple[list[Delivered], list[Delivered], Copies]:
    """The copies' records: those delivered now, those delivered late, and whose copy is whose."""
    now: list[Delivered] = []
    late: list[Delivered] = []
    copies = Copies({}, {}, {})
    for number, history in enumerate(originals):
        original = owner(history)
        moved = f"moved-{number}"
        now += shifted(renamed(history, moved), LATER)
        copies.moved[moved] = original
        older = f"older-{number}"
        with_touch = with_older_touch(renamed(history, older))
        if with_touch is not None:
            now += with_touch
            copies.with_older_touch[older] = original
        in_parts = f"in parts {number}"
        whole = renamed(history, in_parts)
        now += rng.sample(whole, len(whole) // 2)
        # what was not delivered, and all that was, again
        late += whole
        copies.in_parts[in_parts] = original
    return now, late, copies


def owner(history: list[Delivered]) -> str:
    """Whose history it is."""
    ids = (record.text("client_id") for record in records_from(history, datetime.now(UTC)))
    return next(one for one in ids if one is not None)


def assert_equal_to_the_oracle(home: Home, actual: Tables, config: Config) -> None:
    records = [record_from_raw_row(row) for row in home.rows("select * from raw.events")]
    clients = [record_from_raw_row(row) for row in home.rows("select * from raw.clients")]
    expected = run(records, clients, RULES, config)
    assert records
    found = {
        table: lines[:5]
        for table in expected
        if (lines := compare(table, expected[table], actual[table]))
    }
    assert not found, f"{found}\n{smallest_client(expected, actual, records)}"


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


def test_every_table_of_the_sample_equals_the_oracle(home: Home, sample_tables: Tables) -> None:
    assert_equal_to_the_oracle(home, sample_tables, Config())


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


def test_the_landing_loses_and_changes_nothing(home: Home, generated: Generated) -> None:
    landed = home.rows(
        f"select * from raw.events where source_file like '{generated.folder}/events/%'"
    )
    landed_at = landed[0]["landed_at"]

    def content(records):
        return Counter(
            (r.source_position, r.unreadable is None, *sorted(_present(r.fields))) for r in records
        )

    offered = content(read_files(generated.events, landed_at))
    assert content(map(record_from_raw_row, landed)) == offered


def _present(fields):
    # only a quoted empty field tells CSV's empty text from an absent one
    return [(name.strip().lower(), value) for name, value in fields.items() if value]


def test_every_table_of_generated_histories_equals_the_oracle(
    home: Home, generated_tables: Tables
) -> None:
    assert_equal_to_the_oracle(home, generated_tables, Config())


def test_other_clients_never_matter(sample_tables: Tables, generated_tables: Tables) -> None:
    clients = {str(row["client_id"]) for row in sample_tables["stg_clients"]}
    assert stories(sample_tables, clients) == stories(generated_tables, clients)


def test_another_name_and_another_time_give_the_same_story(
    generated: Generated, generated_tables: Tables
) -> None:
    assert_same_stories(generated.copies.moved, generated_tables, LATER)


def test_a_touch_older_than_the_window_changes_no_credit(
    generated: Generated, generated_tables: Tables
) -> None:
    copies = generated.copies.with_older_touch
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
    for number, path in enumerate(generated.events):
        copy = tmp_path / f"copy{number}{''.join(path.suffixes)}"
        copy.write_bytes(path.read_bytes())
    result = home.run("run", "--events", tmp_path)
    assert "up to date" in result.stdout + result.stderr
    assert home.rows("select count(*) as n from raw.events") == before


def test_other_variables_give_the_oracle_s_other_answers(home: Home, other_tables: Tables) -> None:
    assert_equal_to_the_oracle(home, other_tables, OTHER_CONFIG)


def test_delivery_in_parts_and_again_changes_nothing(
    generated: Generated, other_tables: Tables
) -> None:
    """Half of it landed a run earlier, all of it with this one, each time in another order."""
    assert_same_stories(generated.copies.in_parts, other_tables, without=("rejected_events",))
