"""The `attribution` command: argument parsing and printing only.

Whatever imports Spark, dbt or Dagster is imported where it is used: `attribution status` must not
wait for them.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dagster_code.lib.errors import UserError
from dagster_code.lib.progress import announce, show_progress
from dagster_code.lib.settings import SAMPLE_EVENTS, Settings, load_settings
from dagster_code.lib.terminal import printable

if TYPE_CHECKING:
    from dagster_code.lib.server_state import ServerState

_INTERRUPTED = 130
_DOWN = 3
_ILL = 1


def path_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what to land.

    Args:
        command: takes ``events``, ``clients`` and ``spend``.
    """
    for kind, what in (("spend", "ad spend"), ("clients", "clients"), ("events", "events")):
        help_text = f"File or folder with {what}."
        command = click.option(f"--{kind}", multiple=True, metavar="PATH", help=help_text)(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="attribution")
def cli() -> None:
    """Marketing attribution on Delta Lake, from raw events to answers.

    All state is in ATTRIBUTION_HOME (default: .attribution/ in the checkout).
    """


@cli.command()
@path_options
@click.option("--vars", "variables", metavar="YAML", help="dbt variables: a mapping or its file.")
@click.option("--full-refresh", is_flag=True, help="Build every table from nothing.")
@click.option(
    "--dry-run", is_flag=True, help="Only say what would land and be built; change nothing."
)
def run(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    variables: str | None,
    full_refresh: bool,
    dry_run: bool,
) -> None:
    """Land what is new and bring every table up to date.

    Without a PATH, lands the folders events/, clients/ and spend/ of the landing folder.
    Exit code 0 only if all of it worked.
    """
    from dagster_code.lib.commands.arguments import checked_delivery, checked_variables
    from dagster_code.lib.commands.run import dry_run_lines, run_pipeline

    settings = load_settings()
    given = checked_variables(variables)
    paths = checked_delivery(events, clients, spend)
    if dry_run:
        _print(dry_run_lines(settings, paths, given, full_refresh, announce))
        return
    _print(run_pipeline(settings, paths, given, full_refresh, announce))


@cli.command()
@path_options
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only write the configuration, and print the command that uses it.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- SPARK_SUBMIT_OPTIONS]")
def backfill(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    dry_run: bool,
    options: tuple[str, ...],
) -> None:
    """Land many files with a Spark driver and executors of its own; build nothing.

    The server has to be down: one driver does all writes. What landed is built by the next
    `attribution run`. Options behind `--` are spark-submit's, like `--num-executors 50`.
    """
    from dagster_code.lib.backfill import backfill_lines, dry_run_lines
    from dagster_code.lib.commands.arguments import checked_delivery

    settings = load_settings()
    paths = checked_delivery(events, clients, spend)
    if dry_run:
        _print(dry_run_lines(settings, paths, options))
        return
    _print(backfill_lines(settings, paths, options, announce))


@cli.command()
def demo() -> None:
    """Land the sample of the Google Merchandise Store and answer the four questions."""
    from dagster_code.lib.commands.ask import answer_lines
    from dagster_code.lib.commands.run import run_pipeline

    settings = load_settings()
    _print(run_pipeline(settings, {"events": (str(SAMPLE_EVENTS),)}, {}, False, announce))
    _print(answer_lines(settings, announce))


@cli.command()
@click.argument("sql")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "sheet", "json"]),
    default="table",
    show_default=True,
    help="csv is RFC 4180 with a header, null empty; sheet the same, but nothing is a formula to a"
    " spreadsheet program; json is an array of objects.",
)
def query(sql: str, output_format: str) -> None:
    """Run one SQL statement; the result alone goes to standard output."""
    from dagster_code.lib.commands.ask import query_lines

    _print(query_lines(load_settings(), sql, output_format, announce))


@cli.command()
@click.argument("client_id", metavar="CLIENT")
@click.argument("event_time", metavar="[EVENT_TIME]", required=False)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)
def explain(client_id: str, event_time: str | None, output_format: str) -> None:
    """Say why a conversion is credited as it is: each touch, each model, each rule.

    Without EVENT_TIME (ISO 8601, UTC unless it has an offset) all conversions of the client are
    told. An id that begins with a dash goes behind `--`; `-` alone reads the id from standard
    input, for ids that no argument can hold (NUL, more than 128 KiB).
    """
    from dagster_code.lib.commands.arguments import checked_client
    from dagster_code.lib.commands.ask import explain_lines

    client = checked_client(client_id, sys.stdin.buffer)
    _print(explain_lines(load_settings(), client, event_time, output_format, announce))


@cli.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be done and why.")
@click.option(
    "--retention-hours",
    type=int,
    metavar="N",
    help="Keep the files of former versions at least that long; 168 (a week) to 720.",
)
def upkeep(dry_run: bool, retention_hours: int | None) -> None:
    """Make small files large, drop deleted rows and files that no kept version needs.

    Refused while a run is at work; a run that is started meanwhile waits.
    """
    from dagster_code.lib.commands.arguments import checked_retention
    from dagster_code.lib.commands.tend import upkeep_lines, upkeep_plan_lines

    settings = checked_retention(load_settings(), retention_hours)
    _print((upkeep_plan_lines if dry_run else upkeep_lines)(settings, announce))


@cli.command()
def publish() -> None:
    """Bring the marts in the database of ATTRIBUTION_PUBLISH_URL up to date.

    A run does that as well, when its checks have passed.
    """
    from dagster_code.lib.commands.tend import publish_lines

    _print(publish_lines(load_settings(), announce))


@cli.command()
def up() -> None:
    """Start the local Spark server, or find it running."""
    from dagster_code.lib import server

    settings = load_settings()
    _print(_server_lines(settings, server.start(settings, announce)))


@cli.command()
def down() -> None:
    """Stop the local Spark server."""
    from dagster_code.lib import server

    was_up = server.stop(load_settings())
    click.echo("stopped" if was_up else "the server was not running")


@cli.command()
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
    _print(_server_lines(settings, state))
    if state.status != "ready":
        sys.exit(_DOWN)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="An array of objects.")
def doctor(as_json: bool) -> None:
    """Look at all that the pipeline needs, change nothing, and say what to do where it is not well.

    Tables are looked at while the server is up. Exit code 1 when there is a problem.
    """
    from dagster_code.lib.doctor.run import examined, is_healthy, report

    findings = examined(load_settings())
    _print(report(findings, as_json))
    if not is_healthy(findings):
        sys.exit(_ILL)


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 3000, or a free one.")
def dev(port: int | None) -> None:
    """Show the pipeline in Dagster's UI, on this machine only."""
    from dagster_code.lib.dev_server import exec_dagster_dev

    exec_dagster_dev(load_settings(), port, announce)


def main() -> None:
    """Run the command; every foreseeable trouble ends in one line and an exit code."""
    # `kill` ends a run like Ctrl-C: children first, one line, no trace.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A copy, since a run sends this process's own standard error to a log file.
    show_progress(os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8"))
    with exit_codes():
        cli(standalone_mode=False)


@contextmanager
def exit_codes() -> Iterator[None]:
    """End every foreseeable trouble in one line and an exit code."""
    try:
        yield
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # The reader, like `head`, has what it wanted. Python flushes once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        if os.environ.get("ATTRIBUTION_DEBUG"):
            raise
        _end(f"error: {printable(' '.join(str(error).split()))}", error.exit_code)


def _end(message: str, exit_code: int) -> None:
    click.echo(f"attribution: {message}", err=True)
    sys.exit(exit_code)


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line)
    sys.stdout.flush()


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
