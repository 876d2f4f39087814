"""The site's sources: the repository's Markdown in the folders where it lies, ready for MkDocs.

The site has the layout of the repository, so that a link works on a git host and in the site. A
link to a file that is no Markdown leads to a page that shows it; one to a folder to its README,
or to a page that lists it.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from dagster_code.cli import cli
from docs_site import api, commands, notebook
from docs_site.markdown import (
    is_external,
    repository_files,
    resolve,
    rewrite_links,
    title,
    with_room_around_lists,
)

PACKAGE_DIR = Path(__file__).parent
# Added to a file's name for the page that shows it; mkdocs.yml knows it too.
SHOWN = ".source.md"
_LANGUAGES = {
    ".conf": "properties",
    ".csv": "text",
    ".json": "json",
    ".lock": "text",
    ".py": "python",
    ".properties": "properties",
    ".sh": "bash",
    ".sql": "sql",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_NOTEBOOK = ".ipynb"
_SHOWN_AT_MOST_BYTES = 300_000
# Not of the site: Markdown that is dbt's, and of folders that say nothing to a reader.
_LEFT_OUT = ("dagster_code/", "dbt_spark/models/", "docs_site/", "tests/")
# A table of so many columns and lines takes the place of the table of contents beside it.
_WIDE_COLUMNS = 6
_LONG_LINES = 15
_WITHOUT_CONTENTS = "---\nhide:\n  - toc\n---\n"
_NOT_SEARCHED = "---\nsearch:\n  exclude: true\n---\n"


def is_page(path: str) -> bool:
    """Tell whether a file of the repository becomes a page of its own.

    Args:
        path: from the root.
    """
    return path.endswith(".md") and not path.startswith(_LEFT_OUT)


@dataclass
class Sources:
    """Where the sources are put together.

    Attributes:
        root: the checkout.
        folder: where they go.
        files: the files of the repository, from the root.
        shown: files and folders that a link led to, and that need a page.
    """

    root: Path
    folder: Path
    files: list[str]
    shown: set[str] = field(default_factory=set)

    def write(self, path: str, text: str) -> None:
        """Write one page.

        Args:
            path: from the site's root.
            text: Markdown.
        """
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def copy(self, path: str) -> None:
        """Copy one file as it is.

        Args:
            path: from the root.
        """
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / path, target)

    def lead(self, page: str, target: str) -> str:
        """Give the link that means in the site what one in the repository means.

        Args:
            page: the path of the file with the link.
            target: the link as it is written.
        """
        if is_external(target):
            return target
        path, anchor = resolve(page, target)
        if path.endswith(_NOTEBOOK) and path in self.files:
            return target.replace(_NOTEBOOK, ".md")
        if path in self.files and (is_page(path) or not self._is_text(path)):
            if not is_page(path):
                self.copy(path)
            return target
        self.shown.add(path)
        found = self._page_of(path)
        up = "../" * (len(PurePosixPath(page).parts) - 1)
        return f"{up}{found}#{anchor}" if anchor else f"{up}{found}"

    def show(self, path: str) -> None:
        """Write the page that shows a file, or lists a folder.

        Args:
            path: from the root.
        """
        if path in self.files:
            self.write(f"{path}{SHOWN}", _as_page(path, (self.root / path).read_text("utf-8")))
        elif self._page_of(path).endswith(SHOWN):
            below = [each for each in self.files if each.startswith(f"{path}/")]
            listed = "\n".join(f"- `{each}`" for each in below)
            self.write(f"{path}{SHOWN}", f"{_NOT_SEARCHED}# `{path}/`\n\n{listed}\n")

    def _page_of(self, path: str) -> str:
        readme = f"{path}/README.md"
        return readme if readme in self.files and is_page(readme) else f"{path}{SHOWN}"

    def _is_text(self, path: str) -> bool:
        content = (self.root / path).read_bytes()
        if PurePosixPath(path).suffix in (".html", ".svg") or b"\0" in content:
            return False
        return len(content) <= _SHOWN_AT_MOST_BYTES


def stage(root: Path, folder: Path) -> list[dict[str, object]]:
    """Put the site's sources together.

    Args:
        root: the checkout.
        folder: an empty folder for them.

    Returns:
        The navigation, as MkDocs wants it.
    """
    sources = Sources(root, folder, repository_files(root))
    texts = repository_pages(root)
    for path, text in texts.items():
        led = rewrite_links(text, lambda target, page=path: sources.lead(page, target))  # type: ignore[misc]
        head = _WITHOUT_CONTENTS if _has_wide_table(text) else ""
        sources.write(path, head + with_room_around_lists(led))
    for path in sorted(sources.shown):
        sources.show(path)
    for path in ("assets", "vendor"):
        shutil.copytree(
            PACKAGE_DIR / path, folder / path, ignore=shutil.ignore_patterns("README.md")
        )
    generated = generated_pages(root)
    for path, text in generated.items():
        sources.write(path, text)
    return navigation(texts | generated)


def repository_pages(root: Path) -> dict[str, str]:
    """Read the Markdown that becomes pages, and the notebooks as such.

    Args:
        root: the checkout.

    Returns:
        Markdown by path from the site's root.
    """
    files = repository_files(root)
    texts = {path: (root / path).read_text(encoding="utf-8") for path in files if is_page(path)}
    for path in files:
        if path.endswith(_NOTEBOOK):
            name = f"{path.removesuffix(_NOTEBOOK)}.md"
            texts[name] = notebook.page((root / path).read_text(encoding="utf-8"))
    return texts


def generated_pages(root: Path) -> dict[str, str]:
    """Write what no file says: the help of the commands, the API reference.

    Args:
        root: the checkout.

    Returns:
        Markdown by path from the site's root.
    """
    names = api.modules(root)
    architecture = (root / api.ARCHITECTURE).read_text(encoding="utf-8")
    summaries = {name: api.summary(_source(root, name)) for name in names}
    reference = api.pages(api.areas(names, architecture), summaries)
    return {"commands.md": commands.page(cli), **reference}


def navigation(texts: Mapping[str, str]) -> list[dict[str, object]]:
    """Read ``nav.yml``, with the pages of each folder in the place of its name.

    Args:
        texts: all pages by path.

    Returns:
        The navigation, as MkDocs wants it.
    """
    sections = yaml.safe_load((PACKAGE_DIR / "nav.yml").read_text(encoding="utf-8"))
    return [
        {name: listed if isinstance(listed, str) else list(_entries(listed, texts))}
        for section in sections
        for name, listed in section.items()
    ]


def _entries(listed: Iterable[object], texts: Mapping[str, str]) -> Iterable[dict[str, object]]:
    for entry in listed:
        if isinstance(entry, dict):
            yield entry
            continue
        path = str(entry)
        if not path.endswith("/"):
            yield {title(texts[path], path): path}
            continue
        own = f"{path}README.md"
        below = sorted(each for each in texts if each.startswith(path) and each != own)
        first = [own] if own in texts else []
        name = title(texts.get(own, ""), path.rstrip("/").rsplit("/", 1)[-1])
        overview = [{"Overview": each} for each in first]
        yield {name: overview + [{title(texts[each], each): each} for each in below]}


def _has_wide_table(text: str) -> bool:
    wide = [line for line in text.splitlines() if line.count("|") > _WIDE_COLUMNS]
    return len([line for line in wide if line.startswith("|")]) > _LONG_LINES


def _source(root: Path, name: str) -> str:
    path = root / name.replace(".", "/")
    found = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return found.read_text(encoding="utf-8")


def _as_page(path: str, text: str) -> str:
    language = _LANGUAGES.get(PurePosixPath(path).suffix, "text")
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{_NOT_SEARCHED}# `{path}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"
