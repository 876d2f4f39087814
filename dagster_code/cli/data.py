"""Commands that bring data in and build the tables."""

import click

from dagster_code.cli.completion import complete_variables
from dagster_code.cli.helping import command
from dagster_code.cli.options import json_option, mapping_option, path_options, quiet_option
from dagster_code.cli.printing import print_lines, print_told
from dagster_code.lib.landing.schema import Kind
from dagster_code.lib.progress import announce
from dagster_code.lib.settings import SAMPLE_EVENTS, load_settings
from dagster_code.lib.told import Told


@command(
    "Data",
    "# land what is new in the landing folder, and bring every table up to date",
    "attribution run",
    "# land files and whole folders from elsewhere",
    "attribution run --events exports/ --clients crm.parquet --spend spend.csv",
    "# files of another form, like GA4's export to BigQuery: a mapping reads them",
    "attribution run --mapping ga4 --events ga4_export/",
    "# what would land and be built, and why",
    "attribution run --events exports/ --dry-run",
    "# in a script: what was landed, built, checked, rejected",
    "attribution run --quiet --json | jq .checks",
    "# other rules: a look-back of a week",
    "attribution run --vars '{attribution_window_days: 7}'",
)
@path_options
@mapping_option
@click.option(
    "--vars",
    "variables",
    metavar="YAML",
    help="dbt variables: a mapping or its file.",
    shell_complete=complete_variables,
)
@click.option("--full-refresh", is_flag=True, help="Build every table from nothing.")
@click.option(
    "--dry-run", is_flag=True, help="Only say what would land and be built; change nothing."
)
@json_option
@quiet_option
def run(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    mapping: str | None,
    variables: str | None,
    full_refresh: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Land what is new and bring every table up to date.

    Without a PATH, lands the folders events/, clients/ and spend/ of the landing folder.
    Exit code 0 only if all of it worked.
    """
    from dagster_code.lib.commands import arguments
    from dagster_code.lib.commands.run import plan_run, run_pipeline

    settings = load_settings()
    given = arguments.checked_variables(variables)
    paths = arguments.checked_delivery(events, clients, spend)
    read_by = arguments.checked_mapping(mapping, events)
    work = plan_run if dry_run else run_pipeline
    print_told(work(settings, paths, given, full_refresh, announce, mapping=read_by), as_json)


@command(
    "Data",
    "# three months of a real shop, from its raw events to answers",
    "attribution demo",
    "# in a home of its own",
    "ATTRIBUTION_HOME=~/demo attribution demo",
    "# an invented shop in which the models differ",
    "ATTRIBUTION_HOME=~/shop attribution demo --generated 200000",
)
@click.option(
    "--generated",
    "records",
    type=click.IntRange(1_000, 50_000_000),
    metavar="N",
    help="An invented shop of N event records instead, with journeys rich enough that the models"
    " differ; 1,000 to 50,000,000.",
)
@click.option("--seed", type=click.IntRange(0), metavar="S", help="Another invented shop.")
@json_option
@quiet_option
def demo(records: int | None, seed: int | None, as_json: bool) -> None:
    """Land a sample of a real shop and answer the four questions.

    It is the Google Merchandise Store's, committed under data/. Its journeys are short; a generated
    shop has long ones, ad spend, and every model side by side.
    """
    from dagster_code.lib.answers import MODELS_SIDE_BY_SIDE, QUESTIONS
    from dagster_code.lib.commands.ask import answers
    from dagster_code.lib.commands.run import run_pipeline
    from dagster_code.lib.commands.shop import checked_shop, generated_paths

    settings = load_settings()
    shop = checked_shop(settings, records, seed)
    paths: dict[Kind, tuple[str, ...]] = {"events": (str(SAMPLE_EVENTS),)}
    if shop is not None:
        paths = generated_paths(settings, shop, announce)
    questions = QUESTIONS if shop is None else (*QUESTIONS, MODELS_SIDE_BY_SIDE)
    done = run_pipeline(settings, paths, {}, False, announce)
    if as_json and done.failure is None:
        document = {"run": done.document, **answers(settings, announce, questions).document}
        print_told(Told((), document), as_json)
        return
    print_told(Told(done.lines, {"run": done.document}, done.failure), as_json)
    print_told(answers(settings, announce, questions), as_json)


@command(
    "Data",
    "# years of history, with a Spark driver of its own; then the tables",
    "attribution down",
    "attribution backfill --events /share/history",
    "attribution run",
    "# of files of another form, like GA4's export to BigQuery",
    "attribution backfill --mapping ga4 --events /share/ga4_export",
    "# with executors on a cluster",
    "attribution backfill --events /share/history -- --num-executors 50",
)
@path_options
@mapping_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only write the configuration, and print the command that uses it.",
)
@quiet_option
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- SPARK_SUBMIT_OPTIONS]")
def backfill(
    events: tuple[str, ...],
    clients: tuple[str, ...],
    spend: tuple[str, ...],
    mapping: str | None,
    dry_run: bool,
    options: tuple[str, ...],
) -> None:
    """Land many files with a Spark driver of its own; build nothing.

    The server has to be down: one driver does all writes. What landed is built by the next
    `attribution run`. Options behind `--` are spark-submit's, like `--num-executors 50`.
    """
    from dagster_code.lib.backfill import backfill_lines, dry_run_lines
    from dagster_code.lib.commands.arguments import checked_delivery, checked_mapping

    settings = load_settings()
    paths = checked_delivery(events, clients, spend)
    read_by = checked_mapping(mapping, events)
    if dry_run:
        print_lines(dry_run_lines(settings, paths, options, mapping=read_by))
        return
    print_lines(backfill_lines(settings, paths, options, announce, mapping=read_by))
