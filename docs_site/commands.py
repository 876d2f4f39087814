"""The page of the commands: what each says of itself with ``--help``."""

import click

# As wide as the page's column, which a terminal's width must not change.
_WIDTH = 90


def page(group: click.Group) -> str:
    """Write the page.

    Args:
        group: the command with its sub-commands.

    Returns:
        Markdown.
    """
    own = _context(group, "attribution")
    lines = ["# Commands", "", "What each says of itself with `--help`.", "", *_shown(own)]
    for each, command in group.commands.items():
        if not command.hidden:
            lines += ["", f"## {each}", "", *_shown(_context(command, each, own))]
    return "\n".join(lines) + "\n"


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    options = {**command.context_settings, "terminal_width": _WIDTH, "color": False}
    return click.Context(command, info_name=name, parent=parent, **options)


def _shown(context: click.Context) -> list[str]:
    return ["```text", context.get_help(), "```"]
