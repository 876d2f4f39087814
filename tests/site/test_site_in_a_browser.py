"""The whole of `make docs` in a real browser: from a server, and opened as files.

Needs the packages of requirements-docs.lock (`scripts/extras docs`) and Chromium:
`pytest -m docs tests/site`.
"""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, sync_playwright

from docs_site.__main__ import build
from docs_site.crawl import Report

pytestmark = [pytest.mark.docs, pytest.mark.slow]

_DIAGRAMS = ("index.html", "docs/architecture.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("docs") / "site"
    return folder, build(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module", params=["from a server", "as files"])
def address(request: pytest.FixtureRequest, site: tuple[Path, Report]) -> Iterator[str]:
    folder, _ = site
    if request.param == "as files":
        yield f"{folder.as_uri()}/"
        return
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_every_link_of_the_site_leads_to_something(site: tuple[Path, Report]) -> None:
    _, report = site

    assert report.page_count > 40
    assert report.broken == ()


def test_no_page_names_another_host_to_fetch_from(site: tuple[Path, Report]) -> None:
    assert site[1].fetched == ()


def test_no_page_asks_another_host_for_anything(
    site: tuple[Path, Report], address: str, browser: Browser
) -> None:
    folder, report = site
    asked: list[str] = []
    failed: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(("http", "ws")) and not request.url.startswith(address):
            asked.append(request.url)

    page = browser.new_page()
    page.on("request", note)
    page.on("pageerror", lambda error: failed.append(str(error)))
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    for name in pages:
        page.goto(address + name, wait_until="load")
    page.wait_for_timeout(2000)
    page.close()

    assert len(pages) == report.page_count
    assert asked == []
    assert failed == []


@pytest.mark.parametrize("name", _DIAGRAMS)
def test_the_diagrams_are_drawn(address: str, browser: Browser, name: str) -> None:
    page = browser.new_page()
    page.goto(address + name)

    # Material puts each into a closed shadow tree: an element with a height instead of its text
    page.wait_for_selector("div.mermaid")
    assert page.locator("pre.mermaid").count() == 0
    assert page.locator("div.mermaid").first.bounding_box()["height"] > 50
    page.close()


def test_the_search_finds_a_word_of_the_rules(address: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{address}index.html")
    page.click(".md-search__input")
    page.keyboard.type("half-life")

    page.wait_for_selector(".md-search-result__item a")
    found = page.locator(".md-search-result__item a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    page.close()
    assert any("attribution_rules.html" in each for each in found)


def test_the_tables_of_dbt_are_described(address: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{address}dbt/index.html#!/model/model.attribution.channel_performance")

    page.wait_for_selector("text=assisted_conversions")
    page.close()
