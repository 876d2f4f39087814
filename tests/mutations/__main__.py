"""Builds the pipeline once for each deliberate mistake and says what caught it.

    python -m tests.mutations [NAME ...]

One server, one small landing full of boundaries, one `dbt run` a mistake; every table is compared
with the oracle. Exit code 1 if a mistake goes unnoticed, or its place in the text is gone.
"""

import argparse
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dagster_code.lib import server
from dagster_code.lib.dbt import executable, server_environment
from dagster_code.lib.landing.land import land
from dagster_code.lib.session import session_on
from dagster_code.lib.settings import DBT_PROJECT_DIR, Settings, load_settings
from tests.integration.conftest import Home
from tests.mutations.mutants import MUTANTS, Mutant, MutantNotFoundError
from tests.oracle import (
    RawRecord,
    Rules,
    compare,
    record_from_raw_row,
    run,
    smallest_client,
    write_files,
)
from tests.oracle.strategies import drawn, small_histories

SEED = 20261123
CLIENT_COUNT = 300
SHOWN_LINES = 14

Tables = Mapping[str, Sequence[Mapping[str, object]]]


@dataclasses.dataclass(frozen=True)
class Bench:
    """A server with the records landed, and what the tables should be."""

    home: Home
    thrift_port: int
    records: Sequence[RawRecord]
    expected: Tables

    def dbt(self, project_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt on a project; its artifacts stay apart from every other one's."""
        folders = ("--project-dir", "--profiles-dir")
        artifacts = self.home.settings.home / "mutants" / f"{project_dir.name}.artifacts"
        return subprocess.run(
            [
                executable(),
                "--no-use-colors",
                *arguments,
                *(part for folder in folders for part in (folder, str(project_dir))),
                "--target-path",
                str(artifacts),
                "--log-path",
                str(artifacts),
            ],
            env={**os.environ, **server_environment(self.thrift_port)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def failed_tests(self, project_dir: Path) -> list[str]:
        """The names of dbt's own unit tests that fail on the mutant."""
        self.dbt(project_dir, "test", "--select", "test_type:unit")
        artifacts = self.home.settings.home / "mutants" / f"{project_dir.name}.artifacts"
        results = json.loads((artifacts / "run_results.json").read_text(encoding="utf-8"))
        return sorted(
            ".".join(result["unique_id"].split(".")[2:])
            for result in results["results"]
            if result["status"] in ("fail", "error")
        )


def main() -> int:
    """Run what is asked for.

    Returns:
        0 if every mistake was noticed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mistakes")
    parser.add_argument("--list", action="store_true", help="name the mistakes")
    parser.add_argument("--home", type=Path, help="keep the landing and the server here")
    parser.add_argument("--dbt-tests", action="store_true", help="also ask dbt's own unit tests")
    options = parser.parse_args()
    unknown = set(options.names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        parser.error(f"there is no mutant {', '.join(sorted(unknown))}")
    chosen = [one for one in MUTANTS if not options.names or one.name in options.names]
    if options.list:
        _say(*(f"{one.name:22}{one.mistake}" for one in chosen))
        return 0
    if options.home is not None:
        return _hunt(chosen, _settings(options.home), options.dbt_tests)
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        try:
            return _hunt(chosen, settings, options.dbt_tests)
        finally:
            server.stop(settings)


def _settings(home: Path) -> Settings:
    return dataclasses.replace(
        load_settings(),
        home=home.absolute(),
        thrift_port=None,
        connect_port=None,
        ui_port=None,
        settle_seconds=0.0,
    )


def _hunt(mutants: Sequence[Mutant], settings: Settings, asks_dbt: bool) -> int:
    """Try every mutant, after the project itself has shown that it is right."""
    folder = settings.home / "mutants"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    bench = _bench(settings)
    seeded = bench.dbt(DBT_PROJECT_DIR, "seed")
    if seeded.returncode != 0:
        _say(seeded.stdout)
        return 1
    healthy = _verdict(bench, DBT_PROJECT_DIR)
    if healthy:
        _say("the project itself does not equal the oracle:", *healthy)
        return 1
    outcomes = [_outcome(bench, mutant, folder, asks_dbt) for mutant in mutants]
    caught = sum(outcomes)
    _say(f"{caught} of {len(mutants)} mistakes were noticed; {len(bench.records)} records")
    return 0 if caught == len(mutants) else 1


def _outcome(bench: Bench, mutant: Mutant, folder: Path, asks_dbt: bool) -> bool:
    """Whether the mutant was noticed; says by what."""
    started = time.monotonic()
    try:
        project_dir = mutant.project_with(DBT_PROJECT_DIR, folder)
    except MutantNotFoundError as error:
        _say(f"NOT FOUND  {error}")
        return False
    noticed = _verdict(bench, project_dir)
    verdict = "caught" if noticed else "SURVIVED"
    _say(f"{verdict:10} {mutant.name}: {mutant.mistake} ({time.monotonic() - started:.0f} s)")
    _say(*(f"    {line}" for line in noticed))
    if asks_dbt:
        _say(*(f"    dbt: {name}" for name in bench.failed_tests(project_dir)))
    return bool(noticed)


def _verdict(bench: Bench, project_dir: Path) -> list[str]:
    """What is wrong with the tables that a project builds; empty if nothing is."""
    built = bench.dbt(project_dir, "run")
    if built.returncode != 0:
        failures = [line for line in built.stdout.splitlines() if "rror" in line]
        return ["dbt run fails:", *failures[:SHOWN_LINES]]
    actual = bench.home.tables()
    lines = {table: compare(table, bench.expected[table], actual[table]) for table in actual}
    if not any(lines.values()):
        return []
    found = ", ".join(f"{table} ({len(its)})" for table, its in lines.items() if its)
    story = smallest_client(bench.expected, actual, bench.records).splitlines()
    # tables by channel have no client to show
    shown = story or [line for its in lines.values() for line in its]
    return [f"tables (differences): {found}", *shown[:SHOWN_LINES]]


def _bench(settings: Settings) -> Bench:
    """Land the histories, once a home, and ask the oracle."""
    rng = random.Random(SEED)
    histories = drawn(CLIENT_COUNT, SEED, small_histories())
    delivered = [record for history in histories for record in history]
    paths = write_files(delivered, settings.home / "input", rng, 2)
    state = server.ensure_running(settings, lambda _line: None)
    with session_on(settings, state.connect_port) as spark:
        land(spark, "events", paths, settings, lambda _line: None)
    home = Home(settings)
    records = [record_from_raw_row(row) for row in home.rows("select * from raw.events")]
    expected = run(records, [], Rules.load(DBT_PROJECT_DIR / "seeds"))
    return Bench(home, state.thrift_port, records, expected)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
