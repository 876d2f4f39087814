"""What a run would build, and why, told before anything is done.

The build itself decides the same way, in the dbt project (``macros/scope.sql``), and keeps what it
decided in ``builds.build_scope``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_code.lib.report import counted
from dagster_code.lib.style import heading

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG = "builds.build_log"
_ALL = "all tables anew"
_ATTRIBUTION = "channels, attribution and marts anew"


@dataclass(frozen=True)
class LastBuild:
    """The last complete build.

    Attributes:
        code_version: digest of the models and macros.
        event_facts: what the tables of events were built with, variables among it.
        attribution_facts: likewise all that follows from channels.
    """

    code_version: str
    event_facts: Mapping[str, Any]
    attribution_facts: Mapping[str, Any]


def read_last_build(spark: "SparkSession") -> LastBuild | None:
    """Read what the tables were last built with; ``None`` before the first complete build.

    Args:
        spark: a session on the home's server.
    """
    if not spark.catalog.tableExists(_LOG):
        return None
    rows = spark.sql(f"select * from {_LOG} order by build_number desc limit 1").toLocalIterator()
    for row in rows:
        return LastBuild(
            row["code_version"],
            json.loads(row["events_fingerprint"]),
            json.loads(row["attribution_fingerprint"]),
        )
    return None


@dataclass(frozen=True)
class Wanted:
    """What a run would be made from.

    Attributes:
        is_full_refresh: whether it was asked for.
        code_version: digest of the models and macros as they are now.
        variables: the dbt variables, the project's defaults with the run's own over them.
        is_unfinished: whether the last build, or the checks of its tables, did not end.
        is_project_edited: whether any file of the dbt project differs from the last build's.
        is_landed_more: whether more has landed than the last build has seen.
        new_file_count: files that the run would land.
    """

    is_full_refresh: bool
    code_version: str
    variables: Mapping[str, Any]
    is_unfinished: bool
    is_project_edited: bool
    is_landed_more: bool
    new_file_count: int


def plan_of_build(reasons: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Say what would be built and why, one line each.

    Args:
        reasons: as ``reasons_to_build`` gave them.
    """
    yield heading("Would build") + "\n"
    yield from (f"  {what}: {why}\n" for what, why in reasons)
    if not reasons:
        yield "  nothing: the tables are up to date\n"


def reasons_to_build(last: LastBuild | None, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Find what would be built, and why.

    Args:
        last: the last complete build.
        wanted: what the run would be made from.

    Yields:
        What, and the reason; nothing where the tables are up to date.
    """
    if wanted.is_full_refresh:
        yield _ALL, "a full refresh is asked for"
        return
    if last is None:
        yield _ALL, "there is no complete build yet"
        return
    if last.code_version != wanted.code_version:
        yield _ALL, "the models or macros of the dbt project have changed"
        return
    if wanted.is_unfinished:
        yield "what was left undone, and all checks", "the last build or its checks did not end"
    changed = {
        what: list(_changes(facts, wanted.variables))
        for what, facts in ((_ALL, last.event_facts), (_ATTRIBUTION, last.attribution_facts))
    }
    for what, changes in changed.items():
        if changes:
            yield what, ", ".join(changes)
            break
    else:
        if wanted.is_project_edited:
            yield (
                "what the edited files of the dbt project concern",
                "rules are compared by content; a changed rule makes its tables anew",
            )
    if wanted.new_file_count:
        what = counted(wanted.new_file_count, "new file")
        yield "the clients and times concerned, in every table", f"{what} to land"
    elif wanted.is_landed_more:
        yield (
            "the clients and times concerned, in every table",
            "records landed since the last build",
        )


def _changes(facts: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if name in facts and facts[name] != value:
            yield f"{name} changed from {facts[name]} to {value}"
