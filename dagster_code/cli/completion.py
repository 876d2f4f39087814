"""Completion of the command line in bash and zsh, which waits for neither Spark nor dbt."""

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from dagster_code.cli.helping import command

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "attribution"
VARIABLE = "_ATTRIBUTION_COMPLETE"


@command(
    "Look after",
    "# from the next shell on",
    "attribution completion bash > ~/.local/share/bash-completion/completions/attribution",
    "# in a folder of zsh's fpath",
    "attribution completion zsh > ~/.zfunc/_attribution",
    "# in this shell only",
    'eval "$(attribution completion bash)"',
)
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes this command in a shell.

    Commands, options, formats, mappings, files, and the names of dbt variables behind --vars '{
    are completed.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def complete_path(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Have the shell complete the name of a file or folder.

    Args:
        _context: of the command.
        _parameter: the option.
        incomplete: what is typed so far.
    """
    return [CompletionItem(incomplete, type="file")]


def complete_mapping(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a mapping that comes with the project, else the name of a file.

    Args:
        context: of the command.
        parameter: the option.
        incomplete: what is typed so far.
    """
    from dagster_code.lib.mapping.mapping import shipped_mappings

    names = [name for name in shipped_mappings() if name.startswith(incomplete)]
    if not names:
        return complete_path(context, parameter, incomplete)
    return [CompletionItem(name) for name in names]


def complete_variables(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete a mapping of dbt variables with a name and its default, else the name of a file.

    Args:
        context: of the command.
        parameter: the option.
        incomplete: what is typed so far, without its quotes.
    """
    if not incomplete.startswith("{"):
        return complete_path(context, parameter, incomplete)
    return [CompletionItem(text) for text in _mappings(incomplete)]


def _mappings(incomplete: str) -> "Iterator[str]":
    from dagster_code.lib.dbt import declared_variables

    before, separator, last = incomplete.rpartition(",")
    blanks = " " if separator else "{"
    begun = last.strip("{ ")
    for name, default in declared_variables().items():
        if name.startswith(begun) and f"{name}:" not in before:
            yield f"{before}{separator}{blanks}{name}: {default}}}"
