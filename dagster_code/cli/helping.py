"""Help pages: commands by what they are for, examples as they are typed, exit codes."""

from collections.abc import Callable, Sequence
from typing import Any

import click

# In this order on the first page.
SECTIONS = ("Data", "Ask", "Server", "Look after")
_EXIT_CODES = (
    ("0", "all of it worked"),
    ("1", "it ended, and something in it failed: a file, a model, a check"),
    ("2", "something to mend first: an argument, a setting, a statement, Java"),
    ("3", "the Spark server cannot be started or reached; status: it is down"),
    ("130", "interrupted"),
)


class Command(click.Command):
    """A command with examples at the end of its help page."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  click's own
        section: str = "",
        examples: Sequence[str] = (),
        **options: Any,  # noqa: ANN401  click's own
    ) -> None:
        """Take what click takes, and two things more.

        Args:
            *args: click's.
            section: one of ``SECTIONS``, where the first page lists it.
            examples: lines, as they are typed; one that begins with ``#`` says what the next does.
            **options: click's.
        """
        super().__init__(*args, **options)
        self.section = section
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, which nobody wraps: they are there to be copied.

        Args:
            ctx: of the command.
            formatter: takes the text.
        """
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """The first page: commands by what they are for, and what the exit codes mean."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections.

        Args:
            ctx: of the group.
            formatter: takes the text.
        """
        commands = [command for command in self.commands.values() if not command.hidden]
        widest = max(len(command.name or "") for command in commands)
        room = formatter.width - 6 - widest
        for section in SECTIONS:
            rows = [
                (command.name or "").ljust(widest)
                for command in commands
                if getattr(command, "section", "") == section
            ]
            helps = [self.commands[name.strip()].get_short_help_str(room) for name in rows]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(list(zip(rows, helps, strict=True)))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the exit codes mean, and where the examples are.

        Args:
            ctx: of the group.
            formatter: takes the text.
        """
        with formatter.section("Exit codes"):
            formatter.write_dl(list(_EXIT_CODES))
        formatter.write_paragraph()
        formatter.write_text("`attribution COMMAND --help` shows the options, with examples.")


def command(section: str, *examples: str) -> Callable[[Callable[..., None]], Command]:
    """Make a function a command.

    Args:
        section: one of ``SECTIONS``, where the first page lists it.
        *examples: lines for its help page, as for ``Command``.
    """
    return click.command(cls=Command, section=section, examples=examples)
