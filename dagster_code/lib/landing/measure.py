"""One pass over a file: its SHA-256, and where its lines can be cut for parallel reading."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dagster_code.lib.landing.discover import STILL_GROWING, Candidate

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"

HEAD_BYTES = 1024 * 1024
_SPAN_BYTES = 32 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024


class RefusedError(Exception):
    """A file cannot be landed; the message is one line for the user."""


class GrowingError(RefusedError):
    """A file changes while it is read: it is left for the next run."""


@dataclass(frozen=True)
class Span:
    """Whole lines of a file.

    Attributes:
        start: first byte, the first of a line.
        end: byte after the last.
        first_line: 1-based number of the line at ``start``.
    """

    start: int
    end: int
    first_line: int


@dataclass(frozen=True)
class TextShape:
    """What one pass over a text learns.

    Attributes:
        size: bytes.
        spans: the text, cut at line ends into stretches of about 32 MiB.
        has_quote: whether a quotation mark occurs, so that a line end may not end a CSV record.
        longest_line: bytes of the longest line, never less, up to a block (1 MiB) more.
        head: the first bytes, up to 1 MiB.
    """

    size: int
    spans: tuple[Span, ...]
    has_quote: bool
    longest_line: int
    head: bytes


@dataclass(frozen=True)
class MeasuredFile:
    """A file, its identity and, unless it is gzip or Parquet, its shape as a text.

    Attributes:
        candidate: the file.
        size: bytes.
        mtime_ns: modification time, nanoseconds since the epoch.
        sha256: SHA-256 of its bytes, hexadecimal.
        shape: shape of the bytes as they are on the disk.
    """

    candidate: Candidate
    size: int
    mtime_ns: int
    sha256: str
    shape: TextShape


def measured(candidate: Candidate) -> MeasuredFile:
    """Read a file once from end to end.

    Args:
        candidate: the file.

    Raises:
        GrowingError: it changed meanwhile.
        RefusedError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        before = candidate.path.stat()
        with candidate.path.open("rb", buffering=0) as stream:
            blocks = iter(partial(stream.read, _BLOCK_BYTES), b"")
            shape = text_shape(_hashed(blocks, digest.update))
        after = candidate.path.stat()
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise GrowingError(STILL_GROWING)
    if shape.size != after.st_size:
        raise GrowingError(STILL_GROWING)
    return MeasuredFile(candidate, after.st_size, after.st_mtime_ns, digest.hexdigest(), shape)


def gunzipped_shape(path: Path) -> TextShape:
    """Read a gzip file once, through all its members, checking every checksum.

    Args:
        path: the file.

    Raises:
        RefusedError: it is broken or ends too early.
    """
    try:
        with gzip.open(path, "rb") as stream:
            return text_shape(iter(partial(stream.read, _BLOCK_BYTES), b""))
    except (EOFError, OSError, zlib.error) as error:
        reason = f"broken or truncated gzip, perhaps half-copied: {error}"
        raise RefusedError(reason) from error


def text_shape(blocks: Iterable[bytes]) -> TextShape:
    """Learn the shape of a text.

    Args:
        blocks: the text, block by block.
    """
    spans: list[Span] = []
    head = bytearray()
    start = offset = longest = run = 0
    first_line, lines, has_quote = 1, 0, False
    for block in blocks:
        if len(head) < HEAD_BYTES:
            head += block[: HEAD_BYTES - len(head)]
        has_quote = has_quote or b'"' in block
        cut = block.find(b"\n") + 1
        if cut and offset + cut - start >= _SPAN_BYTES:
            spans.append(Span(start, offset + cut, first_line))
            start, first_line = offset + cut, lines + 2
        # Lines inside a block are shorter than it: only the one that runs over its edge counts.
        longest = max(longest, run + (cut or len(block)))
        run = len(block) - block.rfind(b"\n") - 1 if cut else run + len(block)
        lines += block.count(b"\n")
        offset += len(block)
    if offset > start:
        spans.append(Span(start, offset, first_line))
    return TextShape(offset, tuple(spans), has_quote, longest, bytes(head))


def _hashed(blocks: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for block in blocks:
        update(block)
        yield block
