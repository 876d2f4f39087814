"""Options that several commands have."""

from collections.abc import Callable

import click

from dagster_code.cli.completion import complete_mapping, complete_path
from dagster_code.lib.progress import hush


def _hush(_context: click.Context, _parameter: click.Parameter, is_quiet: bool) -> None:
    if is_quiet:
        hush()


quiet_option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_hush,
    help="Nothing on standard error but errors.",
)

mapping_option = click.option(
    "--mapping",
    metavar="NAME_OR_FILE",
    help="The mapping that reads the events: ga4, segment, snowplow_table, snowplow_tsv, or a"
    " file of your own (docs/bring_your_own_events.md).",
    shell_complete=complete_mapping,
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on standard output, for scripts."
)


def path_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what to land.

    Args:
        command: takes ``events``, ``clients`` and ``spend``.
    """
    for kind, what in (("spend", "ad spend"), ("clients", "clients"), ("events", "events")):
        help_text = f"File or folder with {what}."
        command = click.option(
            f"--{kind}",
            multiple=True,
            metavar="PATH",
            help=help_text,
            shell_complete=complete_path,
        )(command)
    return command
