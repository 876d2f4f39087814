"""Options that several commands have."""

from collections.abc import Callable

import click


def path_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what to land.

    Args:
        command: takes ``events``, ``clients`` and ``spend``.
    """
    for kind, what in (("spend", "ad spend"), ("clients", "clients"), ("events", "events")):
        help_text = f"File or folder with {what}."
        command = click.option(f"--{kind}", multiple=True, metavar="PATH", help=help_text)(command)
    return command
