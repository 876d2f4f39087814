"""What a look at a home finds: how it is, and what to do where it is not well."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagster_code.lib.style import bad, good, warning


class Health(StrEnum):
    """How a thing is."""

    WELL = "ok"
    # Works, or mends itself with the next command.
    NOTED = "note"
    ILL = "problem"


_COLOURS: dict[Health, Callable[[str], str]] = {
    Health.WELL: good,
    Health.NOTED: warning,
    Health.ILL: bad,
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        health: how it is.
        seen: what was seen, in words.
        remedy: what to do; empty where nothing is to be done.
    """

    name: str
    health: Health
    seen: str
    remedy: str = ""


def well(name: str, seen: str) -> Finding:
    """Say that a thing is as it should be.

    Args:
        name: of the thing.
        seen: what was seen.
    """
    return Finding(name, Health.WELL, seen)


def noted(name: str, seen: str, remedy: str) -> Finding:
    """Say that a thing is unusual, but stops nothing.

    Args:
        name: of the thing.
        seen: what was seen.
        remedy: what to do, or what will happen.
    """
    return Finding(name, Health.NOTED, seen, remedy)


def ill(name: str, seen: str, remedy: str) -> Finding:
    """Say that something does not work.

    Args:
        name: of the thing.
        seen: what was seen.
        remedy: what to do.
    """
    return Finding(name, Health.ILL, seen, remedy)


def told(findings: Sequence[Finding]) -> Iterator[str]:
    """Write findings as lines for a person, and how many problems there are.

    Args:
        findings: all of them.
    """
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        word = _COLOURS[finding.health](f"{finding.health:<8}")
        yield f"{word} {finding.name:<{width}}  {finding.seen}\n"
        if finding.remedy:
            yield f"{'':<8} {'':<{width}}  -> {finding.remedy}\n"
    problems = sum(finding.health is Health.ILL for finding in findings)
    yield f"\n{problems} problem{'' if problems == 1 else 's'}\n"
