"""A home whose disk runs full, and one whose clock jumps."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clock import Clock, MissingCompilerError, make_clock
from tests.cluster.deliveries import Deliveries
from tests.cluster.failures import Outcome, Strike, after_line, built_count
from tests.increments.homes import Command, DrivenHome
from tests.increments.trial import Plan

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLAN = Plan(seed=20261130, drawn=40, copies=1, batches=3)
DISK = "2g"
_PIECE_BYTES = 64 * 1024


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
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(_PIECE_BYTES))
        return "the disk, full while tables are written"

    deliveries = Deliveries.of(PLAN, home, tmp_path, outcomes)
    try:
        deliveries.land_next()
        outcome = deliveries.struck(strike, filler.unlink)
    finally:
        home.stop()
    assert outcome.exits == (1, 0)
    assert f"MiB are free on the disk of {home.settings.home}: free some space" in outcome.said


# --- A clock that jumps ---------------------------------------------------------------------------


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that is two days ahead."""
    try:
        made = make_clock(tmp_path)
    except MissingCompilerError as error:
        pytest.fail(str(error), pytrace=False)
    right = made.today()
    made.set(days=2)
    assert made.today() > right
    return made


def test_a_clock_that_jumps_back_and_forth(
    clock: Clock, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    home = DrivenHome(DrivenHome.at(tmp_path / "home").settings, clock.variables)

    def jump(days: int, what: str, built: int) -> Strike:
        def strike(command: Command) -> str | None:
            if not after_line("building the tables")(command) or built_count(command) < built:
                return None
            clock.set(days)
            return what

        return strike

    deliveries = Deliveries.of(PLAN, home, tmp_path, outcomes)
    try:
        deliveries.land_next()
        back = deliveries.struck(jump(-3, "the clock, five days back", 0))
        on = deliveries.struck(jump(9, "the clock, twelve days on", 10))
    finally:
        home.stop()
    assert (back.exits, on.exits) == ((0,), (0,))
