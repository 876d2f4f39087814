"""Bytes to physical lines: whole lines by the block, and text that Arrow accepts."""

import io
from collections.abc import Iterator
from typing import BinaryIO

BOM = "\ufeff"


def line_blocks(stream: BinaryIO, block_bytes: int, length: int | None = None) -> Iterator[bytes]:
    """Read a stream in blocks that end with a line.

    Args:
        stream: where to read from, at the start of a line.
        block_bytes: how much to read at a time; a longer line makes a longer block.
        length: bytes to read; ``None`` means to the end.

    Yields:
        Blocks that end with a line feed; the last one may lack it.
    """
    carried: list[bytes] = []
    left = length
    while block := stream.read(block_bytes if left is None else min(block_bytes, left)):
        if left is not None:
            left -= len(block)
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            carried.append(block)
            continue
        yield b"".join((*carried, block[:cut]))
        carried = [block[cut:]]
    if any(carried):
        yield b"".join(carried)


def decoded_lines(block: bytes) -> tuple[list[str], set[int]]:
    """Decode a block of lines from UTF-8.

    Args:
        block: whole lines, as ``line_blocks`` gives them.

    Returns:
        The lines with their line feeds, and the indices of those that are not valid UTF-8: their
        invalid bytes are lone surrogates, which ``printable`` shows as escapes.
    """
    try:
        # With newline="\n" only a line feed ends a line, unlike str.splitlines.
        return list(io.StringIO(block.decode("utf-8"), newline="\n")), set()
    except UnicodeDecodeError:
        text = block.decode("utf-8", "surrogateescape")
    lines = list(io.StringIO(text, newline="\n"))
    return lines, {number for number, line in enumerate(lines) if not _is_valid(line)}


def printable(text: str) -> str:
    r"""Write lone surrogates as escapes: invalid bytes as ``\xff``, others as ``\ud800``.

    Args:
        text: any text; Arrow and Spark take it only without lone surrogates.
    """
    if _is_valid(text):
        return text
    raw = "".join(
        f"\\x{ord(letter) - 0xDC00:02x}"
        if 0xDC80 <= ord(letter) <= 0xDCFF
        else f"\\u{ord(letter):04x}"
        if 0xD800 <= ord(letter) <= 0xDFFF
        else letter
        for letter in text
    )
    return raw


def _is_valid(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
