"""Commands for the local Spark server, and for Dagster's."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from dagster_code.cli.helping import command
from dagster_code.cli.printing import print_lines
from dagster_code.lib.progress import announce
from dagster_code.lib.settings import Settings, load_settings

if TYPE_CHECKING:
    from dagster_code.lib.server_state import ServerState

_DOWN = 3


@command(
    "Server",
    "attribution up",
    "# with more memory, from this start on",
    "ATTRIBUTION_DRIVER_MEMORY=8g attribution up",
)
def up() -> None:
    """Start the local Spark server, or find it running."""
    from dagster_code.lib import server

    settings = load_settings()
    print_lines(_server_lines(settings, server.start(settings, announce)))


@command("Server", "attribution down")
def down() -> None:
    """Stop the local Spark server."""
    from dagster_code.lib import server

    was_up = server.stop(load_settings())
    click.echo("stopped" if was_up else "the server was not running")


@command(
    "Server",
    "attribution status",
    "# in a script",
    "attribution status > /dev/null || attribution up",
)
def status() -> None:
    """Say whether the local Spark server runs, and where. Exit code 3 when it does not.

    A backfill at work in its place is told too.
    """
    from dagster_code.lib import server

    settings = load_settings()
    state = server.status(settings)
    if state is None:
        click.echo(f"down  (home {settings.home}); start it with `attribution up`")
        sys.exit(_DOWN)
    print_lines(_server_lines(settings, state))
    if state.status != "ready":
        sys.exit(_DOWN)


@command("Server", "attribution dev", "attribution dev --port 3001")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 3000, or a free one.")
def dev(port: int | None) -> None:
    """Show the pipeline in Dagster's UI, on this machine only."""
    from dagster_code.lib.dev_server import exec_dagster_dev

    exec_dagster_dev(load_settings(), port, announce)


def _server_lines(settings: Settings, state: "ServerState") -> Iterator[str]:
    from dagster_code.lib.connect_token import token_path
    from dagster_code.lib.session import connect_url, jdbc_url

    word = "up" if state.status == "ready" else state.status
    yield f"{word}  since {state.started_at:%F %T} UTC\n"
    yield f"process        {state.pid}\n"
    if state.status == "backfill":
        yield f"home           {settings.home}\n"
        return
    yield f"Spark Connect  {connect_url(state.connect_port)}\n"
    yield f"its token      {token_path(settings)}\n"
    yield f"Thrift         {jdbc_url(state.thrift_port)}\n"
    yield f"Spark UI       http://127.0.0.1:{state.ui_port}\n"
    yield f"home           {settings.home}\n"
