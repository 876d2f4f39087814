"""What `make docs` puts together, without building it: pages, navigation, the crawl of a site."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from dagster_code.cli import cli
from dagster_code.lib.settings import PROJECT_ROOT
from docs_site import api
from docs_site.crawl import crawl
from docs_site.stage import PACKAGE_DIR, generated_pages, navigation, repository_pages, stage

MODULES = api.modules(PROJECT_ROOT)
ARCHITECTURE = (PROJECT_ROOT / api.ARCHITECTURE).read_text(encoding="utf-8")


def _paths(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    children = entry.values() if isinstance(entry, dict) else entry
    assert isinstance(children, Iterable)
    return [path for child in children for path in _paths(child)]


def test_every_module_is_once_in_the_api_reference() -> None:
    assert {"dagster_code.cli", "dagster_code.lib.landing.land"} <= set(MODULES)
    directives = [
        line.removeprefix("::: ")
        for text in generated_pages(PROJECT_ROOT).values()
        for line in text.splitlines()
        if line.startswith("::: ")
    ]

    assert sorted(directives) == MODULES


def test_a_module_with_a_docstring_has_its_first_line_in_the_list() -> None:
    listing = generated_pages(PROJECT_ROOT)["api/README.md"]

    assert (
        "- [`dagster_code.lib.errors`][dagster_code.lib.errors]: Errors a user can mend:" in listing
    )


def test_the_architecture_says_of_every_module_of_lib_what_it_is_for() -> None:
    assert api.areas(MODULES, ARCHITECTURE).get("other modules", []) == [], (
        f"add them to the table of modules in {api.ARCHITECTURE}"
    )


def test_modules_are_sorted_by_the_table_and_the_rest_is_kept() -> None:
    table = "| for | modules |\n| --- | --- |\n| reading | `query`, `explain/` (a `word`) |\n\n"
    names = [f"dagster_code.{name}" for name in ("cli", "defs.jobs", "lib.explain.tell", "lib.new")]
    names.append("dagster_code.lib.query")

    assert api.areas(names, table) == {
        "commands and entry points": ["dagster_code.cli"],
        "Dagster's definitions": ["dagster_code.defs.jobs"],
        "reading": ["dagster_code.lib.query", "dagster_code.lib.explain.tell"],
        "other modules": ["dagster_code.lib.new"],
    }


def test_the_page_of_the_commands_has_the_help_of_each() -> None:
    page = generated_pages(PROJECT_ROOT)["commands.md"]

    assert "Usage: attribution [OPTIONS] COMMAND" in page
    for name in cli.commands:
        assert f"## {name}\n\n```text\nUsage: attribution {name} " in page


def test_every_page_is_in_the_navigation() -> None:
    texts = repository_pages(PROJECT_ROOT)
    generated = generated_pages(PROJECT_ROOT)

    listed = _paths(navigation(texts | generated))

    assert sorted(path for path in listed if path.endswith(".md")) == sorted(texts | generated), (
        "add them to docs_site/nav.yml"
    )


def test_a_link_to_a_file_that_is_no_page_leads_to_a_page_that_shows_it(tmp_path: Path) -> None:
    stage(PROJECT_ROOT, tmp_path)

    assert "(LICENSE.source.md)" in (tmp_path / "README.md").read_text(encoding="utf-8")
    shown = (tmp_path / "LICENSE.source.md").read_text(encoding="utf-8")
    assert (PROJECT_ROOT / "LICENSE").read_text(encoding="utf-8").rstrip() in shown


def test_a_notebook_is_a_page_with_its_text_and_code(tmp_path: Path) -> None:
    stage(PROJECT_ROOT, tmp_path)

    page = (tmp_path / "notebooks" / "explore_marts.md").read_text(encoding="utf-8")
    assert page.startswith("# Explore the marts\n")
    assert "\n```python\nfrom dagster_code.lib.notebook import " in page
    assert "(notebooks/explore_marts.md)" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_what_is_not_ours_is_unchanged_and_has_its_licence() -> None:
    vendor = PACKAGE_DIR / "vendor"
    readme = (vendor / "README.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^\| `([\w.-]+)` .* `(LICENSE\.[\w-]+)` \| `([0-9a-f]{64})` \|$", readme, re.M
    )

    assert {name for name, _, _ in listed} == {path.name for path in vendor.glob("*.js")}
    for name, licence, digest in listed:
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest
        assert "without restriction" in (vendor / licence).read_text(encoding="utf-8")


def _site(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_whole_site_has_no_broken_links(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        index_html='<a href="sub/">a</a><a href="sub/a.html#x y">b</a><a href="#">c</a>'
        '<a href="https://example.com/none">d</a><a href="mailto:a@example.com">e</a>'
        '<link rel="stylesheet" href="a.css?v=1"><img src="data:image/png;base64,AA">',
        sub__index_html='<p id="up">',
        sub__a_html='<p id="x y"><a href="../index.html">up</a><a href="/sub/index.html#up">f</a>',
        a_css="body { background: url(data:x) }",
    )

    report = crawl(site)

    assert report.summary() == "3 pages, 0 broken links"
    assert report.broken == ()
    assert report.fetched == ()


@pytest.mark.parametrize(
    ("html", "wrong"),
    [
        ('<a href="none.html">', "none.html: there is no such file"),
        ('<a href="empty/">', "empty/: there is no such file"),
        ('<img src="none.png">', "none.png: there is no such file"),
        ('<img srcset="index.html 1x, none.png 2x">', "none.png: there is no such file"),
        ('<script src="none.js"></script>', "none.js: there is no such file"),
        ('<a href="#none">', "#none: there is no such anchor"),
        ('<a href="sub/a.html#none">', "sub/a.html#none: there is no such anchor"),
        ('<a href="../out.html">', "../out.html: leads out of the site"),
    ],
)
def test_a_broken_link_is_found(tmp_path: Path, html: str, wrong: str) -> None:
    (tmp_path / "empty").mkdir()
    report = crawl(_site(tmp_path, index_html=html, sub__a_html="<p id=x>"))

    assert report.broken == (f"index.html: {wrong}",)
    assert report.summary() == "2 pages, 1 broken links"


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://example.com/x.js"></script>',
        '<link rel="stylesheet" href="//example.com/x.css">',
        '<img src="http://example.com/x.png">',
        '<img srcset="https://example.com/x.png 2x">',
        "<style>@import 'https://example.com/x.css';</style>",
        '<p style="background: url(https://example.com/x.png)">',
    ],
)
def test_what_would_be_fetched_from_another_host_is_found(tmp_path: Path, html: str) -> None:
    report = crawl(_site(tmp_path, index_html=html))

    assert len(report.fetched) == 1
    assert "1 requests to other hosts" in report.summary()


def test_what_a_style_sheet_would_fetch_is_found(tmp_path: Path) -> None:
    report = crawl(_site(tmp_path, a_css="@font-face { src: url('https://example.com/a.woff2') }"))

    assert report.fetched == ("a.css: https://example.com/a.woff2",)
