"""What a file is, by its content, and how it is cut into pieces."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_code.lib.landing.batches import known_name
from dagster_code.lib.landing.csv_rows import Header, read_header
from dagster_code.lib.landing.discover import suffix_hint
from dagster_code.lib.landing.foreign import ForeignForm
from dagster_code.lib.landing.json_lines import document_values, new_decoder
from dagster_code.lib.landing.lines import BOM
from dagster_code.lib.landing.measure import (
    GZIP_MAGIC,
    PARQUET_MAGIC,
    MeasuredFile,
    RefusedError,
    TextShape,
    gunzipped_shape,
)
from dagster_code.lib.landing.pieces import Layout, Piece

# A JSON document is read as a whole, here and on an executor.
MAX_DOCUMENT_BYTES = 128 * 1024 * 1024
# A line is one object in memory several times over.
MAX_LINE_BYTES = 256 * 1024 * 1024
_PARQUET_WORK_BYTES = 32 * 1024 * 1024

_OTHER_CONTENT = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it, or use gzip"),
    (b"BZh", "compressed with bzip2: decompress it, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz: decompress it, or use gzip"),
    (b"Obj\x01", "an Avro file: convert it to Parquet"),
    (b"\xff\xfe", "UTF-16 text: convert it, as with iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text: convert it, as with iconv -f UTF-16 -t UTF-8"),
)
_FORMAT: dict[Layout, Literal["jsonl", "csv", "parquet"]] = {
    "json_lines": "jsonl",
    "json_document": "jsonl",
    "csv": "csv",
    "tab_lines": "csv",
    "parquet": "parquet",
}
# What a file without content is called: what its name says.
_EMPTY_LAYOUT: dict[str, Layout] = {"csv": "csv", "tsv": "csv", "parquet": "parquet"}
_HINTED: dict[str, Literal["jsonl", "csv", "parquet"]] = {
    "json_lines": "jsonl",
    "json": "jsonl",
    "csv": "csv",
    "tsv": "csv",
    "parquet": "parquet",
}


@dataclass(frozen=True)
class SourceFile:
    """A file that can be landed.

    Attributes:
        path: the file.
        source_file: its path, printable, as it is stored.
        sha256: SHA-256 of its bytes, hexadecimal.
        size_bytes: size of the file.
        format: what its content is.
        pieces: what there is to read; none in an empty file.
        note: something the user should know; ``None`` mostly.
    """

    path: Path
    source_file: str
    sha256: str
    size_bytes: int
    format: Literal["jsonl", "csv", "parquet"]
    pieces: tuple[Piece, ...]
    note: str | None


@dataclass(frozen=True)
class _Text:
    """A text file on its way to being recognised."""

    file: MeasuredFile
    shape: TextShape
    is_gzip: bool
    hint: str | None
    foreign: ForeignForm | None

    def opened(self) -> BinaryIO:
        path = self.file.candidate.path
        return cast(BinaryIO, gzip.open(path, "rb")) if self.is_gzip else path.open("rb")


def recognised(
    file: MeasuredFile, fields: Sequence[str], foreign: ForeignForm | None = None
) -> SourceFile:
    """Recognise a file by its content; its extension is a hint only.

    Args:
        file: the file.
        fields: the known fields of the table it goes to, or the columns that a mapping reads.
        foreign: the form of the mapping's records; ``None``: this project's own.

    Raises:
        RefusedError: it cannot be landed.
    """
    head = file.shape.head
    if head.startswith(PARQUET_MAGIC):
        if foreign:
            foreign.refuse_parquet()
        return _source_file(file, "parquet", _parquet_pieces(file, fields, foreign))
    hint = suffix_hint(file.candidate.path)
    is_gzip = head.startswith(GZIP_MAGIC)
    shape = gunzipped_shape(file.candidate.path) if is_gzip else file.shape
    if is_gzip and shape.head.startswith(PARQUET_MAGIC):
        raise RefusedError("a Parquet file inside gzip: unpack it first (Parquet is compressed)")
    _refuse_other_content(shape)
    text = _Text(file, shape, is_gzip, hint, foreign)
    if not shape.head.decode("utf-8", "replace").strip().strip(BOM).strip():
        layout: Layout = _EMPTY_LAYOUT.get(hint or "", "json_lines")
        return _source_file(file, layout, () if shape.size <= len(shape.head) else _whole(text))
    layout, header = _text_layout(text, fields)
    return _source_file(file, layout, _text_pieces(text, layout, header))


def _source_file(file: MeasuredFile, layout: Layout, pieces: tuple[Piece, ...]) -> SourceFile:
    path = file.candidate.path
    hint = suffix_hint(path)
    written = _FORMAT[layout]
    note = None
    if file.size == 0 or not pieces:
        note = "the file is empty"
    elif hint is None or _HINTED[hint] != written:
        note = f"read as {written} by its content, whatever its name says"
    shown = file.candidate.shown
    return SourceFile(path, shown, file.sha256, file.size, written, pieces, note)


def _refuse_other_content(shape: TextShape) -> None:
    for magic, reason in _OTHER_CONTENT:
        if shape.head.startswith(magic):
            raise RefusedError(f"not JSON Lines, CSV or Parquet but {reason}")
    if b"\0" in shape.head[:4]:
        raise RefusedError("not UTF-8 text (UTF-16 or binary): convert it to UTF-8")
    if shape.longest_line > MAX_LINE_BYTES:
        raise RefusedError(f"a line is longer than {MAX_LINE_BYTES // 2**20} MiB")


def _text_layout(text: _Text, fields: Sequence[str]) -> tuple[Layout, Header | None]:
    head = text.shape.head.decode("utf-8", "replace")
    if text.foreign and text.foreign.tab_columns:
        text.foreign.check_tabs(head)
        return "tab_lines", Header(text.foreign.tab_columns, 0, "\t")
    beginning = head.strip(BOM + " \t\r\n")
    if beginning.startswith(("{", "[")):
        layout = _json_layout(text, beginning)
        if text.foreign and layout == "json_lines":
            text.foreign.check_json(head)
        elif text.foreign:
            text.foreign.check_document(head)
        return layout, None
    header = read_header(text.shape.head.decode("utf-8", "backslashreplace"))
    if header and _has_known(header.names, fields):
        if text.foreign:
            text.foreign.check_names(header.names)
        return "csv", header
    if text.hint in ("json_lines", "json"):
        # The name promises records: keep the lines, as unreadable, rather than lose them.
        return "json_lines", None
    if text.hint == "parquet":
        raise RefusedError("not a Parquet file, though its name says so; perhaps half-copied")
    names = ", ".join(header.names[:12])[:300] if header else "no readable header"
    raise RefusedError(f"no known column in its header ({names}); known: {_examples(fields)}")


def _json_layout(text: _Text, beginning: str) -> Layout:
    """Tell JSON Lines from a document over several lines, or an array of records."""
    first_line = beginning.partition("\n")[0].strip()
    is_array = beginning.startswith("[")
    if not is_array and (_is_json(first_line) or len(beginning) == len(first_line)):
        return "json_lines"
    # A line may be broken by itself: only a file that is a document throughout is read as one.
    if text.shape.size <= MAX_DOCUMENT_BYTES and _is_document(text):
        return "json_document"
    if text.hint == "json_lines" or (not is_array and first_line != "{"):
        return "json_lines"
    raise RefusedError(
        f"neither JSON Lines nor a valid JSON document of up to {MAX_DOCUMENT_BYTES // 2**20} MiB: "
        "convert it, as with jq -c '.[]'"
    )


def _is_json(text: str) -> bool:
    try:
        _, end = new_decoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return end == len(text)


def _is_document(text: _Text) -> bool:
    with text.opened() as stream:
        content = stream.read()
    try:
        for _ in document_values(content.decode("utf-8")):
            pass
    except ValueError:
        return False
    return True


def _has_known(names: Sequence[str], fields: Sequence[str]) -> bool:
    known = frozenset(fields)
    return any(known_name(name, known) in known for name in names)


def _examples(fields: Sequence[str]) -> str:
    return ", ".join(fields[:5]) + (", ..." if len(fields) > 5 else "")


def _piece(text: _Text, layout: Layout) -> Piece:
    file = text.file
    return Piece(
        path=str(file.candidate.path),
        size=file.size,
        mtime_ns=file.mtime_ns,
        source_file=file.candidate.shown,
        sha256=file.sha256,
        layout=layout,
        work=text.shape.size,
        is_gzip=text.is_gzip,
        keeps_others=text.foreign is None,
    )


def _whole(text: _Text) -> tuple[Piece, ...]:
    return (_piece(text, "json_lines"),)


def _text_pieces(text: _Text, layout: Layout, header: Header | None) -> tuple[Piece, ...]:
    piece = _piece(text, layout)
    if header:
        piece = replace(
            piece,
            header=header.names,
            header_lines=header.line_count,
            delimiter=header.delimiter,
        )
    # gzip cannot be entered in the middle, and a quoted field may hold line ends.
    is_quoted = layout == "csv" and text.shape.has_quote
    is_whole = text.is_gzip or layout == "json_document" or is_quoted
    if is_whole:
        return (piece,)
    return tuple(
        replace(
            piece,
            start=span.start,
            end=span.end,
            first_line=span.first_line,
            work=span.end - span.start,
        )
        for span in text.shape.spans
    )


def _parquet_pieces(
    file: MeasuredFile, fields: Sequence[str], foreign: ForeignForm | None
) -> tuple[Piece, ...]:
    try:
        # Opened here, because Arrow takes only paths that are UTF-8.
        with file.candidate.path.open("rb") as stream, pq.ParquetFile(stream) as parquet:
            metadata, names = parquet.metadata, parquet.schema_arrow.names
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RefusedError(f"broken or truncated Parquet, perhaps half-copied: {reason}") from error
    if not _has_known(names, fields):
        columns = ", ".join(names[:12])[:300]
        raise RefusedError(f"no known column ({columns}); known: {_examples(fields)}")
    if foreign:
        foreign.check_names(names)
    text = _Text(file, file.shape, is_gzip=False, hint=None, foreign=foreign)
    whole = _piece(text, "parquet")
    pieces: list[Piece] = []
    groups: list[int] = []
    work, row, first_row = 0, 1, 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        groups.append(number)
        work += group.total_byte_size
        row += group.num_rows
        if work >= _PARQUET_WORK_BYTES or number == metadata.num_row_groups - 1:
            pieces.append(replace(whole, row_groups=tuple(groups), first_row=first_row, work=work))
            groups, work, first_row = [], 0, row
    return tuple(pieces)
