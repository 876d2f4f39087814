"""What a landing did, or would do."""

from dataclasses import dataclass
from typing import Any

from dagster_code.lib.landing.discover import FileNote
from dagster_code.lib.landing.register import LandedFile
from dagster_code.lib.landing.schema import Kind

_OUTCOMES = ("skipped", "refused", "ignored", "growing", "notes")


@dataclass(frozen=True)
class LandingReport:
    """What a landing did.

    Attributes:
        kind: ``events``, ``clients`` or ``spend``.
        batch: number of the landing; ``None`` if there was nothing new.
        landed: files that landed now.
        skipped: files that had landed before, or were offered twice.
        refused: files that could not be taken, with the reason.
        ignored: what is no data by its name, and folders without files.
        growing: files left for the next run because they still change.
        notes: remarks on files that landed: empty, or other content than the name says.
        record_count: records that landed, unreadable ones included.
        unreadable_count: those that could not be read.
        size_bytes: size of the landed files.
        seconds: how long it took.
    """

    kind: Kind
    batch: int | None
    landed: tuple[LandedFile, ...]
    skipped: tuple[FileNote, ...]
    refused: tuple[FileNote, ...]
    ignored: tuple[FileNote, ...]
    growing: tuple[FileNote, ...]
    notes: tuple[FileNote, ...]
    record_count: int
    unreadable_count: int
    size_bytes: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything that was offered has landed, now or before."""
        return not self.refused and not self.growing


@dataclass(frozen=True)
class PlannedFile:
    """A file that would land.

    Attributes:
        source_file: path of the file.
        format: ``jsonl``, ``csv`` or ``parquet``.
        size_bytes: size of the file.
    """

    source_file: str
    format: str
    size_bytes: int


@dataclass(frozen=True)
class LandingPlan:
    """What a landing would do; the fields mean what they mean in ``LandingReport``."""

    kind: Kind
    files: tuple[PlannedFile, ...]
    skipped: tuple[FileNote, ...]
    refused: tuple[FileNote, ...]
    ignored: tuple[FileNote, ...]
    growing: tuple[FileNote, ...]
    notes: tuple[FileNote, ...]
    size_bytes: int
    # The first records of a mapping, as JSON.
    examples: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that is offered would land, or has landed."""
        return not self.refused and not self.growing


def landing_metadata(report: LandingReport | None) -> dict[str, Any]:
    """Write a landing's report as JSON, which is also what the command prints from.

    Args:
        report: what the landing did; ``None`` when the run was not to land this kind.
    """
    if report is None:
        return {
            "batch": None,
            "landed": [],
            "record_count": 0,
            "unreadable_count": 0,
            **{outcome: [] for outcome in _OUTCOMES},
        }
    return {
        "batch": report.batch,
        "landed": [file.source_file for file in report.landed],
        "record_count": report.record_count,
        "unreadable_count": report.unreadable_count,
        **{
            outcome: [[note.path, note.reason] for note in getattr(report, outcome)]
            for outcome in _OUTCOMES
        },
    }
