"""What one Spark task reads: pieces of files.

This module, ``lines``, ``batches``, ``json_lines``, ``csv_rows``, ``tab_lines``, ``parquet_rows``
and ``source`` travel to the executors by value, so they import nothing but the standard library,
pyarrow, pyspark and each other, and do no work at import.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Layout = Literal["json_lines", "json_document", "csv", "parquet", "tab_lines"]

# Opening a file costs about as much as reading this much of it.
_OPENING_COST = 256 * 1024


@dataclass(frozen=True)
class Piece:
    """A stretch of one file, and what must be known to read it alone.

    Attributes:
        path: where the file is, for the executor.
        size: size of the file in bytes when it was measured.
        mtime_ns: its modification time then, in nanoseconds since the epoch.
        source_file: the path as it is written into the table.
        sha256: SHA-256 of the file's bytes, hexadecimal.
        layout: how to read it.
        work: bytes of text to read, the measure of balance between tasks.
        is_gzip: whether the file is compressed; then the piece is the whole file.
        start: first byte of the piece, always the first of a line.
        end: byte after the piece; ``None`` means the end of the file.
        first_line: 1-based number of the line at ``start``.
        keeps_others: whether fields that are not known are read too.
        header: column names of a CSV file, or of values between tabs.
        header_lines: physical lines up to the end of the header, at the start of the file.
        delimiter: what separates the fields of a CSV file.
        row_groups: row groups of a Parquet file.
        first_row: 1-based number of the first row in them.
    """

    path: str
    size: int
    mtime_ns: int
    source_file: str
    sha256: str
    layout: Layout
    work: int
    is_gzip: bool = False
    start: int = 0
    end: int | None = None
    first_line: int = 1
    keeps_others: bool = True
    header: tuple[str, ...] = ()
    header_lines: int = 0
    delimiter: str = ","
    row_groups: tuple[int, ...] = ()
    first_row: int = 1


class PieceError(Exception):
    """A file cannot be read as it was measured; fails the job, so that nothing is committed.

    The text of an exception is all that comes back from an executor through Spark Connect, so
    the file is named in it in a form that ``failed_piece`` finds again.
    """

    def __init__(self, piece: Piece, *, changed: bool, reason: str) -> None:
        """Name the file and the reason.

        Args:
            piece: the piece that could not be read.
            changed: whether the file changed under the reader (else its content is broken).
            reason: what went wrong, one line.
        """
        what = "changed" if changed else "broken"
        plain = " ".join(reason.split()).replace(">>", "> >")
        super().__init__(f"<<landing {what} {piece.sha256} {plain}>>")


@dataclass(frozen=True)
class PieceFailure:
    """A ``PieceError``, found again in the text of a failed job.

    Attributes:
        sha256: SHA-256 that the file had when it was measured, hexadecimal.
        is_changed: whether it changed since (else its content is broken).
        reason: what went wrong, one line.
    """

    sha256: str
    is_changed: bool
    reason: str


def failed_piece(text: str) -> PieceFailure | None:
    """Find the file that made a job fail.

    Args:
        text: text of the exception that came back from Spark.

    Returns:
        The failure, or ``None`` if the job failed for another reason.
    """
    found = re.search(r"<<landing (changed|broken) ([0-9a-f]{64}) (.*?)>>", text)
    if found is None:
        return None
    return PieceFailure(found[2], found[1] == "changed", found[3])


def check_unchanged(piece: Piece) -> None:
    """Make sure that the file is still the one that was measured.

    Raises:
        PieceError: its size or modification time differ, or it is gone.
    """
    try:
        now = Path(piece.path).stat()
    except OSError as error:
        raise PieceError(piece, changed=True, reason=f"gone: {error.strerror}") from error
    if (now.st_size, now.st_mtime_ns) != (piece.size, piece.mtime_ns):
        raise PieceError(piece, changed=True, reason="it changed while it was being read")


def packed(pieces: Sequence[Piece], target: int, at_least: int) -> list[tuple[Piece, ...]]:
    """Put pieces together into tasks of similar work.

    Args:
        pieces: what there is to read.
        target: bytes of text a task should have at most.
        at_least: tasks wanted even if that makes them smaller; there are never more than pieces.

    Returns:
        The tasks; one empty task if there is nothing to read.
    """
    total = sum(piece.work + _OPENING_COST for piece in pieces)
    limit = min(target, max(1, -(-total // max(1, at_least))))
    tasks: list[tuple[Piece, ...]] = []
    current: list[Piece] = []
    work = 0
    for piece in pieces:
        cost = piece.work + _OPENING_COST
        if current and work + cost > limit:
            tasks.append(tuple(current))
            current, work = [], 0
        current.append(piece)
        work += cost
    return [*tasks, tuple(current)]
