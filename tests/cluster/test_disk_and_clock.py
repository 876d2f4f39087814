"""A home whose disk runs full, and one whose clock jumps."""

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.deliveries import Deliveries
from tests.cluster.failures import Outcome, after_line, built_count
from tests.increments.homes import Command, DrivenHome, run_arguments
from tests.increments.trial import Plan

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLAN = Plan(seed=20261130, drawn=40, copies=1, batches=3)
DISK = "2g"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


# --- A full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)],
            check=True,
            capture_output=True,
        )
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        # not skipped: who asks for these tests wants to know
        pytest.fail(f"a disk cannot be mounted here (run as root): {error}", pytrace=False)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_runs_full_while_tables_are_written(
    small_disk: Path, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    home = DrivenHome.at(small_disk / "home")
    filler = small_disk / "filler"

    def strike(command: Command) -> str | None:
        if built_count(command) < 5:
            return None
        status = os.statvfs(small_disk)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize)
        return "the disk, full while tables are written"

    deliveries = Deliveries.of(PLAN, home, tmp_path, outcomes)
    try:
        home.run(*run_arguments(deliveries.next_files()[0], {}))
        outcome = deliveries.struck(strike, filler.unlink)
    finally:
        home.stop()
    assert outcome.exits == (1, 0)
    assert "No space left on device" in outcome.said


# --- A clock that jumps ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class ClockedHome(DrivenHome):
    """A home whose commands and server have a clock of their own.

    Attributes:
        clock: file that says how far it is off, like ``+2d``.
    """

    clock: Path = Path()

    def set_clock(self, offset: str) -> None:
        """Let the clock jump, in processes that run as well."""
        self.clock.write_text(offset, encoding="ascii")


def faked(clock: Path) -> dict[str, str]:
    """The variables that fake the time of day, not the time that passes."""
    return {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }


@pytest.fixture
def clocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClockedHome]:
    """A home with a clock that is two days ahead."""
    if not Path(FAKETIME).is_file():
        pytest.fail("libfaketime is not here: apt install faketime", pytrace=False)
    plain = DrivenHome.at(tmp_path / "home")
    clock = tmp_path / "clock"
    home = ClockedHome(plain.settings, faked(clock), clock)
    home.set_clock("+2d")
    yield home
    home.stop()


def clock_of(home: ClockedHome) -> str:
    """The date that a process of the home sees."""
    done = subprocess.run(
        ["date", "-u", "+%F"], env={**os.environ, **faked(home.clock)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_clock_that_jumps_back_and_forth(
    clocked: ClockedHome, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    ahead = clock_of(clocked)

    def strike(command: Command) -> str | None:
        if not after_line("building the tables with dbt")(command):
            return None
        clocked.set_clock("-3d")
        return "the clock, five days back"

    def strike_again(command: Command) -> str | None:
        if built_count(command) < 10:
            return None
        clocked.set_clock("+9d")
        return "the clock, twelve days on"

    deliveries = Deliveries.of(PLAN, clocked, tmp_path, outcomes)
    clocked.run(*run_arguments(deliveries.next_files()[0], {}))
    assert deliveries.struck(strike).exits == (0,)
    assert clock_of(clocked) < ahead
    assert deliveries.struck(strike_again).exits == (0,)
