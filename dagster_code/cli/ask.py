"""Commands that only read."""

import sys

import click

from dagster_code.cli.completion import complete_path
from dagster_code.cli.helping import command
from dagster_code.cli.options import json_option, quiet_option
from dagster_code.cli.printing import print_lines, print_told
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
@json_option
@quiet_option
def query(sql: str, output_format: str, as_json: bool) -> None:
    """Run one SQL statement and print its result.

    The result alone goes to standard output. A table is for people: numbers have separators
    between thousands, unless their column's name says that they name something (an id, a year, a
    version). --json is --format json, and an error is a document too.
    """
    from dagster_code.lib.commands.ask import query_lines

    chosen = "json" if as_json else output_format
    print_lines(query_lines(load_settings(), sql, chosen, announce))


@command(
    "Ask",
    "# all conversions of a client",
    "attribution explain 19173235.3605594670",
    "# one of them",
    "attribution explain 19173235.3605594670 2021-01-15T16:43:26.342519Z",
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
@json_option
@quiet_option
def explain(client_id: str, event_time: str | None, output_format: str, as_json: bool) -> None:
    """Say why a conversion is credited as it is.

    Tells each touch, each model, each rule. Without EVENT_TIME (ISO 8601, UTC unless it has an
    offset) all conversions of the client are told. An id that begins with a dash goes behind `--`;
    `-` alone reads the id from standard input, for ids that no argument can hold (NUL, more than
    128 KiB).
    """
    from dagster_code.lib.commands.arguments import checked_client
    from dagster_code.lib.commands.ask import explain_lines

    client = checked_client(client_id, sys.stdin.buffer)
    chosen = "json" if as_json else output_format
    print_lines(explain_lines(load_settings(), client, event_time, chosen, announce))


@command(
    "Ask",
    "attribution report",
    "# write it, and show it in the browser",
    "attribution report --open",
    "# a copy for somebody else",
    "attribution report --output january.html",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option(
    "--output",
    metavar="FILE",
    help="Where to write it; default: reports/attribution.html of ATTRIBUTION_HOME.",
    shell_complete=complete_path,
)
@json_option
@quiet_option
def report(is_opened: bool, output: str | None, as_json: bool) -> None:
    """Write the marts as one page for the browser.

    The page needs no network and no server; its path is printed. A run that builds writes it as
    well.
    """
    from dagster_code.lib.commands.report import write_and_show

    print_told(write_and_show(load_settings(), output, is_opened, announce), as_json)
