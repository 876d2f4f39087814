"""The report's page as text: what it holds, and what it must not hold."""

import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from dagster_code.lib.attribution_report.page import ECHARTS_VERSION, render
from tests.browser.report_data import HOSTILE, REPORTS, few_channels

PAGE_FILES = files("dagster_code.lib.attribution_report") / "page_files"


class Parts(HTMLParser):
    """The text of each script and style, what is referred to, the meta elements."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.links, self.metas, self.inside = {}, [], {}, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href", "action") if name in given]
        if tag == "meta":
            self.metas[given.get("http-equiv") or given.get("name")] = given.get("content")
        if tag in ("script", "style"):
            self.inside = given.get("id") or f"{tag} {len(self.texts)}"
            self.texts[self.inside] = ""

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside] += data


@pytest.mark.parametrize("name", ["few", "hostile", "no_purchases", "no_events"])
def test_the_report_is_in_the_page_as_it_was_given(name):
    report = REPORTS[name]()
    assert json.loads(Parts(render(report)).texts["report"]) == report


def test_a_report_gives_the_same_page_each_time():
    assert render(few_channels()) == render(few_channels())


def test_no_name_ends_the_element_that_it_stands_in():
    parts = Parts(render(REPORTS["hostile"]()))
    scripts = [name for name in parts.texts if name.startswith("script")]
    assert len(scripts) == 2
    assert "hacked" not in "".join(parts.texts[name] for name in scripts)
    assert HOSTILE[2] not in render(REPORTS["hostile"]())


def test_the_page_refers_to_nothing_outside_itself():
    parts = Parts(render(few_channels()))
    assert all(link.startswith(("#", "data:")) for link in parts.links)
    assert "@import" not in parts.texts["style 0"]
    assert "url(" not in parts.texts["style 0"]


def test_the_policy_allows_the_page_s_own_scripts_and_nothing_else():
    parts = Parts(render(few_channels()))
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in parts.metas["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "connect-src" not in policy
    allowed = policy["script-src"].split()
    assert len(allowed) == 2
    assert all(source.startswith("'sha256-") for source in allowed)
    assert "'unsafe-eval'" not in parts.metas["Content-Security-Policy"]


def test_a_number_that_is_not_finite_is_refused():
    report = few_channels()
    report["performance"]["roas"][0] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        render(report)


def test_braces_in_a_name_are_not_taken_for_a_part_of_the_frame():
    report = few_channels()
    report["channels"][0] = "{{style}}"
    assert json.loads(Parts(render(report)).texts["report"]) == report


def test_the_charting_library_is_the_one_that_is_told():
    library = PAGE_FILES.joinpath("echarts", "echarts.min.js").read_bytes()
    told = PAGE_FILES.joinpath("README.md").read_text(encoding="utf-8")
    assert f"`{hashlib.sha256(library).hexdigest()}`" in told
    assert f"ECharts {ECHARTS_VERSION}" in told
    assert f'="{ECHARTS_VERSION}"'.encode() in library
    for name in ("LICENSE", "LICENSE-d3", "NOTICE"):
        assert PAGE_FILES.joinpath("echarts", name).is_file()


def test_every_script_and_style_is_in_the_page():
    page = render(few_channels())
    for folder in ("script", "style"):
        for file in PAGE_FILES.joinpath(folder).iterdir():
            assert file.read_text(encoding="utf-8") in page, file.name


def test_no_script_makes_markup_of_text():
    for file in PAGE_FILES.joinpath("script").iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
