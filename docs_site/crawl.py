"""A walk through the built site: links that lead nowhere, requests to other hosts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; a link is followed only by a reader.
_FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
}
_FOLLOWED = {"a": "href", "area": "href"}
_CSS_FETCHED = re.compile(r"""(?:@import\s+|url\()\s*['"]?((?:https?:)?//[^'")\s;]+)""")


@dataclass
class Page:
    """One HTML file.

    Attributes:
        anchors: its ``id`` and ``name`` attributes.
        links: what leads somewhere, or is fetched, inside the site.
        fetched: what a browser would fetch from another host.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What a crawl found.

    Attributes:
        page_count: how many HTML files there are.
        broken: ``page: target: what is wrong``.
        fetched: ``file: address`` of what is fetched from another host.
    """

    page_count: int
    broken: tuple[str, ...]
    fetched: tuple[str, ...]

    def summary(self) -> str:
        """Say it in one line."""
        line = f"{self.page_count} pages, {len(self.broken)} broken links"
        return f"{line}, {len(self.fetched)} requests to other hosts" if self.fetched else line


def crawl(site: Path) -> Report:
    """Read every HTML and CSS file of a site.

    Args:
        site: the folder.
    """
    pages = {path: read_page(path) for path in sorted(site.rglob("*.html"))}
    broken, fetched = [], []
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        fetched += [f"{name}: {address}" for address in page.fetched]
        for target in page.links:
            wrong = _what_is_wrong(site, path, target, pages)
            if wrong:
                broken.append(f"{name}: {target}: {wrong}")
    for path in sorted(site.rglob("*.css")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(site).as_posix()
        fetched += [f"{name}: {address}" for address in _CSS_FETCHED.findall(text)]
    return Report(len(pages), tuple(broken), tuple(fetched))


def read_page(path: Path) -> Page:
    """Read one HTML file.

    Args:
        path: of the file.
    """
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return reader.page


def _what_is_wrong(site: Path, origin: Path, target: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(target)
    path = unquote(parts.path)
    anchor = unquote(parts.fragment)
    if path.startswith("/"):
        meant = site / path.lstrip("/")
    elif path:
        meant = origin.parent / path
    else:
        meant = origin
    meant = meant.resolve()
    if not meant.is_relative_to(site.resolve()):
        return "leads out of the site"
    if meant.is_dir():
        meant = meant / "index.html"
    if not meant.is_file():
        return "there is no such file"
    if not anchor or meant.suffix != ".html":
        return ""
    page = pages.get(meant) or read_page(meant)
    # `#` and `#top` are the top of every page.
    return "" if anchor in page.anchors or anchor == "top" else "there is no such anchor"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self._in_style = tag == "style"
        self.page.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag in _FOLLOWED and _FOLLOWED[tag] in values:
            self._add([values[_FOLLOWED[tag]]], is_fetched=False)
        for name in _FETCHED.get(tag, ()):
            addresses = values.get(name, "")
            if name == "srcset":
                self._add((each.split()[0] for each in addresses.split(",") if each.strip()), True)
            elif addresses and values.get("rel") not in ("canonical", "alternate"):
                self._add([addresses], is_fetched=True)
        self.page.fetched += _CSS_FETCHED.findall(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.page.fetched += _CSS_FETCHED.findall(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def _add(self, targets: Iterable[str], is_fetched: bool) -> None:
        for target in targets:
            parts = urlsplit(target.strip())
            if parts.netloc:
                if is_fetched:
                    self.page.fetched.append(target)
            elif not parts.scheme:
                self.page.links.append(target.strip())
