"""Each relative link of each Markdown file, and the reader of Markdown that finds them."""

import re
from pathlib import Path

import pytest

from dagster_code.lib.settings import PROJECT_ROOT
from docs_site.markdown import (
    anchors,
    broken_links,
    links,
    repository_files,
    rewrite_links,
    with_room_around_lists,
)

_NAMES_PAGES = (".py", ".yml", ".yaml", ".sql", ".toml", ".conf", ".example", "Makefile")
_PAGE = re.compile(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?")
FILES = repository_files(PROJECT_ROOT)
TEXTS = {
    path: (PROJECT_ROOT / path).read_text(encoding="utf-8")
    for path in FILES
    if path.endswith(".md")
}


def test_every_relative_link_of_every_markdown_file_leads_to_something() -> None:
    assert {"README.md", "docs/architecture.md", "CHANGELOG.md"} <= set(TEXTS)
    assert sum(1 for text in TEXTS.values() for _ in links(text)) > 50
    assert broken_links(PROJECT_ROOT, TEXTS, dict.fromkeys(FILES)) == []


def test_every_page_that_code_and_configuration_name_is_there() -> None:
    named = {
        f"{path}: {'#'.join(page)}": page
        for path in FILES
        if path.endswith(_NAMES_PAGES) and not path.startswith("tests/")
        for page in _PAGE.findall((PROJECT_ROOT / path).read_text(encoding="utf-8"))
    }
    missing = [
        what
        for what, (page, anchor) in named.items()
        if page not in TEXTS or (anchor and anchor not in anchors(TEXTS[page]))
    ]

    assert len(named) > 5
    assert missing == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("see [it](b.md)", []),
        ("see [it](b.md#the-way)", []),
        ("see [it](../docs/b.md#the-way-1)", []),
        ("see [it](#here)\n## Here", []),
        ("a folder: [it](../data/)", []),
        ("[elsewhere](https://example.com/x#y), [by mail](mailto:a@example.com)", []),
        ("`[code](x.md)` and\n```\n[code](x.md)\n```", []),
        ("see [it](c.md)", ["docs/a.md:1: c.md: there is no such file"]),
        ("\n![it](c.png)", ["docs/a.md:2: c.png: there is no such file"]),
        ("[![it](c.png)](b.md)", ["docs/a.md:1: c.png: there is no such file"]),
        ('<img src="c.png" alt="">', ["docs/a.md:1: c.png: there is no such file"]),
        ("[it][1]\n\n[1]: c.md", ["docs/a.md:3: c.md: there is no such file"]),
        (
            "see [it](b.md#a-way)",
            ["docs/a.md:1: b.md#a-way: docs/b.md has no heading of that anchor"],
        ),
        ("see [it](#there)", ["docs/a.md:1: #there: docs/a.md has no heading of that anchor"]),
        (
            "see [it](../data/x.csv#L3)",
            ["docs/a.md:1: ../data/x.csv#L3: data/x.csv has no heading of that anchor"],
        ),
        ("see [it](../../b.md)", ["docs/a.md:1: ../../b.md: leads out of repo"]),
        ("see [it](/docs/b.md)", ["docs/a.md:1: /docs/b.md: leads out of repo"]),
    ],
)
def test_a_link_that_leads_nowhere_is_found_with_its_line(text: str, wrong: list[str]) -> None:
    texts = {"docs/a.md": text, "docs/b.md": "# B\n## The way\n## The way"}
    files = {**texts, "data/x.csv": ""}

    assert broken_links(Path("/somewhere/repo"), texts, files) == wrong


def test_anchors_are_those_of_a_git_host() -> None:
    text = "# Raw: as `delivered`\n## 8. Why? A / B\n```\n# no heading\n```\n## [A link](x.md)\n"

    assert anchors(text + '<a id="by-hand"></a>\n') == {
        "raw-as-delivered",
        "8-why-a--b",
        "a-link",
        "by-hand",
    }


def test_links_are_rewritten_outside_of_code_only() -> None:
    text = "[a](x.md) `[b](x.md)` ![c](y.png)\n```\n[d](x.md)\n```"

    assert rewrite_links(text, lambda target: f"up/{target}") == (
        "[a](up/x.md) `[b](x.md)` ![c](up/y.png)\n```\n[d](x.md)\n```"
    )


def test_a_list_after_a_line_of_text_gets_room_and_its_items_stay_together() -> None:
    text = "Why:\n- one\n  goes on\n- two\n\n| a |\n| - |\nThen:\n```\nx:\n- y\n```"

    assert with_room_around_lists(text) == (
        "Why:\n\n- one\n  goes on\n- two\n\n| a |\n| - |\nThen:\n```\nx:\n- y\n```"
    )
