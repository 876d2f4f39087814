"""Commands that only read."""

import sys

import click

from dagster_code.cli.helping import command
from dagster_code.cli.printing import print_lines
from dagster_code.lib.progress import announce
from dagster_code.lib.settings import load_settings


@command(
    "Ask",
    'attribution query "select * from marts.channel_performance"',
    "# for other programs",
    'attribution query --format csv "select * from marts.model_comparison" > models.csv',
    'attribution query --format json "select channel, clients from marts.channel_performance"',
    "# a statement in a file",
    'attribution query "$(cat statement.sql)"',
)
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

    print_lines(query_lines(load_settings(), sql, output_format, announce))


@command(
    "Ask",
    "# all conversions of a client",
    "attribution explain 1026454.4271112504",
    "# one of them",
    "attribution explain 1026454.4271112504 2021-01-20T17:03:12Z",
    "# an id that begins with a dash; one that no argument can hold",
    "attribution explain -- -42",
    "attribution explain - < id.txt",
)
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
    """Say why a conversion is credited as it is.

    Tells each touch, each model, each rule. Without EVENT_TIME (ISO 8601, UTC unless it has an offset) all conversions of the client are
    told. An id that begins with a dash goes behind `--`; `-` alone reads the id from standard
    input, for ids that no argument can hold (NUL, more than 128 KiB).
    """
    from dagster_code.lib.commands.arguments import checked_client
    from dagster_code.lib.commands.ask import explain_lines

    client = checked_client(client_id, sys.stdin.buffer)
    print_lines(explain_lines(load_settings(), client, event_time, output_format, announce))
