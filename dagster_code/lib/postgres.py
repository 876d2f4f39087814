"""A connection to PostgreSQL whose troubles are one line for a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import Database

if TYPE_CHECKING:
    import psycopg2.extensions

_CONNECT_SECONDS = 10


@contextmanager
def connected(
    database: Database, what: str, error: type[UserError]
) -> Iterator["psycopg2.extensions.connection"]:
    """Open a connection, and close it however this ends; what is not committed is undone.

    Args:
        database: which one.
        what: it is, as in ``the metastore``.
        error: raised instead of the driver's own.

    Raises:
        UserError: of the given class: it cannot be reached, or refused a statement.
    """
    import psycopg2

    try:
        connection = psycopg2.connect(
            f"postgresql://{database.place}",
            user=database.user,
            password=database.password,
            connect_timeout=_CONNECT_SECONDS,
            application_name="attribution",
        )
    except psycopg2.OperationalError as refusal:
        reason = " ".join(str(refusal).split())
        raise error(
            f"{what} {database.place} cannot be reached as {database.user}: {reason}"
        ) from refusal
    try:
        yield connection
    except psycopg2.Error as refusal:
        raise error(f"{what} {database.place}: {' '.join(str(refusal).split())}") from refusal
    finally:
        connection.close()
