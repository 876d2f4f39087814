"""The rule seeds as their editor left them: a mistake is named by file and line, before dbt starts.

What is checked here is checked nowhere else, but for the keys, which dbt's tests hold once more.
Patterns are Java's regular expressions, which Python cannot compile: only what is broken in Java
for sure is refused.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import DBT_PROJECT_DIR

# What the staging models and the shipped lists know without any rule asking for it.
BUILT_IN_CATEGORIES = frozenset({"search", "social", "shopping", "video", "ai", "email", "none"})
EVENT_TYPES = frozenset({"page_view", "purchase"})
RESERVED_CHANNELS: Mapping[str, str] = {
    "direct": "it means that there is no evidence at all",
    "unattributed": "it means that a conversion has no credited touch",
}

_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})+")
# the macro matched_host_rule looks for up to eight: a country's suffix may have two
_MOST_LABELS = 7
_SUFFIX = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_CHANNEL = re.compile(r"[a-z][a-z0-9_]*")
_FIELD = re.compile(r"[a-z0-9_.-]+")
_LARGEST_RANK = 2**31 - 1

# Python's complaints that are Java's as well, whatever the pattern.
_BROKEN_IN_JAVA_TOO = (
    "unterminated subpattern",
    "unbalanced parenthesis",
    "unterminated character set",
    "bad character range",
    "min repeat greater than max repeat",
)

Row = Mapping[str, str]


@dataclass(frozen=True)
class Seed:
    """What a seed's file must look like.

    Attributes:
        columns: its columns, in any order.
        key: the column that no two lines share.
        check: names what is wrong with a line, or gives ``None``.
        also_unique: a further column that no two lines share.
    """

    columns: tuple[str, ...]
    key: str
    check: Callable[[Row], str | None]
    also_unique: tuple[str, ...] = ()


@dataclass
class Mistakes:
    """What was found, in the order of files and lines."""

    lines: list[str] = field(default_factory=list)

    def add(self, seed: str, line: int, what: str) -> None:
        """Note one mistake.

        Args:
            seed: name of the file, without its ending.
            line: where, counted from 1.
            what: is wrong.
        """
        self.lines.append(f"dbt_spark/seeds/{seed}.csv, line {line}: {what}")


def check_rules(seeds_dir: Path | None = None) -> None:
    """Refuse rule seeds with a mistake in them.

    Args:
        seeds_dir: the folder of the CSV files; the project's when left out.

    Raises:
        UserError: one line: the first mistake's file, line and nature, and how many more.
    """
    found = mistakes(seeds_dir or DBT_PROJECT_DIR / "seeds")
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(found[0] + more)


def mistakes(seeds_dir: Path) -> list[str]:
    """Name everything that is wrong in the rule seeds.

    Args:
        seeds_dir: the folder of the CSV files.

    Returns:
        One line each; empty when all is well.
    """
    found = Mistakes()
    rows = {name: _read(seeds_dir, name, seed, found) for name, seed in SEEDS.items()}
    for name, seed in SEEDS.items():
        for line, row in rows[name]:
            what = _untidy(row) or seed.check(row)
            if what is not None:
                found.add(name, line, what)
        for column in (seed.key, *seed.also_unique):
            _check_unique(name, column, rows[name], found)
    _check_categories(rows, found)
    return found.lines


def _read(seeds_dir: Path, name: str, seed: Seed, found: Mistakes) -> list[tuple[int, Row]]:
    """Read the lines that can be read; the first mistake of the file itself ends it."""
    try:
        text = (seeds_dir / f"{name}.csv").read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        found.add(name, 1, "the file is missing; without rules it holds only a header")
        return []
    except UnicodeDecodeError:
        found.add(name, 1, "the file is not UTF-8; save it as CSV UTF-8")
        return []
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[tuple[int, Row]] = []
    try:
        header = next(reader, [])
        problem = _header_problem(header, seed.columns)
        if problem is not None:
            found.add(name, 1, problem)
            return []
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                found.add(
                    name,
                    reader.line_num,
                    f"{len(cells)} values for {len(header)} columns; quote a value with a comma",
                )
                continue
            rows.append((reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        found.add(name, reader.line_num, f"this is no CSV: {error}")
    return rows


def _header_problem(header: list[str], columns: tuple[str, ...]) -> str | None:
    known = f"the columns are {', '.join(columns)}"
    for column in header:
        if column not in columns:
            return f"unknown column {column!r}; {known}"
    for column in columns:
        if column not in header:
            return f"the column {column!r} is missing; {known}"
    repeated = [column for column in columns if header.count(column) > 1]
    return f"the column {repeated[0]!r} is there twice; {known}" if repeated else None


def _check_unique(name: str, column: str, rows: Iterable[tuple[int, Row]], found: Mistakes) -> None:
    first: dict[str, int] = {}
    for line, row in rows:
        value = row[column]
        # two ranks are one rank however they are written
        value = str(int(value)) if column == "rank" and value.isdecimal() else value
        if value in first:
            found.add(name, line, f"{column} {value!r} stands on line {first[value]} already")
        elif value:
            first[value] = line


def _check_categories(rows: Mapping[str, Iterable[tuple[int, Row]]], found: Mistakes) -> None:
    """A category of one's own must be known to both sides: else it is a slip of the pen."""
    given = {row["category"] for _line, row in rows["source_categories"]}
    asked = {row["source_category"] for _line, row in rows["channel_rules"]}
    for line, row in rows["channel_rules"]:
        category = row["source_category"]
        if category and category not in given | BUILT_IN_CATEGORIES:
            found.add(
                "channel_rules",
                line,
                f"unknown source_category {category!r}: no line of source_categories.csv has it",
            )
    for line, row in rows["source_categories"]:
        category = row["category"]
        if category and category not in asked | BUILT_IN_CATEGORIES:
            found.add(
                "source_categories",
                line,
                f"unknown category {category!r}: no rule in channel_rules.csv asks for it; known"
                f" are {', '.join(sorted(BUILT_IN_CATEGORIES))}",
            )


def _untidy(row: Row) -> str | None:
    for column, value in row.items():
        if value != value.strip():
            return f"{column} {value!r} has a blank at its beginning or end"
        if any(character in value for character in "\n\r\t"):
            return f"{column} {value!r} has a line break or a tab in it"
        if "\\" in value:
            return f"{column} {value!r} has a backslash, which dbt reads too; write [.] for a dot"
    return None


def _lower(row: Row, *columns: str) -> str | None:
    for column in columns:
        if row[column] != row[column].lower():
            return f"{column} {row[column]!r} must be in lower case: so is what it is compared with"
    return None


def _rank(row: Row) -> str | None:
    text = row["rank"]
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST_RANK):
        return f"rank {text!r} is not a whole number from 0 to {_LARGEST_RANK}"
    return None


def _channel_rule(row: Row) -> str | None:
    patterns = ("source_pattern", "medium_pattern", "campaign_pattern")
    problem = _rank(row) or channel_problem(row["channel"])
    if problem is not None:
        return problem
    if not any(row[column] for column in (*patterns, "source_category")):
        return "the rule has no condition and would take everything"
    for column in patterns:
        problem = pattern_problem(row[column])
        if problem is not None:
            return f"{column} {row[column]!r} {problem}"
    return None


def channel_problem(channel: str) -> str | None:
    """Say why a name cannot be a rule's channel; ``None`` when it can.

    Args:
        channel: the name.
    """
    if not channel:
        return "channel is empty"
    if channel in RESERVED_CHANNELS:
        return f"channel {channel!r} is reserved: {RESERVED_CHANNELS[channel]}"
    if not _CHANNEL.fullmatch(channel):
        return f"channel {channel!r} is not in snake case, like paid_search"
    return None


def pattern_problem(pattern: str) -> str | None:
    """Say why a pattern cannot work; ``None`` when it may.

    Args:
        pattern: a Java regular expression, searched for in a lower-cased value; may be empty.
    """
    bare = _without_classes(pattern)
    if "(?i" not in pattern and bare != bare.lower():
        return "has a capital letter, but is compared with lower-cased text"
    if dangling := re.search(r"(^|[(|])([*+?])", re.sub(r"\(\?", "(", bare)):
        return f"is no regular expression: nothing to repeat before {dangling[2]!r}"
    if re.search(r"\{(?!\d+(,\d*)?\})", bare):
        return "is no regular expression: '{' without a number of repetitions"
    # names of groups are written in another way
    try:
        re.compile(re.sub(r"\(\?<(?=[a-z])", "(?P<", pattern))
    except re.error as error:
        # Java has classes within classes: in [a-[b]] the hyphen is a letter
        is_nested = error.msg.startswith("bad character range") and "[" in error.msg
        if not is_nested and any(reason in error.msg for reason in _BROKEN_IN_JAVA_TOO):
            return f"is no regular expression: {error.msg}"
    return None


def _without_classes(pattern: str) -> str:
    """The pattern with a letter for each [class], in which signs mean themselves."""
    return re.sub(r"\[\^?\]?[^]]*\]", "x", pattern)


def _source_category(row: Row) -> str | None:
    source, category = row["source"], row["category"]
    if not source or not category:
        return f"{'category' if source else 'source'} is empty"
    host = source.removesuffix(".{}") + ".x" if source.endswith(".{}") else source
    if "{" in host or "}" in host:
        return (
            f"source {source!r}: {{}} stands for a country only as the last label, like google.{{}}"
        )
    if any(sign in source for sign in ":/@?#"):
        return f"source {source!r} is not a host: no scheme, port or path"
    problem = _host_problem("source", host) if "." in source and " " not in source else None
    return problem or _lower(row, "source", "category")


def _domain(row: Row) -> str | None:
    return _host_problem("domain", row["domain"])


def _host_problem(column: str, host: str) -> str | None:
    if not host:
        return f"{column} is empty"
    if host.startswith("www."):
        return f"{column} {host!r} must be without www., which is cut off what it is compared with"
    if host != host.lower():
        return f"{column} {host!r} must be in lower case: so is what it is compared with"
    if not _HOST.fullmatch(host):
        return f"{column} {host!r} is not a host like example.com: no scheme, port or path"
    if host.count(".") >= _MOST_LABELS:
        return f"{column} {host!r} has more than {_MOST_LABELS} labels"
    return None


def _country_suffix(row: Row) -> str | None:
    if not _SUFFIX.fullmatch(row["suffix"]):
        return f"suffix {row['suffix']!r} is not the end of a host, like de or co.uk"
    return None


def _click_id(row: Row) -> str | None:
    if not row["source"]:
        return "source is empty: the click id would say nothing"
    if not _FIELD.fullmatch(row["click_id"]):
        return f"click_id {row['click_id']!r} is not a lower-case name of a parameter, like gclid"
    return _rank(row) or _lower(row, "source", "medium")


def _event_type_alias(row: Row) -> str | None:
    if not row["alias"]:
        return "alias is empty"
    if row["event_type"] not in EVENT_TYPES:
        known = ", ".join(sorted(EVENT_TYPES))
        return f"unknown event_type {row['event_type']!r}; known are {known}"
    return _lower(row, "alias")


def _suggestion(row: Row) -> str | None:
    problem = _rank(row) or channel_problem(row["channel"])
    if problem is not None:
        return problem
    if not row["reason"]:
        return "reason is empty"
    for column in ("source_pattern", "medium_pattern"):
        problem = pattern_problem(row[column])
        if problem is not None:
            return f"{column} {row[column]!r} {problem}"
    if bool(row["source_pattern"]) == bool(row["medium_pattern"]):
        return "give either a source_pattern or a medium_pattern"
    return None


SEEDS: Mapping[str, Seed] = {
    "channel_rules": Seed(
        (
            "rank",
            "channel",
            "source_pattern",
            "source_category",
            "medium_pattern",
            "campaign_pattern",
            "description",
        ),
        "rank",
        _channel_rule,
    ),
    "source_categories": Seed(("source", "category", "origin"), "source", _source_category),
    "country_suffixes": Seed(("suffix",), "suffix", _country_suffix),
    "click_ids": Seed(("rank", "click_id", "source", "medium"), "click_id", _click_id, ("rank",)),
    "own_domains": Seed(("domain",), "domain", _domain),
    "referral_exclusions": Seed(("domain", "provider"), "domain", _domain),
    "event_type_aliases": Seed(("alias", "event_type"), "alias", _event_type_alias),
    "channel_suggestions": Seed(
        ("rank", "source_pattern", "medium_pattern", "channel", "reason"), "rank", _suggestion
    ),
}
