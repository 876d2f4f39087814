"""Deliveries to a home, and what became of their records."""

import dataclasses
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from dagster_code.lib.settings import SAMPLE_EVENTS
from tests.cluster.failures import (
    Outcome,
    Strike,
    differing_lines,
    record_counts,
    struck_run,
)
from tests.increments.homes import DrivenHome, Paths, run_arguments
from tests.increments.kills import start_server
from tests.increments.parcels import Parcel, write_parcel
from tests.increments.trial import Plan, parcels_of
from tests.oracle.delivery import Delivered


@dataclasses.dataclass
class Deliveries:
    """Parcels that wait for their home.

    Attributes:
        home: where they go.
        waiting: what is not delivered yet.
        folder: for the files.
        rng: decides on the files' forms.
        outcomes: takes what the strikes did.
    """

    home: DrivenHome
    waiting: list[Parcel]
    folder: Path
    rng: random.Random
    outcomes: list[Outcome]

    @classmethod
    def of(
        cls, plan: Plan, home: DrivenHome, folder: Path, outcomes: list[Outcome]
    ) -> "Deliveries":
        """Prepare all deliveries of a plan."""
        dealt, _ = parcels_of(plan)
        return cls(home, dealt, folder, random.Random(plan.seed), outcomes)

    def next_files(self) -> tuple[Paths, int]:
        """Write the next delivery: its files, and how many records they have."""
        parcel = self.waiting.pop(0)
        folder = self.folder / f"{len(self.waiting):03d}-left"
        return write_parcel(parcel, folder, self.rng), parcel.count

    def land_next(self) -> None:
        """Run with the next delivery, which has to work."""
        self.home.run(*run_arguments(self.next_files()[0], {}))

    def struck(
        self,
        strike: Strike,
        heal: Callable[[], None] = lambda: None,
        more: Sequence[Delivered] = (),
    ) -> Outcome:
        """Run with the next delivery, strike, and count what is there afterwards.

        Args:
            strike: strikes once.
            heal: what a person does before giving a failed command again.
            more: events that are delivered besides.
        """
        start_server(self.home)
        before = record_counts(self.home)
        self.waiting[0].events.extend(more)
        paths, count = self.next_files()
        return self.counted(struck_run(self.home, paths, strike, heal), before, count)

    def counted(self, found: Outcome, before: tuple[int, int], count: int) -> Outcome:
        """Complete an outcome by what is in the tables.

        Args:
            found: what was seen of the strike.
            before: ``record_counts`` before the delivery.
            count: the delivery's records.
        """
        there, different = record_counts(self.home)
        lines = differing_lines(self.home)
        outcome = dataclasses.replace(
            found,
            lost=before[1] + count - different,
            doubled=there - different,
            differing=len(lines),
        )
        self.outcomes.append(outcome)
        assert lines == [], "\n".join(lines[:10])
        assert (outcome.lost, outcome.doubled) == (0, 0), outcome
        return outcome


def two_deliveries(plan: Plan, folder: Path) -> list[Paths]:
    """The sample with generated histories, and what comes later."""
    deliveries = [
        write_parcel(parcel, folder / str(number), random.Random(f"{plan.seed} {number}"))
        for number, parcel in enumerate(parcels_of(plan)[0])
    ]
    first, second = deliveries
    return [{**first, "events": [SAMPLE_EVENTS, *first.get("events", ())]}, second]
