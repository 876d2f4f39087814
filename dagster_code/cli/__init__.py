"""The `attribution` command: argument parsing and printing only.

Whatever imports Spark, dbt or Dagster is imported where it is used: `attribution status`, a help
page and a completion must not wait for them.
"""

import os
import signal
import sys

import click

from dagster_code.cli.ask import explain, query, report
from dagster_code.cli.completion import PROGRAM, completion
from dagster_code.cli.data import backfill, demo, run
from dagster_code.cli.helping import Group
from dagster_code.cli.options import quiet_option
from dagster_code.cli.printing import exit_codes, wants_json
from dagster_code.cli.server import dev, down, status, up
from dagster_code.cli.tend import doctor, publish, upkeep
from dagster_code.lib.progress import show_progress
from dagster_code.lib.style import use_colour, wants_colour

COMMANDS = (
    run,
    demo,
    backfill,
    query,
    explain,
    report,
    up,
    down,
    status,
    dev,
    doctor,
    upkeep,
    publish,
    completion,
)


@click.group(
    cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="attribution")
@quiet_option
def cli() -> None:
    """Marketing attribution on Delta Lake, from raw events to answers.

    All state is in ATTRIBUTION_HOME (default: .attribution/ in the checkout).
    """


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command; every foreseeable trouble ends in one line and an exit code."""
    # `kill` ends a run like Ctrl-C: children first, one line, no trace.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A copy, since a run sends this process's own standard error to a log file.
    show_progress(os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8"))
    use_colour(
        output=wants_colour(sys.stdout, os.environ), error=wants_colour(sys.stderr, os.environ)
    )
    with exit_codes(wants_json(sys.argv[1:])):
        cli(prog_name=PROGRAM, standalone_mode=False)
