"""What a command has to tell: to a person in lines, to a program as one document."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dagster_code.lib.errors import UserError


@dataclass(frozen=True)
class Told:
    """A command's result; its lines and its document are made of the same values.

    Attributes:
        lines: for a person, with their line ends.
        document: for a program; the keys are described in ``docs/runbook.md``, *For scripts*.
        failure: what did not work, raised when all is told; ``None`` when all of it did.
    """

    lines: Iterable[str]
    document: Mapping[str, Any]
    failure: UserError | None = None
