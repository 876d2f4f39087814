"""Homes with a real Spark server, and the `attribution` command as a user calls it."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from dagster_code.lib import build_state, server
from dagster_code.lib.session import session_on
from dagster_code.lib.settings import Settings, load_settings
from tests.oracle import RawRecord, record_from_raw_row

ATTRIBUTION = Path(sys.executable).with_name("attribution")
# How long a busy machine may take before a test gives up: no measure of speed.
PATIENCE_SECONDS = 1800
TABLES = {
    "stg_events": "staging",
    "rejected_events": "staging",
    "stg_clients": "staging",
    "stg_ad_spend": "staging",
    "rejected_ad_spend": "staging",
    "first_touch_attribution": "marts",
    "last_touch_attribution": "marts",
    "conversion_paths": "marts",
    "client_journeys": "marts",
    "channel_performance": "marts",
    "attribution_explain": "marts",
    "multi_touch_attribution": "marts",
    "model_comparison": "marts",
    "unassigned_sources": "marts",
}


@dataclasses.dataclass(frozen=True)
class Raw:
    """What the raw tables held at a moment: more may have landed since."""

    events: list[RawRecord]
    clients: list[RawRecord]
    spend: list[RawRecord]


@dataclasses.dataclass(frozen=True)
class Home:
    """An ATTRIBUTION_HOME of its own, and how a user reaches it."""

    settings: Settings

    def attribution(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command in this home; its output is kept apart from the test's."""
        return subprocess.run(
            [str(ATTRIBUTION), *map(str, arguments)],
            env={
                **os.environ,
                "ATTRIBUTION_HOME": str(self.settings.home),
                "ATTRIBUTION_START_TIMEOUT_SECONDS": str(PATIENCE_SECONDS),
                "ATTRIBUTION_REPORT": "yes" if self.settings.writes_report else "no",
                "ATTRIBUTION_SAMPLE_ROWS": "yes" if self.settings.shows_sample_rows else "no",
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command and insist that it worked."""
        result = self.attribution(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def rows(self, sql: str) -> list[dict[str, object]]:
        """Read a result whole, with instants in UTC."""
        state = server.ensure_running(self.settings, lambda _line: None)
        with session_on(self.settings, state.connect_port) as spark:
            return [in_utc(row.asDict(recursive=True)) for row in spark.sql(sql).collect()]

    def raw(self) -> Raw:
        """Read all records that have landed so far."""
        return Raw(
            *(
                [record_from_raw_row(row) for row in self.rows(f"select * from raw.{table}")]
                for table in ("events", "clients", "ad_spend")
            )
        )

    def tables(self) -> dict[str, list[dict[str, object]]]:
        """Read every table that the contract names."""
        return {table: self.rows(f"select * from {s}.{table}") for table, s in TABLES.items()}


def in_utc(value: object) -> object:
    """Give every instant in a row its zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, dict):
        return {key: in_utc(item) for key, item in value.items()}
    if isinstance(value, list):
        return [in_utc(item) for item in value]
    return value


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home that the pipeline's own tests share, whose runs write the report."""
    yield from _home(tmp_path_factory, writes_report=True)


@pytest.fixture(scope="session")
def built_home(home: Home) -> Home:
    """The shared home with its marts, built by whichever test came first, the sample at least."""
    if build_state.last_complete(home.settings) is None:
        home.run("demo")
    return home


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home without any table."""
    yield from _home(tmp_path_factory)


@pytest.fixture(scope="module")
def mapped_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home without any table, whose runs show first rows to Dagster."""
    yield from _home(tmp_path_factory, shows_sample_rows=True)


@pytest.fixture(scope="module")
def backfill_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home without any table."""
    yield from _home(tmp_path_factory)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on an empty home's server, for tests that land by themselves."""
    for fresh in _home(tmp_path_factory):
        state = server.start(fresh.settings, lambda _line: None)
        # ends before its server: a session left open would complain at the very end of the run
        with session_on(fresh.settings, state.connect_port) as session:
            yield session


def _home(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    writes_report: bool = False,
    shows_sample_rows: bool = False,
) -> Iterator[Home]:
    settings = dataclasses.replace(
        load_settings(),
        home=tmp_path_factory.mktemp("home"),
        start_timeout_seconds=float(PATIENCE_SECONDS),
        writes_report=writes_report,
        shows_sample_rows=shows_sample_rows,
        thrift_port=None,
        connect_port=None,
        ui_port=None,
    )
    yield Home(settings)
    server.stop(settings)
