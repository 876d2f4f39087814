"""What a run did, in lines for a person. No Spark, no Dagster: plain values in, text out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster_code.lib.dbt import NOT_RUN
from dagster_code.lib.landing.schema import records_table
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
# A landing of thousands of files is told by numbers.
_LISTED_FILES = 10


def run_lines(report: "RunReport") -> Iterator[str]:
    """Tell what landed, what was built and how the checks went.

    Args:
        report: of the run.
    """
    yield "Landed\n"
    for table, landing in report.landings.items():
        yield from landing_lines(table, landing)
    if report.up_to_date_since is not None:
        yield f"\nNothing new; tables are up to date since {report.up_to_date_since}\n"
        return
    yield f"\nBuilt {counted(report.built_count, 'table')} and views\n"
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
    for outcome, word in _OUTCOMES.items():
        for name, reason in landing[outcome][:_LISTED_FILES]:
            yield f"    {word}: {printable(name)}: {printable(reason)}\n"
        rest = len(landing[outcome]) - _LISTED_FILES
        if rest > 0:
            yield f"    {word}: and {counted(rest, 'more file')}\n"


def check_lines(
    passed: int, warned: Sequence["CheckLine"], failed: Sequence["CheckLine"]
) -> Iterator[str]:
    """Tell how the checks went, and name those that did not pass.

    Args:
        passed: how many passed.
        warned: those that only warn.
        failed: those that failed.
    """
    yield f"\nChecks: {passed} passed, {len(warned)} warned, {len(failed)} failed\n"
    for word, checks in (("failed", failed), ("warned", warned)):
        for check in checks:
            # Where to look is a line of its own, to be copied.
            detail = "\n    ".join(map(printable, check.detail.split("\n")))
            yield f"  {word}: {check.name} ({check.table}): {detail}\n"


def rejected_lines(counts: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    """Tell why records of this home are in the ``rejected_`` tables of staging.

    Args:
        counts: raw table, reason and records, the most frequent first.
    """
    total = sum(count for _, _, count in counts)
    yield f"\nRejected: {counted(total, 'record')} of all that landed in this home\n"
    for table, reason, count in counts:
        yield f"  {table}: {reason}: {count:,}\n"


def rejected_file_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell in which files the rejected events are, and where to look.

    Args:
        rows: of ``marts.rejected_events_summary``, with ``file_count`` of the reason.
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
    for outcome, word in _OUTCOMES.items():
        for note in getattr(plan, outcome):
            yield f"    {word}: {printable(note.path)}: {printable(note.reason)}\n"


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
