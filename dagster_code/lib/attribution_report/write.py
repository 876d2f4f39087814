"""Write the attribution report: read the marts, draw the page, put it where it belongs."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from dagster_code.lib import build_state
from dagster_code.lib.attribution_report.contract import CheckResult, Report
from dagster_code.lib.attribution_report.values import amount
from dagster_code.lib.disk import shortage
from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.files import write_atomically
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes:
        path: of the page.
        size_bytes: of the page.
        seconds: how long it took to read and to write.
        report: what it shows.
    """

    path: Path
    size_bytes: int
    seconds: float
    report: Report


def facts(written: Written) -> dict[str, int | Decimal]:
    """Give the numbers by which a page is told from another.

    Args:
        written: the page.
    """
    totals = written.report["totals"]
    return {
        "size_bytes": written.size_bytes,
        "conversions": totals["conversions"],
        "purchasers": totals["purchasers"],
        "revenue": amount(totals["revenue"]),
        "attributed_revenue": amount(totals["attributed"]),
        "unattributed_revenue": amount(totals["unattributed"]),
    }


def report_path(settings: Settings) -> Path:
    """Give the page of a home.

    Args:
        settings: whose home.
    """
    return settings.home / "reports" / "attribution.html"


def is_current(settings: Settings) -> bool:
    """Tell whether the home's page is there, and newer than the tables.

    Args:
        settings: whose home.
    """
    state = build_state.last_complete(settings)
    if state is None or state.finished_at is None:
        return False
    built_at = datetime.fromisoformat(state.finished_at)
    try:
        return report_path(settings).stat().st_mtime >= built_at.timestamp()
    except FileNotFoundError:
        return False


def checked_output(text: str | None, settings: Settings) -> Path:
    """Give the file to write, before anything is started for it.

    Args:
        text: as typed; ``None`` for the home's own page, whose folder is made.
        settings: whose home.

    Raises:
        UserError: its folder is not there, or it is a folder itself.
    """
    if text is None:
        path = report_path(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise UserError(f"--output {text}: is a folder; name a file in it, like report.html")
    if not path.parent.is_dir():
        raise UserError(f"--output {text}: there is no folder {path.parent}; make it first")
    return path


def write_report(
    spark: "SparkSession",
    settings: Settings,
    checks: Sequence[CheckResult],
    path: Path,
    progress: Progress,
) -> Written:
    """Read the marts and write the page: a reader sees the old one or the new one.

    Args:
        spark: a session in UTC on the home's server.
        settings: whose home.
        checks: how each check went last.
        path: the page, in a folder that is there.
        progress: told what is being done.

    Raises:
        RunFailedError: the page cannot be written.
        pyspark.errors.PySparkException: the tables are not built, or Spark failed.
    """
    from dagster_code.lib.attribution_report.page import render
    from dagster_code.lib.attribution_report.read import read_report

    progress("reading the marts for the report")
    began = perf_counter()
    state = build_state.last_complete(settings)
    variables = build_state.variables_of_tables(settings)
    report = read_report(spark, checks, variables, None if state is None else state.finished_at)
    page = render(report)
    try:
        write_atomically(path, page)
    except OSError as error:
        told = shortage(settings) if error.errno == errno.ENOSPC else None
        raise RunFailedError(f"{path}: {told or os.strerror(error.errno or 0)}") from error
    return Written(path, path.stat().st_size, perf_counter() - began, report)
