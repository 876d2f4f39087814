"""The Spark data source of a landing: pieces of files in, Arrow batches out.

Spark's own readers cannot give line numbers, and change numbers on the way; this one runs the
parsers of this package on the executors.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import StructType

from dagster_code.lib.landing.batches import spark_schema
from dagster_code.lib.landing.csv_rows import Header, csv_batches
from dagster_code.lib.landing.json_lines import document_batches, json_line_batches
from dagster_code.lib.landing.lines import decoded_lines, line_blocks
from dagster_code.lib.landing.parquet_rows import parquet_batches
from dagster_code.lib.landing.pieces import Piece, PieceError, check_unchanged
from dagster_code.lib.landing.tab_lines import tab_line_batches

SOURCE_NAME = "attribution_landing"

# Small enough that the Python objects of one block stay in the cache: 8 MiB took twice as long.
_BLOCK_BYTES = 512 * 1024
_BATCH_LINES = 32_768
_MERGED_ROWS = 20_000
_MERGED_BYTES = 16 * 1024 * 1024


def landing_source(tasks: Sequence[Sequence[Piece]], fields: Sequence[str]) -> type[DataSource]:
    """Make the data source that reads these pieces.

    Args:
        tasks: the pieces of each Spark task.
        fields: the known fields of the table.
    """

    class LandingSource(DataSource):
        """Pieces of files as records; the pieces travel inside this class."""

        @classmethod
        def name(cls) -> str:
            """Name for ``spark.read.format``."""
            return SOURCE_NAME

        def schema(self) -> str:
            """Schema of the records, as DDL."""
            return spark_schema(fields)

        def reader(self, schema: StructType) -> DataSourceReader:
            """Reader of the pieces."""
            return LandingReader(tasks, fields)

    return LandingSource


class LandingPartition(InputPartition):
    """The pieces that one Spark task reads."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Keep the pieces.

        Args:
            pieces: what the task reads, in this order.
        """
        self.pieces = tuple(pieces)


class LandingReader(DataSourceReader):
    """Reads pieces of files into Arrow batches."""

    def __init__(self, tasks: Sequence[Sequence[Piece]], fields: Sequence[str]) -> None:
        """Keep what there is to read.

        Args:
            tasks: the pieces of each Spark task.
            fields: the known fields of the table.
        """
        self._tasks = tasks
        self._fields = fields

    def partitions(self) -> Sequence[InputPartition]:
        """One partition a task."""
        return [LandingPartition(pieces) for pieces in self._tasks]

    # Arrow batches, which Spark takes over without a look at each value.
    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read the pieces of one partition.

        Args:
            partition: one of ``partitions``.

        Raises:
            PieceError: a file changed or is broken; it fails the job, so nothing is committed.
        """
        pieces = cast(LandingPartition, partition).pieces
        # One by one, a thousand small files would cost more in batches than in records.
        return merged(chain.from_iterable(map(self._checked_batches, pieces)))

    def _checked_batches(self, piece: Piece) -> Iterator[pa.RecordBatch]:
        check_unchanged(piece)
        try:
            yield from piece_batches(piece, self._fields)
        except (EOFError, OSError, ValueError, zlib.error, pa.ArrowException) as error:
            # A file that changes looks broken too: say so rather than blame its content.
            check_unchanged(piece)
            raise PieceError(piece, changed=False, reason=str(error)) from error
        check_unchanged(piece)


def merged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Put small batches together; large ones pass.

    Args:
        batches: batches of one schema.

    Yields:
        Batches of some twenty thousand records or some megabytes.
    """
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _MERGED_ROWS or size >= _MERGED_BYTES:
            yield _concatenated(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield _concatenated(waiting)


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def piece_batches(piece: Piece, fields: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read one piece, whatever its layout.

    Args:
        piece: what to read.
        fields: the known fields of the table.

    Yields:
        Batches of records.

    Raises:
        OSError: the file cannot be read, or its gzip layer is broken.
        EOFError: its gzip layer ends too early.
        zlib.error: its gzip layer is broken.
        pyarrow.ArrowException: its Parquet layer is broken.
        ValueError: it is no longer the document that it was.
    """
    origin = (piece.source_file, piece.sha256)
    with _opened(piece) as stream:
        stream.seek(piece.start)
        if piece.layout == "parquet":
            yield from parquet_batches(
                stream,
                piece.row_groups,
                piece.first_row,
                fields,
                origin,
                keeps_others=piece.keeps_others,
            )
        elif piece.layout == "json_document":
            document = stream.read().decode("utf-8")
            yield from document_batches(document, fields, origin, keeps_others=piece.keeps_others)
        elif piece.layout == "csv":
            yield from _csv(piece, stream, fields, origin)
        else:
            yield from _lines(piece, stream, fields, origin)


def _opened(piece: Piece) -> BinaryIO:
    path = Path(piece.path)
    if piece.is_gzip:
        return cast(BinaryIO, gzip.GzipFile(path, "rb"))
    return path.open("rb")


def _blocks(piece: Piece, stream: BinaryIO) -> Iterator[bytes]:
    length = None if piece.end is None else piece.end - piece.start
    return line_blocks(stream, _BLOCK_BYTES, length)


def _lines(
    piece: Piece, stream: BinaryIO, fields: Sequence[str], origin: tuple[str, str]
) -> Iterator[pa.RecordBatch]:
    first_line = piece.first_line
    for block in _blocks(piece, stream):
        lines, invalid = decoded_lines(block)
        # Very short lines would make very long batches.
        for start in range(0, len(lines), _BATCH_LINES):
            part = lines[start : start + _BATCH_LINES]
            shifted = {index - start for index in invalid}
            line = first_line + start
            if piece.layout == "tab_lines":
                yield from tab_line_batches(part, shifted, line, piece.header, fields, origin)
            else:
                yield from json_line_batches(
                    part, shifted, line, fields, origin, keeps_others=piece.keeps_others
                )
        first_line += len(lines)


def _csv(
    piece: Piece, stream: BinaryIO, fields: Sequence[str], origin: tuple[str, str]
) -> Iterator[pa.RecordBatch]:
    header = Header(piece.header, piece.header_lines, piece.delimiter)
    first_line = piece.first_line
    if piece.start == 0:
        for _ in range(header.line_count):
            stream.readline()
        piece = replace(piece, start=stream.tell())
        first_line += header.line_count
    yield from csv_batches(_blocks(piece, stream), header, first_line, fields, origin)
