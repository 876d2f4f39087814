"""A mapping on Spark: records of another form in, events of this project out, one for one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.batches import spark_schema
from dagster_code.lib.landing.discover import FileNote
from dagster_code.lib.landing.schema import EVENT_FIELDS
from dagster_code.lib.mapping.mapping import Column as MappedColumn
from dagster_code.lib.mapping.mapping import EventMapping, Expression
from dagster_code.lib.query import as_user_error
from dagster_code.lib.spark_errors import is_gone

_ORIGIN = ("unreadable", "problem", "source_file", "source_sha256", "source_position")
_ANSI = "spark.sql.ansi.enabled"
# How many event names are told, the most frequent first.
_TOLD_NAMES = 20
_EVENT_NAME = "mapping_event_name"
_EVENT_TYPE = "mapping_event_type"


@contextmanager
def lenient_session(spark: SparkSession) -> Iterator[None]:
    """Let a value that cannot be cast be null, as in every session of dbt-spark.

    Args:
        spark: whose setting is changed meanwhile.
    """
    before = spark.conf.get(_ANSI)
    spark.conf.set(_ANSI, "false")
    try:
        yield
    finally:
        spark.conf.set(_ANSI, str(before))


def check_sql(spark: SparkSession, mapping: EventMapping) -> None:
    """Have Spark look at every expression of a mapping, without any data.

    Args:
        spark: session.
        mapping: read, and without other mistakes.

    Raises:
        UserError: Spark does not accept a type or an expression; names file, line and field.
    """
    names = tuple(column.name for column in mapping.columns)
    with lenient_session(spark):
        nothing = spark.createDataFrame([], spark_schema(names))
        if _complaint(lambda: mapped(nothing, mapping)) is None:
            return
        _refuse_column(nothing, mapping)
        known = _typed(nothing, mapping)
        for name, expression in mapping.values:
            _refuse_if_wrong(known, mapping, expression)
            known = known.withColumn(name, F.expr(expression.sql))
        for expression in _expressions(mapping):
            _refuse_if_wrong(known, mapping, expression)
        raise UserError(f"{mapping.shown}: {_complaint(lambda: mapped(nothing, mapping))}")


def mapped(records: DataFrame, mapping: EventMapping) -> DataFrame:
    """Map records to events; those whose event is of no interest are left out.

    Args:
        records: what the landing reads, the mapping's columns as texts.
        mapping: a checked mapping.

    Returns:
        The known fields of events as texts, ``extra``, and where each record came from. What could
        not be read stays as it is.
    """
    return (
        _named_events(records, mapping)
        .where(F.col("problem").isNotNull() | F.col(_EVENT_TYPE).isNotNull())
        .select(*_fields(mapping), _extra(mapping), *_ORIGIN)
    )


def counted_names(records: DataFrame, mapping: EventMapping) -> DataFrame:
    """Count the records by the name of their event, the most frequent ones.

    Args:
        records: what the landing reads.
        mapping: a checked mapping.

    Returns:
        ``event_name``, ``event_type`` (null: left out), ``records``; and of all names that are
        kept or left out alike ``all_records`` and ``all_names``.
    """
    alike = Window.partitionBy("is_kept")
    frequent = alike.orderBy(F.desc("records"), F.col("event_name").asc_nulls_last())
    return (
        _named_events(records, mapping)
        .where(F.col("problem").isNull())
        .groupBy(F.col(_EVENT_NAME).alias("event_name"), F.col(_EVENT_TYPE).alias("event_type"))
        .agg(F.count(F.lit(1)).alias("records"))
        .withColumn("is_kept", F.col("event_type").isNotNull())
        .withColumn("all_records", F.sum("records").over(alike))
        .withColumn("all_names", F.count(F.lit(1)).over(alike))
        .withColumn("place", F.row_number().over(frequent))
        .where(F.col("place") <= _TOLD_NAMES)
        .orderBy(F.desc("is_kept"), "place")
    )


def name_notes(counts: DataFrame, mapping: EventMapping) -> tuple[FileNote, ...]:
    """Tell which records are kept and which are left out.

    Args:
        counts: of ``counted_names``; a few dozen rows.
        mapping: whose they are.
    """
    rows = counts.collect()
    notes: list[FileNote] = []
    for is_kept, what in ((True, "mapped"), (False, "left out by the mapping")):
        told = [row for row in rows if row["is_kept"] == is_kept]
        if not told:
            continue
        total, names = told[0]["all_records"], told[0]["all_names"]
        listed = [
            f"{row['event_name'] or 'without a name'} {row['records']:,}"
            for row in told[:_TOLD_NAMES]
        ]
        if names > len(told):
            listed.append(f"{names - len(told):,} more names")
        plural = "" if total == 1 else "s"
        notes.append(
            FileNote(
                f"mapping {mapping.name}", f"{what}: {total:,} record{plural}: " + ", ".join(listed)
            )
        )
    return tuple(notes)


def _named_events(records: DataFrame, mapping: EventMapping) -> DataFrame:
    known = _typed(records, mapping)
    for name, expression in mapping.values:
        known = known.withColumn(name, F.expr(expression.sql))
    event_name = F.expr(mapping.event_name.sql).cast("string")
    return known.withColumn(_EVENT_NAME, F.trim(event_name)).withColumn(
        _EVENT_TYPE, _event_type(F.lower(F.col(_EVENT_NAME)), mapping)
    )


def _typed(records: DataFrame, mapping: EventMapping) -> DataFrame:
    columns = [_read(column.name, column.type) for column in mapping.columns]
    return records.select(*columns, *_ORIGIN)


def _read(name: str, kind: str) -> Column:
    column = F.col(f"`{name}`")
    if kind == "string":
        return column
    is_nested = kind.lower().startswith(("array", "struct", "map"))
    read = F.from_json(column, kind) if is_nested else column.cast(kind)
    return read.alias(name)


def _event_type(name: Column, mapping: EventMapping) -> Column:
    chosen: Column = F.lit(None).cast("string")
    for event_name, event_type in reversed(mapping.event_types):
        chosen = F.when(name == event_name, event_type).otherwise(chosen)
    return chosen


def _fields(mapping: EventMapping) -> list[Column]:
    given = dict(mapping.fields)
    columns: list[Column] = []
    for field in EVENT_FIELDS:
        if field == "event_type":
            value = F.col(_EVENT_TYPE)
        elif field in given:
            tried = [_as_text(expression) for expression in given[field]]
            value = F.coalesce(*tried)
        else:
            value = F.lit(None).cast("string")
        # An expression may make something of nothing, like a hash.
        columns.append(F.when(F.col("problem").isNull(), value).alias(field))
    return columns


def _as_text(expression: Expression) -> Column:
    """Cast to text; an empty one is none, so that the next expression is tried."""
    return F.nullif(F.expr(expression.sql).cast("string"), F.lit(""))


def _extra(mapping: EventMapping) -> Column:
    nothing = F.lit(None).cast("map<string,string>")
    if not mapping.extra:
        return nothing.alias("extra")
    pairs: list[Column] = []
    # sorted, as the landing sorts the fields it does not know
    for name, expression in sorted(mapping.extra):
        pairs += [F.lit(name), _as_text(expression)]
    kept = F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull())
    is_any = F.col("problem").isNull() & (F.size(kept) > 0)
    return F.when(is_any, kept).otherwise(nothing).alias("extra")


def _expressions(mapping: EventMapping) -> Sequence[Expression]:
    tried = [expression for _, expressions in mapping.fields for expression in expressions]
    return [mapping.event_name, *tried, *(expression for _, expression in mapping.extra)]


def _refuse_column(nothing: DataFrame, mapping: EventMapping) -> None:
    for column in mapping.columns:
        reason = _complaint(partial(_select_typed, nothing, column))
        if reason is not None:
            where = Expression(column.type, column.line, f"column {column.name}")
            mapping.refuse(where, reason)


def _select_typed(nothing: DataFrame, column: MappedColumn) -> DataFrame:
    return nothing.select(_read(column.name, column.type))


def _refuse_if_wrong(known: DataFrame, mapping: EventMapping, expression: Expression) -> None:
    # Inside of something, so that what makes several rows of one is refused;
    # beside a column, so that what puts several rows into one is
    reason = _complaint(
        lambda: known.select("source_file", F.coalesce(F.expr(expression.sql).cast("string")))
    )
    if reason is not None:
        mapping.refuse(expression, reason)


def _complaint(build: Callable[[], DataFrame]) -> str | None:
    """What Spark has against a frame; ``None`` when nothing."""
    try:
        _ = build().schema
    except PySparkException as error:
        if is_gone(str(error)):
            raise
        return str(as_user_error(error))
    return None
