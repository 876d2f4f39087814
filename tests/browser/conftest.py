"""One browser for all tests; a report is opened from a file, and may ask nothing of anybody."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from dagster_code.lib.attribution_report.contract import Report
from dagster_code.lib.attribution_report.page import render
from tests.browser.report_data import REPORTS

OpenReport = Callable[..., Page]


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "no Chromium (on Debian: apt install chromium)"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@cache
def drawn_report(name: str) -> Report:
    """The report of a name, drawn once."""
    return REPORTS[name]()


@pytest.fixture(scope="session")
def report_file(tmp_path_factory) -> Callable[[str], Path]:
    """Writes the page of a drawn report, once for all tests."""
    folder = tmp_path_factory.mktemp("reports")

    @cache
    def written(name: str) -> Path:
        file = folder / f"{name}.html"
        file.write_text(render(drawn_report(name)), encoding="utf-8")
        return file

    return written


@contextmanager
def opening(browser: Browser, report_file: Callable[[str], Path]) -> Iterator[OpenReport]:
    """Opens drawn reports: `opened("few", address="model=linear", size=(360, 740))`.

    Whatever a page then asks of the network, complains of, or refuses, fails at the end.
    """
    complaints: list[str] = []
    with ExitStack() as stack:

        def opened(
            name: str = "few",
            *,
            address: str = "",
            size: tuple[int, int] = (1280, 800),
            **how: Any,
        ) -> Page:
            viewport: ViewportSize = {"width": size[0], "height": size[1]}
            context = browser.new_context(viewport=viewport, **how)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            watch(page, complaints)
            page.goto(report_file(name).as_uri() + (f"#{address}" if address else ""))
            return page

        yield opened
    assert complaints == []


@pytest.fixture
def open_report(browser, report_file) -> Iterator[OpenReport]:
    """Opens drawn reports for one test."""
    with opening(browser, report_file) as opened:
        yield opened


def watch(page: Page, complaints: list[str]) -> None:
    """Note what a page asks of the network, what it says on its console, and what fails in it."""

    def asked(request):
        if not request.url.startswith(("file:", "data:")):
            complaints.append(f"asked for {request.url}")

    page.on("request", asked)
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
