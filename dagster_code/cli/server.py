"""Commands for the local Spark server, and for Dagster's."""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from dagster_code.cli.helping import command
from dagster_code.cli.options import json_option, quiet_option
from dagster_code.cli.printing import print_told
from dagster_code.lib.progress import announce
from dagster_code.lib.settings import Settings, load_settings
from dagster_code.lib.style import bad, good, warning
from dagster_code.lib.told import Told

if TYPE_CHECKING:
    from dagster_code.lib.server_state import ServerState

_DOWN = 3
# What a person is told, and the document's key for it.
_TOLD = {
    "process": "pid",
    "Spark Connect": "spark_connect",
    "its token": "token_file",
    "Thrift": "thrift",
    "Spark UI": "spark_ui",
    "home": "home",
}


@command(
    "Server",
    "attribution up",
    "# with more memory, from this start on",
    "ATTRIBUTION_DRIVER_MEMORY=8g attribution up",
)
@json_option
@quiet_option
def up(as_json: bool) -> None:
    """Start the local Spark server, or find it running."""
    from dagster_code.lib import server

    settings = load_settings()
    print_told(_server_told(settings, server.start(settings, announce)), as_json)


@command("Server", "attribution down")
@json_option
def down(as_json: bool) -> None:
    """Stop the local Spark server."""
    from dagster_code.lib import server

    was_up = server.stop(load_settings())
    word = "stopped" if was_up else "the server was not running"
    print_told(Told([f"{word}\n"], {"was_up": was_up}), as_json)


@command(
    "Server",
    "attribution status",
    "# in a script",
    "attribution status > /dev/null || attribution up",
    "attribution status --json | jq -r .spark_connect",
)
@json_option
def status(as_json: bool) -> None:
    """Say whether the local Spark server runs, and where. Exit code 3 when it does not.

    A backfill at work in its place is told too.
    """
    from dagster_code.lib import server

    settings = load_settings()
    state = server.status(settings)
    print_told(_server_told(settings, state), as_json)
    if state is None or state.status != "ready":
        sys.exit(_DOWN)


@command("Server", "attribution dev", "attribution dev --port 3001")
@quiet_option
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 3000, or a free one.")
def dev(port: int | None) -> None:
    """Show the pipeline in Dagster's UI, on this machine only."""
    from dagster_code.lib.dev_server import exec_dagster_dev

    exec_dagster_dev(load_settings(), port, announce)


def _server_told(settings: Settings, state: "ServerState | None") -> Told:
    """Tell how the server is and where it is found."""
    document: dict[str, object] = {"status": "down", "home": str(settings.home)}
    if state is None:
        told = f"{bad('down')}  (home {settings.home}); start it with `attribution up`\n"
        return Told([told], document)
    from dagster_code.lib.connect_token import token_path
    from dagster_code.lib.session import connect_url, jdbc_url

    document |= {
        "status": state.status,
        "started_at": state.started_at.isoformat(timespec="seconds"),
        "pid": state.pid,
    }
    if state.status != "backfill":
        document |= {
            "spark_connect": connect_url(state.connect_port),
            "token_file": str(token_path(settings)),
            "thrift": jdbc_url(state.thrift_port),
            "spark_ui": f"http://127.0.0.1:{state.ui_port}",
        }
    return Told(_server_lines(document, state), document)


def _server_lines(document: Mapping[str, object], state: "ServerState") -> Iterator[str]:
    word = good("up") if state.status == "ready" else warning(state.status)
    yield f"{word}  since {state.started_at:%F %T} UTC\n"
    for name, key in _TOLD.items():
        if key in document:
            yield f"{name:<15}{document[key]}\n"
