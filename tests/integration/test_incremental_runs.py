"""Histories in batches, a run for each: the tables equal a full refresh's and the oracle's.

The last run's dbt is killed between the conversions and the marts that are made of them, so that
what is compared is what the next run healed.
"""

from pathlib import Path

import pytest

from tests.increments.kills import Strike
from tests.increments.plots import LONG_PLOTS, PLOTS
from tests.increments.trial import Figures, Plan, Trial

pytestmark = [pytest.mark.integration, pytest.mark.repair]

# A small one, since each run takes minutes: `make increments` is the real trial.
PLAN = Plan(
    seed=20261123,
    drawn=120,
    copies=1,
    batches=2,
    compare_every=2,
    is_one_home=True,
    last_strike=Strike("dbt", built="int_conversions_attributed"),
)


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the trial says."""
    return []


@pytest.fixture(scope="module")
def figures(told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """What came of the trial in a home of its own."""
    return Trial(PLAN, Path(tmp_path_factory.mktemp("increments")), told.append).hold()


def test_increments_equal_a_full_refresh_row_for_row(figures: Figures, told: list[str]) -> None:
    assert figures.differing_rows == 0, "\n".join(told)
    assert figures.batches == PLAN.batches
    assert figures.runs == PLAN.batches + 1
    assert figures.histories == PLAN.drawn + len(PLOTS) + len(LONG_PLOTS)
    assert figures.tables >= 20
    assert figures.rows > 5 * figures.records


def test_a_killed_build_is_healed_by_the_next_run(figures: Figures, told: list[str]) -> None:
    ((kill, differing),) = figures.kills
    assert (kill.target, differing) == ("dbt", 0), "\n".join(told)
    assert kill.own_exit != 0
    assert kill.is_healed, kill


def test_increments_equal_the_oracle(figures: Figures, told: list[str]) -> None:
    assert figures.oracle_differences == 0, "\n".join(told)
