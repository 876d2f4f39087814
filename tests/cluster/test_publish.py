"""The marts in a real PostgreSQL: the same rows, and never half of a publication."""

import dataclasses
import json
import threading
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from dagster_code.lib.answers import QUESTIONS
from dagster_code.lib.settings import LOOPBACK, SAMPLE_EVENTS, load_settings
from tests.cluster.conftest import PASSWORD
from tests.cluster.postgres import Postgres
from tests.increments.homes import DrivenHome
from tests.leaks import leaks

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

DATABASE = "bi"
# A NUL, which PostgreSQL's texts cannot hold; an id longer than an index entry; SQL; a formula.
HOSTILE = [
    {
        "event_id": f"hostile-{number}",
        "client_id": client_id,
        "event_time": f"2026-01-0{number + 1}T12:00:00.000001Z",
        "event_type": "purchase",
        "revenue": "10.01",
        "utm_source": "'; drop table marts.client_journeys; --",
        "utm_medium": "=HYPERLINK(1)",
    }
    for number, client_id in enumerate(["nul \x00 \\u0000 😀", "x" * 200_000, "=1+1'\";--"])
]


@pytest.fixture(scope="module")
def home(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrivenHome]:
    """A home after a run with the sample and what is hostile in it."""
    postgres.rows(f"create database {DATABASE}")
    folder = tmp_path_factory.mktemp("publishing")
    variables = {
        "ATTRIBUTION_HOME": str(folder / "home"),
        "ATTRIBUTION_DRIVER_MEMORY": "2g",
        "ATTRIBUTION_SETTLE_SECONDS": "0",
        "ATTRIBUTION_PUBLISH_URL": f"jdbc:postgresql://{LOOPBACK}:{postgres.port}/{DATABASE}",
        "ATTRIBUTION_PUBLISH_USER": postgres.user,
        "ATTRIBUTION_PUBLISH_PASSWORD": PASSWORD,
    }
    made = DrivenHome(load_settings(variables), variables)
    hostile = folder / "hostile.jsonl"
    hostile.write_text("".join(f"{json.dumps(one)}\n" for one in HOSTILE), encoding="utf-8")
    made.run("run", "--events", SAMPLE_EVENTS, "--events", hostile)
    yield made
    made.stop()


def published(postgres: Postgres, mart: str) -> list[tuple[object, ...]]:
    return postgres.rows(f'select * from marts."{mart}"', DATABASE)


def marts(home: DrivenHome) -> dict[str, Any]:
    return {
        name.removeprefix("marts."): table for name, table in home.read_tables(("marts",)).items()
    }


def test_a_run_publishes_every_mart_whole(home: DrivenHome, postgres: Postgres) -> None:
    tables = marts(home)
    assert len(tables) >= 10
    for name, table in tables.items():
        assert len(published(postgres, name)) == table.num_rows, name


def test_texts_keep_everything_but_nul(home: DrivenHome, postgres: Postgres) -> None:
    ids = {row[0] for row in postgres.rows("select client_id from marts.client_journeys", DATABASE)}
    expected = {one["client_id"].replace("\x00", "\ufffd") for one in HOSTILE}
    assert expected <= ids


def test_types_are_those_of_the_marts(home: DrivenHome, postgres: Postgres) -> None:
    kinds = dict(
        postgres.rows(
            "select column_name, data_type from information_schema.columns"
            " where table_schema = 'marts' and table_name = 'conversion_paths'",
            DATABASE,
        )
    )
    assert kinds["event_time"] == "timestamp with time zone"
    assert kinds["revenue"] == "numeric"
    assert kinds["touches"] == "jsonb"


def test_keys_are_unique_in_the_database(home: DrivenHome, postgres: Postgres) -> None:
    with pytest.raises(psycopg2.errors.UniqueViolation):
        postgres.rows(
            "insert into marts.client_journeys select * from marts.client_journeys limit 1",
            DATABASE,
        )


def test_nothing_new_sends_nothing(home: DrivenHome, postgres: Postgres) -> None:
    result = home.run("publish")
    ((tables,),) = postgres.rows("select count(*) from marts.attribution_published", DATABASE)
    assert result.stdout.count("nothing has changed") == tables > 10


def test_the_four_questions_are_answered_alike(home: DrivenHome, postgres: Postgres) -> None:
    assert len(QUESTIONS) == 4
    for question in QUESTIONS:
        here = [comparable(row.values()) for row in home.rows(question.sql)]
        there = [comparable(row) for row in postgres.rows(question.sql, DATABASE)]
        assert len(here) > 1
        # the sides sort texts, and ties, in ways of their own
        assert sorted(here, key=repr) == sorted(there, key=repr), question.name


def comparable(row: Iterable[object]) -> list[object]:
    """Numbers to the cent: an average has more places on one side than on the other."""
    return [round(Decimal(one), 2) if isinstance(one, (int, Decimal)) else one for one in row]


def test_without_the_events_their_table_is_gone_and_comes_back(
    home: DrivenHome, postgres: Postgres
) -> None:
    variables = {**home.variables, "ATTRIBUTION_PUBLISH_EVENTS": "no"}
    dataclasses.replace(home, variables=variables).run("publish")
    there = "select to_regclass('staging.stg_events'), to_regclass('marts.client_journeys')"
    ((events, journeys),) = postgres.rows(there, DATABASE)
    assert (events, journeys) == (None, "marts.client_journeys")
    home.run("publish")
    assert postgres.rows("select count(*) > 8000 from staging.stg_events", DATABASE) == [(True,)]


def test_a_reader_never_sees_half_and_a_changed_rule_changes_all_at_one_instant(
    home: DrivenHome, postgres: Postgres
) -> None:
    """Revenue of first and of last touch is the same before, meanwhile and after."""
    seen: list[tuple[object, ...]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.extend(
                postgres.rows(
                    "select (select sum(revenue) from marts.first_touch_attribution),"
                    " (select sum(revenue) from marts.last_touch_attribution),"
                    " (select count(*) from marts.conversion_paths),"
                    " (select count(*) from marts.last_touch_attribution)",
                    DATABASE,
                )
            )

    reader = threading.Thread(target=look)
    reader.start()
    try:
        purchase = {**HOSTILE[2], "event_id": "later", "event_time": "2026-01-09T12:00:00Z"}
        file = Path(home.settings.home) / "later.jsonl"
        file.write_text(f"{json.dumps(purchase)}\n", encoding="utf-8")
        home.run("run", "--events", file, "--vars", "{attribution_window_days: 3}")
    finally:
        stop.set()
        reader.join()
    assert len(set(seen)) == 2
    assert all(first == last and paths == count for first, last, paths, count in seen)
    assert len(seen) > 20


def test_the_password_is_shown_nowhere(home: DrivenHome) -> None:
    assert leaks(home, PASSWORD) == []


def test_a_wrong_password_is_one_line_and_is_not_shown(home: DrivenHome) -> None:
    variables = {**home.variables, "ATTRIBUTION_PUBLISH_PASSWORD": "wrong-secret"}
    other = dataclasses.replace(home, variables=variables)
    result = other.attribution("publish")
    assert result.returncode == 1
    assert "cannot be reached as attribution" in result.stderr
    assert "wrong-secret" not in result.stderr + result.stdout


def test_a_server_that_was_started_without_it_is_told(home: DrivenHome) -> None:
    plain = {key: value for key, value in home.variables.items() if "PUBLISH" not in key}
    home.run("down")
    dataclasses.replace(home, variables=plain).run("up")
    variables = {**home.variables, "ATTRIBUTION_PUBLISH_SCHEMA": "elsewhere"}
    other = dataclasses.replace(home, variables=variables)
    result = other.attribution("publish")
    assert result.returncode == 2
    assert "was started without ATTRIBUTION_PUBLISH_URL" in result.stderr
    other.run("down")
    other.run("publish")
