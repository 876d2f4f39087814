"""What an error of Spark means for its user: the server is gone, a table's file is, or neither.

Spark Connect, the Thrift server and dbt wrap one cause in different words; they are looked for here
and nowhere else.
"""

import re
from urllib.parse import unquote

# of gRPC and PySpark's client, then of the Thrift client
_GONE = (
    "UNAVAILABLE",
    "RETRIES_EXCEEDED",
    "Retries exceeded",
    "TSocket read 0 bytes",
    "Could not connect to any of",
    "Connection refused",
    "Connection reset by peer",
    "Broken pipe",
    # it lives, but has ended the session: its clock has jumped
    "INVALID_HANDLE.SESSION_CLOSED",
)
# of Spark, Delta, Parquet and Hadoop
_DAMAGE = (
    "FAILED_READ_FILE",
    "DELTA_FILE_NOT_FOUND",
    "DELTA_TRUNCATED_TRANSACTION_LOG",
    "DELTA_VERSIONS_NOT_CONTIGUOUS",
    "DELTA_MISSING_TRANSACTION_LOG",
    "FileNotFoundException",
    "is not a Parquet file",
)
_FILE = re.compile(r"(?:file|s3a):/[^\s'\"`,;\]]+?\.(?:parquet|json|bin|crc)\b")
_MISSING_CLASS = re.compile(r"ClassNotFoundException\W+([\w.$]+)")
_TABLE_OF_FILE = re.compile(r"/(\w+)\.db/(\w+)/")


def is_gone(text: str) -> bool:
    """Tell whether an error means that the server is gone, or has ended the session.

    Args:
        text: the error's.
    """
    return any(word in text for word in _GONE)


def missing_class(text: str) -> str | None:
    """Name the Java class that the server has not.

    Args:
        text: the error's.

    Returns:
        ``None`` when the error is about something else.
    """
    found = _MISSING_CLASS.search(text)
    return None if found is None else found[1]


def damage(text: str) -> str | None:
    """Say in one line which table has lost which file.

    Args:
        text: the error's, whole.

    Returns:
        ``None`` when the error is about something else.
    """
    if not any(word in text for word in _DAMAGE):
        return None
    found = _FILE.search(text)
    if found is None:
        return None
    path = unquote(re.sub(r"^file:/+", "/", found.group()))
    table = _TABLE_OF_FILE.search(path)
    whose = f"{table[1]}.{table[2]}: " if table else ""
    return (
        f"{whose}the file {path} is lost or damaged; `attribution doctor` looks at all tables,"
        " docs/runbook.md (A lost file) says how to go on"
    )
