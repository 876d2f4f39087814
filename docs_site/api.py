"""The pages of the API reference: an area each, with the modules that belong to it.

Which module of ``dagster_code/lib`` belongs where is said once, by the table of modules in
``docs/architecture.md``.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGE = "dagster_code"
ARCHITECTURE = "docs/architecture.md"
_ENTRY_POINTS = "commands and entry points"
_DEFINITIONS = "Dagster's definitions"
_UNNAMED = "other modules"
_TABLE = re.compile(r"^\| for \| modules \|\n\|[ |-]+\n((?:\|.*\n)+)", re.MULTILINE)


def modules(root: Path) -> list[str]:
    """Name every module of the package that has something in it.

    Args:
        root: the checkout.
    """
    return sorted(
        _dotted(path.relative_to(root))
        for path in (root / PACKAGE).rglob("*.py")
        if path.stat().st_size
    )


def named_areas(architecture: str) -> dict[str, list[str]]:
    """Read from the architecture's table what the modules of ``lib`` are for.

    Args:
        architecture: the text of ``docs/architecture.md``.

    Returns:
        By area, the names of modules and packages (without a slash) below ``lib``.

    Raises:
        ValueError: the table is not there.
    """
    table = _TABLE.search(architecture)
    if not table:
        raise ValueError(f"{ARCHITECTURE} has no table `| for | modules |`")
    areas = {}
    for line in table[1].splitlines():
        area, listed = (cell.strip() for cell in line.strip("|").split("|", 1))
        areas[area] = [name.rstrip("/") for name in re.findall(r"`([\w/]+)`", listed)]
    return areas


def areas(names: Sequence[str], architecture: str) -> dict[str, list[str]]:
    """Sort the modules by what they are for.

    Args:
        names: all modules, dotted.
        architecture: the text of ``docs/architecture.md``.

    Returns:
        By area, dotted modules; each is in one area.
    """
    left = list(names)

    def take(belongs: str) -> list[str]:
        taken = [name for name in left if name == belongs or name.startswith(f"{belongs}.")]
        left[:] = [name for name in left if name not in taken]
        return taken

    sorted_in: dict[str, list[str]] = {}
    library = f"{PACKAGE}.lib"
    for area, listed in named_areas(architecture).items():
        sorted_in[area] = [name for each in listed for name in take(f"{library}.{each}")]
    unnamed = take(library)
    definitions = take(f"{PACKAGE}.defs")
    entry_points = list(left)
    ordered = {_ENTRY_POINTS: entry_points, _DEFINITIONS: definitions, **sorted_in}
    ordered[_UNNAMED] = unnamed
    return {area: found for area, found in ordered.items() if found}


def pages(grouped: Mapping[str, Sequence[str]], summaries: Mapping[str, str]) -> dict[str, str]:
    """Write a page for each area, and one that lists them.

    Args:
        grouped: dotted modules by area.
        summaries: the first line of each module's docstring.

    Returns:
        Markdown by path below the site's sources; the docstrings are put in by mkdocstrings.
    """
    written = {}
    listing = [
        "# API reference",
        "",
        "From the docstrings of `dagster_code`, by what it is for.",
        "",
    ]
    for area, names in grouped.items():
        path = f"{_file_name(area)}.md"
        listing += [f"## {_heading(area)}", "", f"On [one page]({path}):", ""]
        listed = [f"- [`{name}`][{name}]: {summaries[name]}" for name in names]
        listing += [*listed, ""]
        lines = [f"# {_heading(area)}", "", *listed]
        lines += [line for name in names for line in ("", f"::: {name}")]
        written[f"api/{path}"] = "\n".join(lines) + "\n"
    return {"api/README.md": "\n".join(listing), **written}


def summary(source: str) -> str:
    """Give the first line of a module's docstring.

    Args:
        source: the module's text.
    """
    match = re.match(r'\s*(?:#[^\n]*\n)*\s*r?"""(.*?)(?:"""|\n)', source)
    return match[1].strip() if match else ""


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _heading(area: str) -> str:
    return area[0].upper() + area[1:]


def _file_name(area: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", area.lower()).strip("_")
