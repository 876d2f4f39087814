"""A wall clock of its own for some processes, which jumps when it is told to.

libfaketime would do the same, but makes Python's ``sleep`` fail where the time that passes stays
right, and waits hang where it does not.
"""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")
_DAY_SECONDS = 86_400


class MissingCompilerError(Exception):
    """There is no C compiler; says how to get one."""


@dataclass(frozen=True)
class Clock:
    """How far the clock is off for the processes that have these variables.

    Attributes:
        library: replaces the functions that tell the time of day.
        file: holds the offset.
    """

    library: Path
    file: Path

    @property
    def variables(self) -> dict[str, str]:
        """What gives a process, and those that it starts, this clock."""
        return {"LD_PRELOAD": str(self.library), "TEST_CLOCK_FILE": str(self.file)}

    def set(self, days: int) -> None:
        """Let it jump, for processes that run as well.

        Args:
            days: how far it is ahead of the machine's from now on.
        """
        # in place: the processes have this very file mapped
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", days * _DAY_SECONDS))

    def today(self) -> str:
        """The date that a process of this clock sees, like ``2026-01-31``."""
        done = subprocess.run(
            ["date", "-u", "+%F"],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def make_clock(folder: Path) -> Clock:
    """Make a clock that is right, for now.

    Args:
        folder: for the library and the file.

    Raises:
        MissingCompilerError: it cannot be compiled here.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingCompilerError("there is no C compiler here: apt install gcc libc6-dev")
    library, file = folder / "clock.so", folder / "clock"
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)],
        check=True,
    )
    file.write_bytes(struct.pack("=q", 0))
    return Clock(library, file)
