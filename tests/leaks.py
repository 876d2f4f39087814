"""Where a secret shows, of all the places in which somebody might look."""

import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from psutil import process_iter
from pyhive import hive

from dagster_code.lib.server import ensure_running
from tests.increments.homes import DrivenHome


def leaks(home: DrivenHome, secret: str, kept_in: Iterable[Path] = ()) -> list[str]:
    """Name the places that show a secret: files, processes, Spark's page, its settings, its plans.

    Args:
        home: whose server is up or can be started.
        secret: that nobody shall see.
        kept_in: the files that hold it, for their owner alone.
    """
    state = ensure_running(home.settings, lambda _line: None)
    root = f"http://127.0.0.1:{state.ui_port}/api/v1/applications"
    application = json.loads(_page(root))[0]["id"]
    every = "sql?details=true&planDescription=true&length=100000"
    commands = [" ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"])]
    shown = {
        "plans": _page(f"{root}/{application}/{every}"),
        "Spark's environment": _page(f"{root}/{application}/environment"),
        "processes": "\n".join(commands),
        **{sql: _answer(state.thrift_port, sql) for sql in ("set", "set -v")},
    }
    assert len(shown["plans"]) > 1000
    private = set(kept_in)
    assert all(not path.stat().st_mode & 0o077 for path in private)
    folder = home.settings.home
    files = [*folder.rglob("*"), *folder.with_name(f"{folder.name}-commands").iterdir()]
    for path in files:
        if path.is_file() and path.suffix != ".parquet" and path not in private:
            shown[str(path)] = path.read_bytes().decode("latin-1")
    return [where for where, text in shown.items() if secret in text]


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode("utf-8"))


def _answer(port: int, sql: str) -> str:
    with hive.connect("127.0.0.1", port, auth="NOSASL").cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchall())
