"""Markdown as a git host reads it: links, headings and their anchors, outside of code."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_CODE_SPAN = re.compile(r"(`+)(?:(?!`).|(?!\1(?!`))`)+?\1(?!`)")
_TARGET = re.compile(r"(\]\(\s*<?)([^)\s>]+)(>?(?:\s+\"[^\"]*\")?\s*\))")
_DEFINITION = re.compile(r"^(\s{0,3}\[[^\]]+\]:\s*<?)([^\s>]+)(>?.*)$")
_HTML_TARGET = re.compile(r"(<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\")([^\"]+)(\")")
_TARGETS = (_TARGET, _DEFINITION, _HTML_TARGET)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_HTML_ANCHOR = re.compile(r"<[a-z0-9]+\b[^>]*?\b(?:id|name)=\"([^\"]+)\"")
_EXTERNAL = re.compile(r"^([a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^ {0,3}([-*+]|\d{1,9}[.)])\s+\S")


def repository_files(root: Path) -> list[str]:
    """List the files of the repository, and those that a commit could add.

    Args:
        root: the checkout.

    Returns:
        Paths from the root, with slashes, sorted; what git ignores is left out.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return sorted(path for path in listed.split("\0") if path and (root / path).is_file())


def is_external(target: str) -> bool:
    """Tell whether a link leads out of the repository.

    Args:
        target: as it is written.
    """
    return bool(_EXTERNAL.match(target))


def resolve(page: str, target: str) -> tuple[str, str]:
    """Give the path and the anchor that a relative link means.

    Args:
        page: the path of the file with the link, from the root.
        target: the link as it is written.

    Returns:
        The path from the root (``..`` in front if it leaves it), and the anchor or nothing.
    """
    path, _, anchor = target.partition("#")
    if not path:
        return page, anchor
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts), anchor


def links(text: str) -> Iterator[tuple[int, str]]:
    """Give each link and image of a text, with its line's number.

    Args:
        text: Markdown.
    """
    for number, line, is_code in _lines(text):
        if not is_code:
            for prose in _prose(line):
                for pattern in _TARGETS:
                    yield from ((number, match[2]) for match in pattern.finditer(prose))


def rewrite_links(text: str, replace: Callable[[str], str]) -> str:
    """Put another target in the place of each link's.

    Args:
        text: Markdown.
        replace: takes a target, gives the new one.
    """
    written = []
    for _, line, is_code in _lines(text):
        if not is_code:
            line = "".join(
                part if is_span else _replaced(part, replace) for part, is_span in _parts(line)
            )
        written.append(line)
    return "\n".join(written)


def anchors(text: str) -> set[str]:
    """Give the anchors that a git host makes of a text's headings, and those set by hand.

    Args:
        text: Markdown.
    """
    found: set[str] = set()
    for _, line, is_code in _lines(text):
        if is_code:
            continue
        found.update(_HTML_ANCHOR.findall(line))
        if heading := _HEADING.match(line):
            slug = _slug(heading[1])
            unique, count = slug, 0
            while unique in found:
                count += 1
                unique = f"{slug}-{count}"
            found.add(unique)
    return found


def title(text: str, otherwise: str) -> str:
    """Give the first heading of a text.

    Args:
        text: Markdown.
        otherwise: what to say if it has none.
    """
    for _, line, is_code in _lines(text):
        if not is_code and (heading := _HEADING.match(line)):
            return heading[1].replace("`", "")
    return otherwise


def with_room_around_lists(text: str) -> str:
    """Put an empty line before a list or table that follows a line of text.

    A git host begins a list there; Python's Markdown wants the empty line.

    Args:
        text: Markdown.
    """
    written: list[str] = []
    for _, line, is_code in _lines(text):
        before = written[-1] if written else ""
        begins = _LIST_ITEM.match(line) or line.startswith("|")
        goes_on = _LIST_ITEM.match(before) or before.startswith(("|", " "))
        if begins and not is_code and before.strip() and not goes_on:
            written.append("")
        written.append(line)
    return "\n".join(written)


def broken_links(root: Path, texts: Mapping[str, str], files: Mapping[str, object]) -> list[str]:
    """Find the relative links that lead nowhere.

    Args:
        root: the checkout, for nothing but the message of a link out of it.
        texts: Markdown by path from the root.
        files: all that is there, by path from the root.

    Returns:
        ``path:line: target: what is wrong``, one for each.
    """
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
    known = {path: anchors(text) for path, text in texts.items()}
    found = []
    for page, text in texts.items():
        for number, target in links(text):
            if is_external(target):
                continue
            path, anchor = resolve(page, target)
            if path.startswith("..") or target.startswith("/"):
                wrong = f"leads out of {root.name}"
            elif path not in files and path not in folders:
                wrong = "there is no such file"
            elif anchor and anchor not in known.get(path, set()):
                wrong = f"{path} has no heading of that anchor"
            else:
                continue
            found.append(f"{page}:{number}: {target}: {wrong}")
    return found


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Give each line with its number, and whether it is code or the fence around it."""
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        mark = _FENCE.match(line)
        if fence:
            yield number, line, True
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        else:
            fence = mark[1] if mark else ""
            yield number, line, bool(mark)


def _parts(line: str) -> Iterator[tuple[str, bool]]:
    """Cut a line into prose and code spans."""
    end = 0
    for span in _CODE_SPAN.finditer(line):
        yield line[end : span.start()], False
        yield span[0], True
        end = span.end()
    yield line[end:], False


def _prose(line: str) -> Iterator[str]:
    return (part for part, is_span in _parts(line) if not is_span)


def _replaced(prose: str, replace: Callable[[str], str]) -> str:
    for pattern in _TARGETS:
        prose = pattern.sub(lambda match: f"{match[1]}{replace(match[2])}{match[3]}", prose)
    return prose


def _slug(heading: str) -> str:
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    plain = re.sub(r"[^\w\- ]", "", plain.lower())
    return plain.strip().replace(" ", "-")
