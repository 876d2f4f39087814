"""Commands that look after a home."""

import sys

import click

from dagster_code.cli.helping import command
from dagster_code.cli.options import json_option, quiet_option
from dagster_code.cli.printing import print_lines, print_told
from dagster_code.lib.progress import announce
from dagster_code.lib.settings import load_settings

_ILL = 1


@command(
    "Look after",
    "attribution doctor",
    "# what is not well, for a script",
    "attribution doctor --json | jq '.[] | select(.health == \"problem\")'",
)
@click.option("--json", "as_json", is_flag=True, help="An array of objects.")
def doctor(as_json: bool) -> None:
    """Look at all that the pipeline needs, and say what to mend.

    Changes nothing. Tables are looked at while the server is up. Exit code 1 when there is a
    problem.
    """
    from dagster_code.lib.doctor.run import examined, is_healthy, report

    findings = examined(load_settings())
    print_lines(report(findings, as_json))
    if not is_healthy(findings):
        sys.exit(_ILL)


@command(
    "Look after",
    "# what would be done to each table, and why",
    "attribution upkeep --dry-run",
    "# keep former versions, and time travel, for 30 days",
    "attribution upkeep --retention-hours 720",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done and why.")
@click.option(
    "--retention-hours",
    type=int,
    metavar="N",
    help="Keep the files of former versions at least that long; 168 (a week) to 720.",
)
@json_option
@quiet_option
def upkeep(dry_run: bool, retention_hours: int | None, as_json: bool) -> None:
    """Make small files large, and drop what no kept version needs.

    Deleted rows go as well. Refused while a run is at work; a run that is started meanwhile waits.
    """
    from dagster_code.lib.commands.arguments import checked_retention
    from dagster_code.lib.commands.tend import keep_up, upkeep_plan

    settings = checked_retention(load_settings(), retention_hours)
    print_told((upkeep_plan if dry_run else keep_up)(settings, announce), as_json)


@command(
    "Look after",
    "export ATTRIBUTION_PUBLISH_URL=jdbc:postgresql://db.example:5432/reports",
    "attribution publish",
)
@json_option
@quiet_option
def publish(as_json: bool) -> None:
    """Bring the marts in your PostgreSQL database up to date.

    It is that of ATTRIBUTION_PUBLISH_URL. A run does that as well, when its checks have passed.
    """
    from dagster_code.lib.commands.tend import publish_marts

    print_told(publish_marts(load_settings(), announce), as_json)
