"""What the tables were last built from, so that a run with nothing new can leave them alone.

A build is complete when its models and its quality checks have succeeded. Until then the home
has no state, and the next run builds everything again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.files import write_atomically
from dagster_code.lib.landing.schema import KINDS, records_table
from dagster_code.lib.settings import Settings
from dagster_code.lib.upkeep import OPERATIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RAW_TABLES = tuple(records_table(kind) for kind in KINDS)
_RULE_SCHEMA = "seeds"


@dataclass(frozen=True)
class BuildInputs:
    """All that decides what is in the tables.

    Attributes:
        raw_versions: each raw table's identity and Delta version, like ``{"raw.events": "id@3"}``.
        project_checksum: digest of the dbt project's files.
        variables: the dbt variables, the project's defaults with the run's own over them.
    """

    raw_versions: Mapping[str, str]
    project_checksum: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class BuildState:
    """One build.

    Attributes:
        inputs: what it was built from.
        run_id: the Dagster run that built it.
        finished_at: when its checks had succeeded, ISO 8601 in UTC; ``None`` until then.
        rule_versions: the seeds' tables when it was complete, as ``rule_versions`` gave them.
        is_on_checked: whether the tables before it had passed the quality checks, so that only
            what it adds is new to them.
    """

    inputs: BuildInputs
    run_id: str
    finished_at: str | None = None
    rule_versions: Mapping[str, str] | None = None
    is_on_checked: bool = False


def raw_versions(spark: "SparkSession") -> dict[str, str]:
    """Read which state of the raw tables a build would see.

    Args:
        spark: a session on the home's server; the tables exist.
    """
    versions = {}
    for table in RAW_TABLES:
        versions[table] = row_version(spark, table)
    return versions


def row_version(spark: "SparkSession", table: str) -> str:
    """Read which rows a Delta table has: its id, and the commit that changed them last.

    The id, since a table dropped and made again counts from 0; of rows, since upkeep changes none.

    Args:
        spark: a session on the home's server.
        table: its name with its schema.

    Raises:
        ValueError: it is no Delta table.
    """
    detail = spark.sql(f"describe detail {table}").first()
    if detail is None:
        raise ValueError(f"{table} is no Delta table")
    return f"{detail['id']}@{_last_change(spark, table)}"


def _last_change(spark: "SparkSession", table: str) -> int:
    """The version of the newest commit that is no upkeep, else of the oldest one known."""
    history = spark.sql(f"describe history {table}").select("version", "operation")
    version = 0
    for commit in history.toLocalIterator():
        version = commit["version"]
        if commit["operation"] not in OPERATIONS:
            break
    return version


def rule_versions(spark: "SparkSession") -> dict[str, str]:
    """Read which state the seeds' tables are in, whoever wrote them last.

    Args:
        spark: a session on the home's server.

    Returns:
        Identity and time of the last commit (UTC) of each table, by its name.
    """
    if not spark.catalog.databaseExists(_RULE_SCHEMA):
        return {}
    versions = {}
    for row in spark.sql(f"show tables in {_RULE_SCHEMA}").toLocalIterator():
        table = f"{_RULE_SCHEMA}.{row['tableName']}"
        detail = spark.sql(f"describe detail {table}").first()
        if detail is not None:
            versions[table] = f"{detail['id']}@{detail['lastModified'].isoformat()}"
    return versions


def begin(settings: Settings, inputs: BuildInputs, run_id: str) -> None:
    """Note that a build has begun: from now on the tables belong to no complete build.

    Args:
        settings: whose home.
        inputs: what is being built.
        run_id: the Dagster run.
    """
    state = BuildState(inputs, run_id, is_on_checked=last_complete(settings) is not None)
    invalidate(settings)
    _write(_pending_path(settings), state)


def complete(settings: Settings, run_id: str, rules: Mapping[str, str]) -> bool:
    """Note that the models and the quality checks of a run have succeeded.

    Args:
        settings: whose home.
        run_id: the Dagster run; another run's build is not completed by it.
        rules: ``rule_versions`` of the tables that it has built.

    Returns:
        Whether there was a build of that run to complete.
    """
    state = _read(_pending_path(settings))
    if state is None or state.run_id != run_id:
        return False
    finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    _write(_complete_path(settings), BuildState(state.inputs, run_id, finished_at, rules))
    _pending_path(settings).unlink()
    return True


def invalidate(settings: Settings) -> None:
    """Forget the last build: the next run builds everything.

    Args:
        settings: whose home.
    """
    _complete_path(settings).unlink(missing_ok=True)
    _pending_path(settings).unlink(missing_ok=True)


def last_complete(settings: Settings) -> BuildState | None:
    """Read the build that the tables are, if it is complete.

    Args:
        settings: whose home.
    """
    return _read(_complete_path(settings))


def latest(settings: Settings) -> BuildState | None:
    """Read the build that the tables are or are becoming; ``None`` when that is unknown.

    Args:
        settings: whose home.
    """
    return _read(_pending_path(settings)) or last_complete(settings)


def variables_of_tables(settings: Settings) -> dict[str, Any]:
    """Give the dbt variables that the tables were built with, the project's own where unknown.

    Args:
        settings: whose home.
    """
    state = latest(settings)
    built_with = {} if state is None else state.inputs.variables
    # A build of an older project has no value for what was added since.
    return {**declared_variables(), **built_with}


def is_up_to_date(settings: Settings, inputs: BuildInputs) -> bool:
    """Tell whether a build from these inputs would change nothing.

    Args:
        settings: whose home.
        inputs: what a build would be made from now.
    """
    state = last_complete(settings)
    return state is not None and state.inputs == inputs


def has_same_rules(settings: Settings, inputs: BuildInputs, rules_now: Mapping[str, str]) -> bool:
    """Tell whether the tables of the rules are what the project's files would make of them.

    Args:
        settings: whose home.
        inputs: what a build would be made from now.
        rules_now: ``rule_versions`` as they are now.
    """
    state = last_complete(settings)
    return (
        state is not None
        and state.inputs.project_checksum == inputs.project_checksum
        and state.rule_versions == rules_now
    )


def _complete_path(settings: Settings) -> Path:
    return settings.home / "build_state.json"


def _pending_path(settings: Settings) -> Path:
    return settings.home / "build_pending.json"


def _write(path: Path, state: BuildState) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(state), indent=2, sort_keys=True))


def _read(path: Path) -> BuildState | None:
    """Read a state; one that is missing, cut off or of another version counts as none."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return BuildState(BuildInputs(**fields.pop("inputs")), **fields)
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None
