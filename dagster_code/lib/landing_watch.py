"""The landing folder as seen from outside: has it changed, is it quiet?"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from dagster_code.lib.landing.discover import discover


@dataclass(frozen=True)
class LandingFolder:
    """What is in the landing folder, without reading any file.

    Attributes:
        file_count: data files in it, at any depth.
        digest: names, sizes and modification times in one hash; "" without files.
        is_settled: no file was touched within the settling time, nor bears a time that is to come
            within it.
        newest: the file touched last, relative to the folder; "" without files.
    """

    file_count: int
    digest: str
    is_settled: bool
    newest: str


def observe(folder: Path, settle_seconds: float, now: float | None = None) -> LandingFolder:
    """Look at the landing folder.

    Args:
        folder: the folder; it need not be there.
        settle_seconds: a file touched within this many seconds may still be growing.
        now: seconds since 1970; the clock's when left out.
    """
    files = []
    # Only what a landing would take: a half-copied file must not hold the others back.
    for candidate in discover([folder]).candidates if folder.is_dir() else ():
        try:
            status = candidate.path.stat()
        except FileNotFoundError:
            # Renamed or removed since it was listed: the next look will see.
            continue
        name = candidate.path.relative_to(folder.absolute()).as_posix()
        files.append((name, status.st_size, status.st_mtime_ns))
    if not files:
        return LandingFolder(0, "", True, "")
    newest, _, touched_ns = max(files, key=lambda file: file[2])
    age_seconds = (time.time() if now is None else now) - touched_ns / 1e9
    digest = hashlib.sha256(repr(files).encode()).hexdigest()
    # A sender's clock may be ahead, or ours was set back: who waits for that time waits for years.
    return LandingFolder(len(files), digest, abs(age_seconds) >= settle_seconds, newest)
