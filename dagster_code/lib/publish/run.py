"""A publication: stage what changed, bring all tables up to date at one instant, read them back."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException

from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.postgres import connected
from dagster_code.lib.progress import Progress
from dagster_code.lib.publish.changes import Change, change_of, definition
from dagster_code.lib.publish.columns import column_definitions, postgres_name
from dagster_code.lib.publish.marts import EVENTS, SCHEMA, Mart, MartVersion, version_of
from dagster_code.lib.publish.reconcile import reconcile
from dagster_code.lib.publish.state import STATE_TABLE, Published, note_published, read_published
from dagster_code.lib.settings import Database, Settings
from dagster_code.lib.spark_errors import missing_class

if TYPE_CHECKING:
    import psycopg2.extensions
    from pyspark.sql import DataFrame, SparkSession

# Any number that nobody else in this database takes for a lock of his own.
_LOCK = 4_711_000_002
_BATCH_ROWS = 10_000
_DRIVER = "org.postgresql.Driver"
_WRITERS = 4


@dataclass(frozen=True)
class Publication:
    """What became of a mart.

    Attributes:
        mart: its name.
        why: what had to go over, in words.
        rows_written: rows that are new or differ.
        rows_deleted: rows that are gone, and those that differ in their former form.
        row_count: how many it has now.
    """

    mart: str
    why: str
    rows_written: int
    rows_deleted: int
    row_count: int


def publish(
    spark: "SparkSession",
    settings: Settings,
    marts: Sequence[Mart],
    progress: Progress,
) -> list[Publication]:
    """Bring the published tables up to date, all of them at one instant.

    Args:
        spark: a session on the home's server, whose class path has PostgreSQL's driver.
        settings: where to; the schema is made if it is not there.
        marts: which ones.
        progress: told what is staged.

    Raises:
        UserError: no database is configured, or the server was started when none was.
        RunFailedError: the database cannot be reached, or what it has afterwards is not what the
            marts have; then it keeps what it had before.
    """
    database, schema = settings.publish_to, settings.publish_schema
    if database is None:
        raise UserError(
            "ATTRIBUTION_PUBLISH_URL is missing: jdbc:postgresql://HOST:5432/DATABASE, where the"
            " marts are published"
        )
    incoming = f"{schema}_incoming"
    with connected(database, "the database", RunFailedError) as connection:
        with connection.cursor() as cursor:
            # one publication at a time; the lock goes with the connection
            cursor.execute("select pg_advisory_lock(%s)", (_LOCK,))
            own = {mart.schema for mart in marts} - {SCHEMA}
            for name in (schema, incoming, *sorted(own)):
                cursor.execute(f"create schema if not exists {postgres_name(name)}")
            cursor.execute(f"set search_path to {postgres_name(schema)}")
            before = read_published(cursor)
        connection.commit()
        staged: list[tuple[MartVersion, Change]] = []
        for mart in marts:
            now = version_of(spark, mart)
            change = change_of(spark, now, before.get(mart.name))
            progress(f"{mart.name}: {change.why}")
            if change.rows is not None:
                with connection.cursor() as cursor:
                    _make_staging(cursor, incoming, now)
                connection.commit()
                _write(change.rows, database, incoming, mart.name)
                if change.gone is not None:
                    _write(change.gone, database, incoming, f"{mart.name}_gone")
            staged.append((now, change))
        with connection.cursor() as cursor:
            done = [
                _bring_up(
                    cursor,
                    now.mart.published_as(schema),
                    incoming,
                    now,
                    change,
                    before.get(now.mart.name),
                )
                for now, change in staged
            ]
            for (now, _), publication in zip(staged, done, strict=True):
                reconcile(spark, cursor, now, now.mart.published_as(schema))
                note_published(
                    cursor, now.mart.name, now.delta_id, now.version,
                    publication.row_count, definition(now),
                )  # fmt: skip
            for name in sorted(before.keys() - {mart.name for mart in marts}):
                _drop(cursor, schema, name)
        connection.commit()
        with connection.cursor() as cursor:
            cursor.execute(f"drop schema {postgres_name(incoming)} cascade")
        connection.commit()
    return done


def _make_staging(cursor: "psycopg2.extensions.cursor", incoming: str, now: MartVersion) -> None:
    for name in (now.mart.name, f"{now.mart.name}_gone"):
        table = f"{postgres_name(incoming)}.{postgres_name(name)}"
        cursor.execute(f"drop table if exists {table}")
        cursor.execute(f"create unlogged table {table} ({column_definitions(now.schema)})")


def _write(rows: "DataFrame", database: Database, schema: str, table: str) -> None:
    writer = (
        rows.repartition(_WRITERS)
        .write.format("jdbc")
        .options(
            # texts without a type, so that PostgreSQL takes them for jsonb where the column is that
            url=f"jdbc:postgresql://{database.place}?stringtype=unspecified&reWriteBatchedInserts=true",
            driver=_DRIVER,
            dbtable=f"{postgres_name(schema)}.{postgres_name(table)}",
            user=database.user,
            password=database.password,
            batchsize=_BATCH_ROWS,
        )
    )
    try:
        writer.mode("append").save()
    except PySparkException as error:
        if missing_class(str(error)) != _DRIVER:
            raise
        raise UserError(
            "the Spark server was started without ATTRIBUTION_PUBLISH_URL and has not PostgreSQL's"
            " driver: `attribution down`, then the same command again"
        ) from error


def _bring_up(
    cursor: "psycopg2.extensions.cursor",
    table: str,
    incoming: str,
    now: MartVersion,
    change: Change,
    before: Published | None,
) -> Publication:
    """Make a table what the mart is, by row: a reader's transaction keeps what it has seen."""
    staged = f"{postgres_name(incoming)}.{postgres_name(now.mart.name)}"
    gone = f"{postgres_name(incoming)}.{postgres_name(f'{now.mart.name}_gone')}"
    written = deleted = 0
    if change.rows is not None:
        if before is None or before.definition != definition(now):
            _make_table(cursor, table, now)
        if change.gone is None:
            cursor.execute(
                f"delete from {table} as old where not exists (select 1 from {staged} as new"
                f" where {_same_key(now)} and row(old.*) is not distinct from row(new.*))"
            )
            deleted = cursor.rowcount
            cursor.execute(
                f"insert into {table} select * from {staged} as new"
                f" where not exists (select 1 from {table} as old where {_same_key(now)})"
            )
        else:
            cursor.execute(f"delete from {table} as old using {gone} as new where {_same_key(now)}")
            deleted = cursor.rowcount
            cursor.execute(f"insert into {table} select * from {staged}")
        written = cursor.rowcount
    cursor.execute(f"select count(*) from {table}")
    (count,) = cursor.fetchone() or (0,)
    return Publication(now.mart.name, change.why, written, deleted, count)


def _make_table(cursor: "psycopg2.extensions.cursor", table: str, now: MartVersion) -> None:
    cursor.execute(f"drop table if exists {table} cascade")
    cursor.execute(f"create table {table} ({column_definitions(now.schema)})")
    cursor.execute(f"create unique index on {table} ({', '.join(now.key_expressions())})")
    for field in now.schema.fields:
        if field.name not in now.mart.keys:
            continue
        # for texts one that takes any length
        method = "hash" if field.dataType.simpleString() == "string" else "btree"
        cursor.execute(f"create index on {table} using {method} ({postgres_name(field.name)})")


def _drop(cursor: "psycopg2.extensions.cursor", schema: str, name: str) -> None:
    """Drop what is published no more: readers would take it for up to date."""
    events_schema, _, events = EVENTS.partition(".")
    mart = Mart(events_schema if name == events else SCHEMA, name, ())
    cursor.execute(f"drop table if exists {mart.published_as(schema)} cascade")
    cursor.execute(f"delete from {STATE_TABLE} where table_name = %s", (name,))


def _same_key(now: MartVersion) -> str:
    pairs = zip(now.key_expressions("old"), now.key_expressions("new"), strict=True)
    return " and ".join(f"{old} = {new}" for old, new in pairs)


def publication_table(
    done: Sequence[Publication],
) -> tuple[tuple[str, ...], tuple[str, ...], list[tuple[object, ...]]]:
    """Lay a publication out for printing.

    Args:
        done: what became of each mart.

    Returns:
        Names, kinds and rows, as ``query.lines`` takes them.
    """
    names = tuple(field.name for field in fields(Publication))
    kinds = ("text", "text", *["number"] * 3)
    return names, kinds, [astuple(publication) for publication in done]
