"""``make docs``: the static site in ``site/``, from the repository alone; links are followed."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from dagster_code.lib.dbt import run_without_server
from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.settings import PROJECT_ROOT
from docs_site.crawl import Report, crawl
from docs_site.stage import PACKAGE_DIR, stage

SITE = PROJECT_ROOT / "site"
_DBT_PAGE = "dbt/index.html"
_DBT_ICON = re.compile(r"<link rel=\"shortcut icon\"[^>]*>")


def build(site: Path) -> Report:
    """Build the site anew and walk through it.

    Args:
        site: where it goes; what is there is replaced when the new one is complete.

    Raises:
        RunFailedError: dbt or MkDocs refuses its sources.
    """
    with tempfile.TemporaryDirectory(prefix="attribution-docs-") as scratch:
        work = Path(scratch)
        sources = work / "sources"
        sources.mkdir()
        navigation = stage(PROJECT_ROOT, sources)
        _write_dbt_page(work / "dbt", sources / _DBT_PAGE)
        config = work / "mkdocs.yml"
        own = {
            "INHERIT": str(PACKAGE_DIR / "mkdocs.yml"),
            "docs_dir": str(sources),
            "site_dir": str(work / "site"),
            "nav": navigation,
        }
        config.write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
        _run_mkdocs(config)
        if site.exists():
            shutil.rmtree(site)
        shutil.move(work / "site", site)
    return crawl(site)


def main() -> int:
    """Build, print what came of it, and say by the exit code whether it is whole."""
    began = time.monotonic()
    try:
        report = build(SITE)
    except UserError as error:
        print(f"make docs: {error}", file=sys.stderr)
        return error.exit_code
    for line in (*report.broken, *report.fetched):
        print(line, file=sys.stderr)
    print(f"{report.summary()}, in {time.monotonic() - began:.0f} s: {SITE / 'index.html'}")
    return 1 if report.broken or report.fetched else 0


def _write_dbt_page(work: Path, page: Path) -> None:
    """Have dbt write its documentation as one file; without a server there are no row counts."""
    run_without_server(["parse"], target_dir=work, logs_dir=work)
    options = ["--static", "--empty-catalog", "--no-compile", "--no-populate-cache"]
    run_without_server(["docs", "generate", *options], target_dir=work, logs_dir=work)
    text = (work / "static_index.html").read_text(encoding="utf-8")
    page.parent.mkdir(parents=True)
    # dbt leaves the place of its icon unfilled
    page.write_text(_DBT_ICON.sub("", text, count=1), encoding="utf-8")


def _run_mkdocs(config: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", config],
        # The API reference is read from the sources, which it finds here.
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        said = (completed.stdout + completed.stderr).strip()
        raise RunFailedError(f"MkDocs refuses the sources:\n{said}")


if __name__ == "__main__":
    sys.exit(main())
