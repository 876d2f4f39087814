"""What a run did, in lines for a person and as a document for a program.

No Spark, no Dagster: plain values in, text and plain values out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dagster_code.lib.dbt import NOT_RUN
from dagster_code.lib.landing.schema import records_table
from dagster_code.lib.style import bad, good, heading, warning
from dagster_code.lib.terminal import printable

if TYPE_CHECKING:
    from dagster_code.lib.landing.report import LandingPlan
    from dagster_code.lib.pipeline import CheckLine, RunReport

# What can happen to an offered file other than landing, as it is told.
_OUTCOMES = {
    "skipped": "skipped",
    "ignored": "left out",
    "growing": "not landed",
    "refused": "refused",
    "notes": "note",
}
# Those that keep a run from being all well, and those that only ask for a look.
_BAD, _DOUBTFUL = ("refused",), ("growing",)
# A landing of thousands of files is told by numbers.
_LISTED_FILES = 10


@dataclass(frozen=True)
class Rejected:
    """What of a home is in the ``rejected_`` tables of staging.

    Attributes:
        by_reason: ``raw_table``, ``reason`` and ``record_count``, the most frequent first.
        by_file: of ``marts.rejected_events_summary``, with ``file_count`` of the reason.
    """

    by_reason: Sequence[Mapping[str, Any]]
    by_file: Sequence[Mapping[str, Any]]


def run_lines(report: "RunReport") -> Iterator[str]:
    """Tell what landed, what was built and how the checks went.

    Args:
        report: of the run.
    """
    yield heading("Landed") + "\n"
    for table, landing in report.landings.items():
        yield from landing_lines(table, landing)
    if report.up_to_date_since is not None:
        yield f"\nNothing new; tables are up to date since {report.up_to_date_since}\n"
        return
    yield f"\n{heading('Built')} {counted(report.built_count, 'table')} and views\n"
    yield from check_lines(report.passed, report.warned, report.failed)


def landing_lines(table: str, landing: Mapping[str, Any]) -> Iterator[str]:
    """Tell what happened to the files offered for one raw table.

    Args:
        table: ``events``, ``clients`` or ``ad_spend``.
        landing: the landing's report, as in its metadata.
    """
    landed = landing["landed"]
    records = counted(landing["record_count"], "record")
    unreadable = landing["unreadable_count"]
    note = f", {unreadable} of them unreadable" if unreadable else ""
    yield f"  raw.{table}: {counted(len(landed), 'file')}, {records}{note}\n"
    for outcome in _OUTCOMES:
        for name, reason in landing[outcome][:_LISTED_FILES]:
            yield f"    {_told(outcome)}: {printable(name)}: {printable(reason)}\n"
        rest = len(landing[outcome]) - _LISTED_FILES
        if rest > 0:
            yield f"    {_told(outcome)}: and {counted(rest, 'more file')}\n"


def check_lines(
    passed: int, warned: Sequence["CheckLine"], failed: Sequence["CheckLine"]
) -> Iterator[str]:
    """Tell how the checks went, and name those that did not pass.

    Args:
        passed: how many passed.
        warned: those that only warn.
        failed: those that failed.
    """
    counts = (
        good(f"{passed:,} passed"),
        _marked(f"{len(warned):,} warned", warning, warned),
        _marked(f"{len(failed):,} failed", bad, failed),
    )
    yield f"\n{heading('Checks')}: {', '.join(counts)}\n"
    for word, checks in ((bad("failed"), failed), (warning("warned"), warned)):
        for check in checks:
            # Where to look is a line of its own, to be copied.
            detail = "\n    ".join(map(printable, check.detail.split("\n")))
            yield f"  {word}: {check.name} ({check.table}): {detail}\n"


def rejected_lines(counts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell why records of this home are in the ``rejected_`` tables of staging.

    Args:
        counts: as in ``Rejected.by_reason``.
    """
    total = sum(row["record_count"] for row in counts)
    yield f"\n{heading('Rejected')}: {counted(total, 'record')} of all that landed in this home\n"
    for row in counts:
        yield f"  {row['raw_table']}: {row['reason']}: {row['record_count']:,}\n"


def rejected_file_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell in which files the rejected events are, and where to look.

    Args:
        rows: as in ``Rejected.by_file``.
    """
    if not rows:
        return
    yield "  where, the most of each reason:\n"
    for row in rows:
        yield (
            f"    {row['reason']}: {row['rejected_count']:,} of"
            f" {counted(row['record_count'], 'record')} in {printable(row['source_file'])},"
            f" landed on {row['landed_date']}, the first at {row['example_position']:,}\n"
        )
    files = {row["reason"]: row["file_count"] for row in rows}
    if sum(files.values()) > len(rows):
        yield "    all of them: select * from marts.rejected_events_summary\n"


def plan_lines(plan: "LandingPlan") -> Iterator[str]:
    """Tell what a landing would do.

    Args:
        plan: of one kind.
    """
    megabytes = plan.size_bytes / 1e6
    table = records_table(plan.kind)
    yield f"{table}: {counted(len(plan.files), 'file')} would land, {megabytes:,.1f} MB\n"
    for file in plan.files:
        yield f"    would land: {printable(file.source_file)} ({file.format})\n"
    for outcome in _OUTCOMES:
        for note in getattr(plan, outcome):
            yield f"    {_told(outcome)}: {printable(note.path)}: {printable(note.reason)}\n"
    for number, example in enumerate(plan.examples, 1):
        yield f"    event {number}: {printable(example)}\n"


def run_document(report: "RunReport", rejected: Rejected | None) -> dict[str, Any]:
    """Give what ``run_lines``, ``rejected_lines`` and ``rejected_file_lines`` tell, for a program.

    Args:
        report: of the run.
        rejected: what is rejected in the home; ``None`` where the run did not get to look.
    """
    return {
        "run_id": report.run_id,
        "landed": {
            table: {**landing, **{name: _noted(landing[name]) for name in _OUTCOMES}}
            for table, landing in report.landings.items()
        },
        "built_count": report.built_count,
        "up_to_date_since": report.up_to_date_since,
        "checks": {
            "passed": report.passed,
            "warned": [asdict(check) for check in report.warned],
            "failed": [asdict(check) for check in report.failed],
        },
        "rejected": None if rejected is None else asdict(rejected),
        "errors": list(report.errors),
    }


def plan_document(plan: "LandingPlan") -> dict[str, Any]:
    """Give what ``plan_lines`` tells, for a program.

    Args:
        plan: of one kind.
    """
    return {
        "files": [
            {"file": file.source_file, "format": file.format, "size_bytes": file.size_bytes}
            for file in plan.files
        ],
        "size_bytes": plan.size_bytes,
        "examples": [json.loads(example) for example in plan.examples],
        **{
            name: _noted([(note.path, note.reason) for note in getattr(plan, name)])
            for name in _OUTCOMES
        },
    }


def failure_line(report: "RunReport") -> str | None:
    """Say in one line what did not work; ``None`` when everything did.

    Args:
        report: of the run.
    """
    reasons = list(report.errors)
    # What an error kept from running has found nothing.
    failed = [
        check.name
        for check in report.failed
        if not (report.errors and check.detail.startswith(NOT_RUN))
    ]
    if failed:
        reasons.append("checks failed: " + ", ".join(failed))
    reasons += left_files(report.landings.values())
    return "; ".join(reasons) if reasons else None


def left_files(landings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say how many offered files did not land, and what to do.

    Args:
        landings: reports, as in their metadata.
    """
    told = list(landings)
    reasons = []
    if refused := sum(len(landing["refused"]) for landing in told):
        reasons.append(f"{counted(refused, 'file')} refused; mend and offer again")
    if growing := sum(len(landing["growing"]) for landing in told):
        reasons.append(f"{counted(growing, 'file')} still growing; run again when complete")
    return reasons


def counted(number: int, noun: str, ending: str = "s") -> str:
    """Write a number with its noun, like ``1 file`` or ``2,000 files``.

    Args:
        number: how many.
        noun: its singular.
        ending: what makes it a plural.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}{ending}"


def _noted(notes: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    return [{"file": file, "reason": reason} for file, reason in notes]


def _told(outcome: str) -> str:
    """The word for what happened to a file, in its colour."""
    word = _OUTCOMES[outcome]
    if outcome in _BAD:
        return bad(word)
    return warning(word) if outcome in _DOUBTFUL else word


def _marked(text: str, colour: Callable[[str], str], checks: Sequence[object]) -> str:
    return colour(text) if checks else text
