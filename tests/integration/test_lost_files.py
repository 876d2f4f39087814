"""Files of tables that are lost, cut off or old: told by name, and put back as the runbook says."""

import random
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dagster_code.lib.settings import PROJECT_ROOT
from tests.increments.homes import DrivenHome, Paths, run_arguments
from tests.increments.judge import oracle_differences
from tests.increments.parcels import write_parcel
from tests.increments.trial import Plan, parcels_of

pytestmark = [pytest.mark.integration, pytest.mark.repair]

PLAN = Plan(seed=20261129, drawn=40, copies=0, batches=4)
RUNBOOK = PROJECT_ROOT / "docs" / "runbook.md"


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> list[Paths]:
    rng = random.Random(PLAN.seed)
    folder = tmp_path_factory.mktemp("parcels")
    dealt = parcels_of(PLAN)[0][: PLAN.batches]
    return [write_parcel(parcel, folder / str(n), rng) for n, parcel in enumerate(dealt)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, parcels: list[Paths]) -> Iterator[DrivenHome]:
    """A home in which the first parcel has landed and is built."""
    made = DrivenHome.at(tmp_path_factory.mktemp("lost") / "home")
    made.run(*run_arguments(parcels[0], {}))
    yield made
    made.stop()


def newest_file(home: DrivenHome, table: str) -> Path:
    """The data file of the table that was written last and that it still has."""
    with home.session() as spark:
        files = [Path(uri.removeprefix("file:")) for uri in spark.table(table).inputFiles()]
    return max(files, key=lambda file: file.stat().st_mtime_ns)


def told_in_one_line(result: subprocess.CompletedProcess[str], table: str, file: Path) -> None:
    assert result.returncode != 0
    assert "Traceback" not in result.stdout + result.stderr
    (line,) = [one for one in result.stderr.splitlines() if one.startswith("attribution: error")]
    assert f"{table}: the file {file} is lost or damaged" in line


def problems(home: DrivenHome) -> list[str]:
    result = home.attribution("doctor")
    found = [line for line in result.stdout.splitlines() if line.startswith("problem ")]
    assert result.returncode == (1 if found else 0)
    return found


def assert_all_is_well(home: DrivenHome) -> None:
    tables = home.read_tables(("staging", "marts"))
    assert oracle_differences(home.raw(), tables, {}) == []
    assert problems(home) == []


def runbook_commands(section: str, values: Mapping[str, str]) -> list[list[str]]:
    """The commands of a section, each as its words, with values for its placeholders."""
    text = RUNBOOK.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {section}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    lines = [
        line
        for block in re.findall(r"```\n(.*?)```", body, re.DOTALL)
        for line in block.splitlines()
    ]
    for name, value in values.items():
        lines = [line.replace(name, value) for line in lines]
    return [shlex.split(line)[1:] for line in lines]


def test_lost_files_of_built_tables_are_named_and_made_anew(
    home: DrivenHome, parcels: list[Paths]
) -> None:
    lost = newest_file(home, "staging.base_events")
    lost.unlink()
    half = newest_file(home, "marts.client_journeys")
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    # what the driver has read of them would hide it
    home.stop()

    told_in_one_line(
        home.attribution("query", "select * from marts.client_journeys"),
        "marts.client_journeys",
        half,
    )
    assert [one.split()[1] for one in problems(home)] == [
        "staging.base_events",
        "marts.client_journeys",
    ]
    told_in_one_line(home.attribution(*run_arguments(parcels[1], {})), "staging.base_events", lost)
    home.run(*runbook_commands("A lost file", {})[0])
    assert_all_is_well(home)


def test_a_build_of_weeks_ago_is_still_compared_with(
    home: DrivenHome, parcels: list[Paths]
) -> None:
    with home.session() as spark:
        spark.sql(
            "alter table intermediate.int_conversions_attributed set tblproperties"
            " ('delta.deletedFileRetentionDuration' = 'interval 1 second')"
        )
    home.run(*run_arguments(parcels[2], {}))
    assert_all_is_well(home)


def test_a_lost_file_of_raw_is_named_and_lands_once_more(
    home: DrivenHome, parcels: list[Paths]
) -> None:
    with home.session() as spark:
        before = spark.sql("describe history raw.events limit 1").first()["version"]
    home.run(*run_arguments(parcels[3], {}))
    records = len(home.raw().events)
    lost = newest_file(home, "raw.events")
    lost.unlink()
    home.stop()

    told_in_one_line(home.attribution("run", "--full-refresh"), "raw.events", lost)
    assert [one.split()[1] for one in problems(home)] == ["raw.events"]
    folders = {path.parent for parcel in parcels for path in parcel["events"]}
    commands = runbook_commands("A lost file", {"VERSION": str(before), "FOLDER": "FOLDER"})
    *repairs, run_again = commands[1:]
    assert len(repairs) == 2
    for words in repairs:
        home.run(*words)
    assert run_again[-2:] == ["--events", "FOLDER"]
    offered = [word for folder in sorted(folders) for word in ("--events", str(folder))]
    home.run(*run_again[:-2], *offered)
    assert len(home.raw().events) == records
    assert_all_is_well(home)
