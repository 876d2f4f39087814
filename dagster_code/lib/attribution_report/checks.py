"""How each check went last, from Dagster's own history of the home."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster_code.lib.attribution_report.contract import CheckResult

if TYPE_CHECKING:
    import dagster as dg


def last_results(
    instance: "dg.DagsterInstance", specs: Iterable["dg.AssetCheckSpec"]
) -> list[CheckResult]:
    """Give the last result of each check that has one: what did not pass first, then by table.

    Args:
        instance: Dagster's history of the home.
        specs: the checks that there are.
    """
    results = list(_results(instance, {spec.key: spec for spec in specs}))
    return sorted(results, key=lambda result: (result["passed"], result["table"], result["name"]))


def _results(
    instance: "dg.DagsterInstance", specs: dict["dg.AssetCheckKey", "dg.AssetCheckSpec"]
) -> Iterator[CheckResult]:
    # A run with nothing new plans the checks and leaves them out: the last one that ended counts.
    summaries = instance.event_log_storage.get_asset_check_summary_records(list(specs))
    for key, summary in summaries.items():
        record = summary.last_completed_check_execution_record
        if record is None or record.event is None:
            continue
        entry = record.event.get_dagster_event()
        evaluation = entry.asset_check_evaluation_data
        at = datetime.fromtimestamp(record.event.timestamp, UTC)
        yield {
            "name": key.name,
            "table": ".".join(key.asset_key.path),
            "description": specs[key].description or "",
            "passed": evaluation.passed,
            "severity": evaluation.severity.value,
            "message": _seen(evaluation.description),
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _seen(description: str | None) -> str:
    """Keep what was seen: where to look is of this machine, and names its folders."""
    return (description or "").partition("\n")[0]
