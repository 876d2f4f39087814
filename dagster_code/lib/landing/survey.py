"""What a delivery holds, before anything is written."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dagster_code.lib.landing.discover import (
    Candidate,
    FileNote,
    Progress,
    discover,
    settled,
)
from dagster_code.lib.landing.foreign import ForeignForm
from dagster_code.lib.landing.measure import GrowingError, MeasuredFile, RefusedError, measured
from dagster_code.lib.landing.recognise import SourceFile, recognised
from dagster_code.lib.progress import aside, watched
from dagster_code.lib.time_left import Pace, in_words

# Takes SHA-256 sums and gives back those that have landed already.
FindLanded = Callable[[Iterable[str]], set[str]]

Result = TypeVar("Result")

_MAX_THREADS = 4
_FILES_PER_PROGRESS_LINE = 1000


@dataclass(frozen=True)
class Survey:
    """What a delivery holds.

    Attributes:
        files: new files, sorted by path.
        skipped: files whose content has landed already, or is offered twice.
        refused: files that cannot be taken.
        ignored: what is no data by its name, and folders without files.
        growing: files that still change.
    """

    files: tuple[SourceFile, ...]
    skipped: tuple[FileNote, ...]
    refused: tuple[FileNote, ...]
    ignored: tuple[FileNote, ...]
    growing: tuple[FileNote, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes of the new files."""
        return sum(file.size_bytes for file in self.files)


def survey(
    paths: Sequence[Path],
    fields: Sequence[str],
    settle_seconds: float,
    find_landed: FindLanded,
    progress: Progress,
    foreign: ForeignForm | None = None,
) -> Survey:
    """Look into everything that is offered.

    Args:
        paths: files and folders.
        fields: the known fields of the table they go to, or the columns that a mapping reads.
        settle_seconds: how long a file must not have changed.
        find_landed: tells which SHA-256 sums have landed.
        progress: takes progress lines.
        foreign: the form of the mapping's records; ``None``: this project's own.

    Raises:
        UserError: a path does not exist.
    """
    discovery = discover(paths)
    quiet, growing = settled(discovery.candidates, settle_seconds, progress)
    refused = list(discovery.refused)
    files: list[MeasuredFile] = []
    for candidate, result in _in_parallel(measured, quiet, progress, has_watch=True):
        if isinstance(result, RefusedError):
            notes = growing if isinstance(result, GrowingError) else refused
            notes.append(FileNote(candidate.shown, str(result)))
        else:
            files.append(result)
    new, landed = _not_landed(files, find_landed)
    recognised_files, refusals = _recognised(new, fields, progress, foreign)
    # Only now: of two files with one content, one may be refused for what its name promises.
    once, repeated = _once(recognised_files)
    return Survey(
        files=tuple(once),
        skipped=(*landed, *repeated),
        refused=(*refused, *refusals),
        ignored=discovery.ignored,
        growing=tuple(growing),
    )


def _not_landed(
    files: Sequence[MeasuredFile], find_landed: FindLanded
) -> tuple[list[MeasuredFile], list[FileNote]]:
    landed = find_landed({file.sha256 for file in files}) if files else set()
    new = [file for file in files if file.sha256 not in landed]
    skipped = [
        FileNote(file.candidate.shown, "has landed before")
        for file in files
        if file.sha256 in landed
    ]
    return new, skipped


def _once(files: Sequence[SourceFile]) -> tuple[list[SourceFile], list[FileNote]]:
    first: dict[str, SourceFile] = {}
    repeated: list[FileNote] = []
    for file in files:
        twin = first.setdefault(file.sha256, file)
        if twin is not file:
            reason = f"the same content as {twin.source_file}"
            repeated.append(FileNote(file.source_file, reason))
    return list(first.values()), repeated


def _recognised(
    files: Sequence[MeasuredFile],
    fields: Sequence[str],
    progress: Progress,
    foreign: ForeignForm | None,
) -> tuple[list[SourceFile], list[FileNote]]:
    by_candidate = {file.candidate: file for file in files}

    def recognise(candidate: Candidate) -> SourceFile:
        return recognised(by_candidate[candidate], fields, foreign)

    good: list[SourceFile] = []
    refused: list[FileNote] = []
    for candidate, result in _in_parallel(recognise, list(by_candidate), progress):
        if isinstance(result, RefusedError):
            refused.append(FileNote(candidate.shown, str(result)))
        else:
            good.append(result)
    return good, refused


def _in_parallel(
    work: Callable[[Candidate], Result],
    candidates: Sequence[Candidate],
    progress: Progress,
    has_watch: bool = False,
) -> Iterator[tuple[Candidate, Result | RefusedError]]:
    """Do the same to every file; hashing and unzipping leave Python's lock to other threads."""
    sizes = [_size(candidate) for candidate in candidates] if has_watch else []
    pace = Pace(sum(sizes))
    read = done = 0

    def describe() -> str:
        return (
            f"looking into the files: {done:,} of {len(candidates):,},"
            f" {read / 1e6:,.1f} of {sum(sizes) / 1e6:,.1f} MB, {pace.share:.0%}, {in_words(pace)}"
        )

    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        futures: list[Future[Result]] = [pool.submit(work, item) for item in candidates]
        size_of = dict(zip(futures, sizes, strict=has_watch))
        with watched(describe) if has_watch else nullcontext():
            for done, future in enumerate(as_completed(futures), 1):
                read += size_of.get(future, 0)
                pace.reached(read)
                if done % _FILES_PER_PROGRESS_LINE == 0:
                    aside(progress, f"looked into {done:,} of {len(futures):,} files")
        for candidate, future in zip(candidates, futures, strict=True):
            try:
                yield candidate, future.result()
            except RefusedError as error:
                yield candidate, error


def _size(candidate: Candidate) -> int:
    try:
        return candidate.path.stat().st_size
    except OSError:
        # gone, which is told when it is read
        return 0
