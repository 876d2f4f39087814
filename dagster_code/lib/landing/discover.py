"""Which files a delivery offers, and whether they have stopped growing."""

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.lines import printable

Progress = Callable[[str], None]

# How tools mark a file they have not finished writing.
TEMPORARY_SUFFIXES = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
_HIDDEN_PREFIXES = (".", "_")
# How many times settle_seconds a file may keep growing before the landing goes on without it.
_PATIENCE = 5
_POLL_SECONDS = 0.2

_LAYOUT_BY_SUFFIX = {
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class FileNote:
    """What is to be said about one path.

    Attributes:
        path: the file or folder, printable.
        reason: one line.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A file that may be landed.

    Attributes:
        path: absolute path.
        is_explicit: whether it was named itself, rather than found in a folder.
    """

    path: Path
    is_explicit: bool

    @property
    def shown(self) -> str:
        """The path in a form that can be printed and stored."""
        return shown_path(self.path)


@dataclass(frozen=True)
class Discovery:
    """What was found under the offered paths.

    Attributes:
        candidates: files to look into, sorted, each once.
        ignored: files that are no data by their name, and folders without files.
        refused: files that were named and cannot be taken.
    """

    candidates: tuple[Candidate, ...]
    ignored: tuple[FileNote, ...]
    refused: tuple[FileNote, ...]


def shown_path(path: Path) -> str:
    """Write a path so that it can be printed and stored, even if its name is not UTF-8.

    Args:
        path: any path.
    """
    return printable(str(path))


def suffix_hint(path: Path) -> str | None:
    """What a file's name says of its content.

    Args:
        path: the file.

    Returns:
        ``json_lines``, ``json``, ``csv``, ``tsv``, ``parquet``, or ``None`` for any other name.
    """
    name = path.name.lower().removesuffix(".gz")
    return _LAYOUT_BY_SUFFIX.get(Path(name).suffix)


def discover(paths: Sequence[Path]) -> Discovery:
    """Find the files under the paths: folders recursively, links followed, each file once.

    Args:
        paths: files and folders.

    Raises:
        UserError: a path does not exist.
    """
    absolute = [path.expanduser().absolute() for path in paths]
    for path in absolute:
        if not path.exists():
            raise UserError(f"{shown_path(path)} does not exist: nothing was landed")
    found: dict[Path, Candidate] = {}
    ignored: list[FileNote] = []
    refused: list[FileNote] = []
    for path in absolute:
        if path.is_dir():
            inside, notes = _inside(path)
            ignored += notes
            for file in inside:
                found.setdefault(file, Candidate(file, is_explicit=False))
        elif (problem := _unfit(path)) is not None:
            refused.append(FileNote(shown_path(path), problem))
        else:
            found[path] = Candidate(path, is_explicit=True)
    candidates = tuple(found[path] for path in sorted(found, key=os.fsencode))
    return Discovery(candidates, tuple(ignored), tuple(refused))


def settled(
    candidates: Sequence[Candidate], settle_seconds: float, progress: Progress
) -> tuple[list[Candidate], list[FileNote]]:
    """Wait for files that were touched lately until they are quiet.

    Args:
        candidates: files to watch.
        settle_seconds: how long a file must not have changed; 0 takes every file as it is.
        progress: takes a line when there is something to wait for.

    Returns:
        The files that are quiet, and notes on those that still change or went away.
    """
    watch = {candidate.path: _Watch.begun(candidate.path) for candidate in candidates}
    deadline = time.monotonic() + _PATIENCE * settle_seconds
    is_told = False
    while True:
        unsettled = [path for path, seen in watch.items() if seen.quiet_for() < settle_seconds]
        if not unsettled or time.monotonic() >= deadline:
            break
        if not is_told:
            progress(f"waiting for {_files(len(unsettled))} changed a moment ago")
            is_told = True
        time.sleep(min(_POLL_SECONDS, settle_seconds))
        for path in unsettled:
            watch[path] = watch[path].again(path)
    gone = {path for path, seen in watch.items() if seen.signature is None}
    left = gone | set(unsettled)
    notes = [
        FileNote(item.shown, "went away" if item.path in gone else STILL_GROWING)
        for item in candidates
        if item.path in left
    ]
    return [item for item in candidates if item.path not in left], notes


STILL_GROWING = "still growing: left for the next run"


@dataclass(frozen=True)
class _Watch:
    """Size and modification time of a file, and since when it has had them."""

    signature: tuple[int, int] | None
    since: float

    @staticmethod
    def begun(path: Path) -> "_Watch":
        signature = _signature(path)
        if signature is None:
            return _Watch(None, time.monotonic())
        # A modification time in the future (another machine's clock) says nothing about now.
        age = max(0.0, time.time() - signature[1] / 1e9)
        return _Watch(signature, time.monotonic() - age)

    def again(self, path: Path) -> "_Watch":
        signature = _signature(path)
        return self if signature == self.signature else _Watch(signature, time.monotonic())

    def quiet_for(self) -> float:
        return float("inf") if self.signature is None else time.monotonic() - self.since


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"


def _inside(folder: Path) -> tuple[list[Path], list[FileNote]]:
    files: list[Path] = []
    notes: list[FileNote] = []
    for path in _walk(folder, set()):
        if path.name.startswith(_HIDDEN_PREFIXES):
            continue
        problem = _unfit(path)
        if problem is None and suffix_hint(path) is None:
            problem = "its name ends in none of .jsonl .ndjson .json .csv .tsv .parquet (.gz)"
        if problem is None:
            files.append(path)
        else:
            notes.append(FileNote(shown_path(path), problem))
    if not files:
        notes.append(FileNote(shown_path(folder), "the folder holds no data files"))
    return files, notes


def _walk(folder: Path, visited: set[tuple[int, int]]) -> Iterator[Path]:
    """Give every entry below a folder that is no folder; a loop of links ends where it closes."""
    stack = [folder]
    while stack:
        current = stack.pop()
        try:
            state = current.stat()
            entries = sorted(current.iterdir(), key=os.fsencode)
        except OSError as error:
            raise UserError(f"{shown_path(current)} cannot be read: {error.strerror}") from error
        if (state.st_dev, state.st_ino) in visited:
            continue
        visited.add((state.st_dev, state.st_ino))
        for entry in entries:
            if not entry.is_dir():
                yield entry
            elif not entry.name.startswith(_HIDDEN_PREFIXES):
                stack.append(entry)


def _unfit(path: Path) -> str | None:
    """Why a file cannot be taken, by its name and kind; ``None`` if it can."""
    if path.name.startswith(_HIDDEN_PREFIXES) or path.name.lower().endswith(TEMPORARY_SUFFIXES):
        return "its name marks it as temporary or half-copied: rename it when it is complete"
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(mode):
        return "not a regular file"
    if not os.access(path, os.R_OK):
        return "cannot be read: permission denied"
    return None
