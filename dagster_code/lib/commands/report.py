"""`attribution report`: what the command does, between its arguments and the lines it prints."""

import webbrowser
from concurrent.futures import ThreadPoolExecutor

from dagster_code.lib.attribution_report.contract import CheckResult
from dagster_code.lib.attribution_report.write import checked_output, facts, write_report
from dagster_code.lib.errors import UserError
from dagster_code.lib.explain.read import as_explained_error
from dagster_code.lib.progress import Progress
from dagster_code.lib.session import spark_session
from dagster_code.lib.settings import Settings
from dagster_code.lib.told import Told


def write_and_show(
    settings: Settings, output: str | None, is_opened: bool, progress: Progress
) -> Told:
    """Write the report and, if asked for, show it in the browser of this machine.

    Args:
        settings: whose home.
        output: the file as typed; ``None`` for the home's own.
        is_opened: whether to show it.
        progress: told what is being done.

    Returns:
        The path of the page; as a document also the numbers at its top.

    Raises:
        UserError: the file cannot be written, or the tables are not built yet.
        ServerError: the server cannot be started, or went away.
    """
    path = checked_output(output, settings)
    # Loading the definitions keeps one core busy for some seconds; so does a starting server.
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_last_results, settings)
        try:
            with spark_session(settings, progress) as spark:
                written = write_report(spark, settings, reading.result(), path, progress)
        except UserError as error:
            raise as_explained_error(error) from error
    if is_opened and not webbrowser.open(path.as_uri()):
        progress("there is no browser here that could show it")
    return Told([f"{path}\n"], {"path": str(path), **facts(written)})


def _last_results(settings: Settings) -> list[CheckResult]:
    from dagster_code.defs.reports.steps import check_specs
    from dagster_code.defs.transform.assets import attribution_models
    from dagster_code.lib.attribution_report.checks import last_results
    from dagster_code.lib.dagster_home import dagster_instance

    with dagster_instance(settings) as instance:
        return last_results(instance, check_specs(attribution_models))
