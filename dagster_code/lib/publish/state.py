"""What has been published, kept beside the tables themselves: in the database, in one transaction.

``attribution_published`` has a row per table: which Delta version its rows are of, and which table
that was (a Delta table that is made anew counts its versions from zero under another id).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg2.extensions

STATE_TABLE = "attribution_published"

_CREATE = f"""\
create table if not exists {STATE_TABLE} (
    table_name text primary key,
    delta_id text not null,
    delta_version bigint not null,
    row_count bigint not null,
    definition text not null,
    published_at timestamp with time zone not null default now()
)"""


@dataclass(frozen=True)
class Published:
    """What a published table is of.

    Attributes:
        delta_id: of the Delta table.
        delta_version: whose rows it has.
        row_count: how many they are.
        definition: its columns and keys; with other ones it is made anew.
        published_at: when, in UTC.
    """

    delta_id: str
    delta_version: int
    row_count: int
    definition: str
    published_at: datetime


def read_published(cursor: "psycopg2.extensions.cursor") -> Mapping[str, Published]:
    """Read what is published, by table; makes the register if it is not there.

    Args:
        cursor: whose search path begins with the schema of the published tables.
    """
    cursor.execute(_CREATE)
    cursor.execute(
        "select table_name, delta_id, delta_version, row_count, definition, published_at"
        f" from {STATE_TABLE}"
    )
    return {name: Published(*rest) for name, *rest in cursor.fetchall()}


def note_published(
    cursor: "psycopg2.extensions.cursor",
    table: str,
    delta_id: str,
    delta_version: int,
    row_count: int,
    definition: str,
) -> None:
    """Note what a table is of, in the transaction that brings its rows.

    Args:
        cursor: of that transaction.
        table: its name.
        delta_id: of the Delta table.
        delta_version: whose rows it has now.
        row_count: how many they are.
        definition: its columns and keys.
    """
    cursor.execute(
        f"insert into {STATE_TABLE}"
        " (table_name, delta_id, delta_version, row_count, definition)"
        " values (%s, %s, %s, %s, %s)"
        " on conflict (table_name) do update set delta_id = excluded.delta_id,"
        " delta_version = excluded.delta_version, row_count = excluded.row_count,"
        " definition = excluded.definition, published_at = now()",
        (table, delta_id, delta_version, row_count, definition),
    )
