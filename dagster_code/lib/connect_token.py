"""The token without which Spark Connect answers nobody: ``server/connect_token`` of a home.

It is made by the first start of the home's server, with mode 0600, and stays: a notebook that knows
it goes on after a restart. The server gets it by its environment, which only its owner reads; Spark
itself puts nothing of it into logs, plans or its web page.
"""

import secrets
from pathlib import Path

from dagster_code.lib.files import write_privately
from dagster_code.lib.settings import Settings

# Read by Spark Connect's server, and by PySpark where the address has no token.
TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"

_TOKEN_BYTES = 32


def token_path(settings: Settings) -> Path:
    """Say where the token is.

    Args:
        settings: whose home.
    """
    return settings.server_dir / "connect_token"


def read_token(settings: Settings) -> str:
    """Read the token of a home.

    Args:
        settings: whose home.

    Returns:
        Nothing (``""``) where no server was started yet.
    """
    try:
        return token_path(settings).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def made_token(settings: Settings) -> str:
    """Read the token of a home, which is made first where there is none.

    A file that others could read is not trusted any more: it gets another token.

    Args:
        settings: whose home.
    """
    path = token_path(settings)
    is_private = path.is_file() and not path.stat().st_mode & 0o077
    found = read_token(settings) if is_private else ""
    if found:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    write_privately(path, f"{token}\n")
    return token
