"""The application of a backfill, for spark-submit: lands files with resources of its own.

``attribution backfill`` starts it; ``attribution backfill --dry-run`` shows how to by hand.
"""

import signal
import sys
from pathlib import Path

import click

from dagster_code.cli.options import mapping_option, path_options, quiet_option
from dagster_code.cli.printing import exit_codes
from dagster_code.lib.backfill import Outcome
from dagster_code.lib.commands.arguments import checked_delivery, checked_mapping
from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.landing.schema import records_table
from dagster_code.lib.progress import announce, show_progress
from dagster_code.lib.report import landing_lines, left_files
from dagster_code.lib.settings import load_settings


@click.command()
@path_options
@mapping_option
@quiet_option
@click.option("--outcome", type=click.Path(path_type=Path), hidden=True)
def backfill(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    mapping: str | None,
    outcome: Path | None,
) -> None:
    """Land what is new; tables are built by the next `attribution run`.

    Without a PATH, lands the folders events/, clients/ and spend/ of the landing folder.
    """
    try:
        done = _landed(events, clients, spend, mapping, is_helper=outcome is not None)
    except UserError as error:
        if outcome is None:
            raise
        done = Outcome((), str(error), error.exit_code)
    if outcome is not None:
        done.write(outcome)
        sys.exit(done.exit_code)
    sys.stdout.writelines(done.lines)
    done.raise_error()


def _landed(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    mapping: str | None,
    is_helper: bool,
) -> Outcome:
    settings = load_settings()
    paths = checked_delivery(events, clients, spend)
    read_by = checked_mapping(mapping, events)
    # PySpark is only imported when the arguments are right
    from dagster_code.lib.backfill_driver import land_all
    from dagster_code.lib.landing.report import landing_metadata

    reports = land_all(settings, paths, read_by, is_helper, announce)
    landings = {report.kind: landing_metadata(report) for report in reports}
    lines = ["Landed\n"]
    for kind, landing in landings.items():
        lines += landing_lines(records_table(kind).removeprefix("raw."), landing)
    left = "; ".join(left_files(landings.values()))
    return Outcome(lines, left, RunFailedError.exit_code) if left else Outcome(lines)


def main() -> None:
    """Run the application; every foreseeable trouble ends in one line and an exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    show_progress(sys.stderr)
    with exit_codes():
        backfill(standalone_mode=False)


if __name__ == "__main__":
    main()
