"""A connection to PostgreSQL whose troubles are one line for a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import Database

if TYPE_CHECKING:
    import psycopg2.extensions

_CONNECT_SECONDS = 10


def check_reachable(url: str, what: str, error: type[UserError]) -> None:
    """Make sure that a database answers.

    Args:
        url: with user and password; never shown.
        what: it is, as in ``Dagster's database``.
        error: raised instead of the driver's own.

    Raises:
        UserError: of the given class: it cannot be reached.
    """
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg2.OperationalError as refusal:
        raise error(f"{what} cannot be reached: {' '.join(str(refusal).split())}") from refusal
    except psycopg2.ProgrammingError:
        # not its text: it quotes the address
        raise error(f"{what} has an address that is none") from None


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
