"""How a landing reads its records: this project's own, or another form's through a mapping."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession

import dagster_code.lib.landing
from dagster_code.lib.landing.discover import FileNote
from dagster_code.lib.landing.foreign import ForeignForm
from dagster_code.lib.landing.pieces import Piece
from dagster_code.lib.landing.schema import FIELDS, Kind
from dagster_code.lib.landing.source import SOURCE_NAME, landing_source
from dagster_code.lib.mapping.mapping import EventMapping
from dagster_code.lib.mapping.sql import counted_names, lenient_session, mapped, name_notes


@dataclass(frozen=True)
class Reading:
    """What is read of each record, and what becomes of it.

    Attributes:
        kind: ``events``, ``clients`` or ``spend``.
        mapping: turns records of another form into events; ``None``: they are this project's own.
    """

    kind: Kind
    mapping: EventMapping | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read into columns of their own."""
        if self.mapping is None:
            return FIELDS[self.kind]
        return tuple(column.name for column in self.mapping.columns)

    @property
    def foreign(self) -> ForeignForm | None:
        """What tells files of the other form."""
        if self.mapping is None:
            return None
        is_tabs = self.mapping.form == "tab_lines"
        demanded = self.mapping.recognised_by
        return ForeignForm(self.mapping.name, demanded, self.fields if is_tabs else ())

    def session(self, spark: SparkSession) -> AbstractContextManager[None]:
        """Set a session up for the time of the landing.

        Args:
            spark: whose settings a mapping needs otherwise.
        """
        return nullcontext() if self.mapping is None else lenient_session(spark)

    def records(self, spark: SparkSession, tasks: Sequence[Sequence[Piece]]) -> DataFrame:
        """Read records as they are in their files.

        Args:
            spark: session.
            tasks: the pieces of each Spark task.
        """
        # Executors then need nothing of this project installed.
        # PySpark's copy of cloudpickle has no types
        cloudpickle.register_pickle_by_value(dagster_code.lib.landing)  # type: ignore[no-untyped-call]
        spark.dataSource.register(landing_source(tasks, self.fields))
        return spark.read.format(SOURCE_NAME).load()

    def as_landed(self, records: DataFrame) -> DataFrame:
        """Bring records into the form in which they land.

        Args:
            records: of ``records``.
        """
        return records if self.mapping is None else mapped(records, self.mapping)

    def notes(self, records: DataFrame) -> tuple[FileNote, ...]:
        """Tell by name which records a mapping keeps and which it leaves out; reads them all.

        Args:
            records: of ``records``.
        """
        if self.mapping is None:
            return ()
        return name_notes(counted_names(records, self.mapping), self.mapping)
