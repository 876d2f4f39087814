"""The trial: histories in batches, a run for each, and every table held against a full refresh."""

import dataclasses
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dagster_code.lib.landing.schema import KINDS, Kind
from tests.increments.differences import RUN_TABLES, Difference, Tables, differences
from tests.increments.homes import DrivenHome, Paths, joined, run_arguments
from tests.increments.judge import oracle_differences
from tests.increments.kills import (
    Kill,
    Strike,
    Tempo,
    killed_run,
    start_server,
    strikes,
    watched_run,
)
from tests.increments.parcels import (
    Parcel,
    deal_history,
    deal_records,
    deal_steps,
    empty_parcels,
    with_echo,
    write_parcel,
)
from tests.increments.plots import directed
from tests.oracle import generate_clients
from tests.oracle.delivery import Delivered, as_text
from tests.oracle.generate_spend import generate_spend
from tests.oracle.strategies import drawn

SHOWN_RECORDS = 12
SHOWN_DIFFERENCES = 12

# With so many batches there is one more, which repeats an earlier one.
ECHOED_FROM = 4

# The first run builds all, the second one shows how long a run takes that is left alone.
FIRST_KILLED = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is tried.

    Attributes:
        seed: equal seeds (and numbers) give equal files.
        drawn: how many clients are drawn.
        copies: how many clients live through each plot.
        batches: how many deliveries.
        compare_every: after how many batches the tables are compared; always after the last.
        is_one_home: the full refresh is made in the home itself, on which the next batch goes on;
            otherwise in another home, so that the first one only ever sees increments.
        keeps_servers: both homes' servers stay up.
        schemas: whose tables are compared.
        skipped: tables that are not.
        variables: dbt variables.
        kills: how many runs are killed.
        last_strike: kills the last run as well.
        keeps_going: also after a difference.
        has_oracle: the last tables are also held against the oracle.
    """

    seed: int
    drawn: int = 300
    copies: int = 2
    batches: int = 5
    compare_every: int = 1
    is_one_home: bool = False
    keeps_servers: bool = False
    schemas: Sequence[str] = ("staging", "marts")
    skipped: frozenset[str] = RUN_TABLES
    variables: Mapping[str, object] = field(default_factory=dict)
    kills: int = 0
    last_strike: Strike | None = None
    keeps_going: bool = False
    has_oracle: bool = True


@dataclass
class Figures:
    """What was done, and what was found."""

    histories: int = 0
    records: int = 0
    batches: int = 0
    runs: int = 0
    full_refreshes: int = 0
    comparisons: int = 0
    tables: int = 0
    rows: int = 0
    differing_rows: int = 0
    oracle_differences: int | None = None
    seconds: float = 0.0
    kills: list[tuple[Kill, int | None]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing differed and every killed run was healed by the next one."""
        healed = all(kill.is_healed for kill, _ in self.kills if kill.target is not None)
        return not self.differing_rows and not self.oracle_differences and healed

    def lines(self) -> list[str]:
        """The figures as text."""
        oracle = "not asked" if self.oracle_differences is None else self.oracle_differences
        return [
            f"histories {self.histories}, records {self.records}, batches {self.batches}",
            f"incremental runs {self.runs}, full refreshes {self.full_refreshes}",
            f"comparisons {self.comparisons}, tables {self.tables}, rows {self.rows}",
            f"differing rows {self.differing_rows}, differences from the oracle {oracle}",
            f"seconds {self.seconds:.0f}",
        ]


def parcels_of(plan: Plan) -> tuple[list[Parcel], int]:
    """What is delivered, batch by batch, and of how many clients.

    Args:
        plan: decides on all of it.
    """
    rng = random.Random(f"increments {plan.seed}")
    parcels = empty_parcels(plan.batches)
    histories = drawn(plan.drawn, plan.seed) if plan.drawn else []
    for history in histories:
        deal_history(history, parcels, rng)
    if histories:
        known = [record for history in histories for record in history]
        deal_records("clients", generate_clients(plan.seed, known), parcels, rng)
        deal_records("spend", generate_spend(plan.seed, plan.drawn // 4), parcels, rng)
    stories = directed(plan.copies, rng)
    for steps in stories:
        deal_steps(steps, parcels, rng)
    filled = [parcel for parcel in parcels if parcel.count]
    if len(filled) >= ECHOED_FROM:
        filled = with_echo(filled, rng)
    return filled, len(histories) + len(stories)


class Trial:
    """One plan, carried out in a folder."""

    def __init__(self, plan: Plan, folder: Path, say: Say) -> None:
        """Prepare; nothing runs yet.

        Args:
            plan: what to try.
            folder: for the homes and the files.
            say: takes lines for a person.
        """
        self.plan = plan
        self.folder = folder
        self.say = say
        self.figures = Figures()
        self.home = DrivenHome.at(folder / "increments")
        self.reference = self.home if plan.is_one_home else DrivenHome.at(folder / "reference")
        self._parcels: list[Parcel] = []
        self._expected: Tables | None = None
        self._usual = Tempo()

    def hold(self) -> Figures:
        """Deliver, run and compare; the servers are stopped at the end, however it comes."""
        began = time.monotonic()
        try:
            self._hold()
        finally:
            self.home.stop()
            self.reference.stop()
            self.figures.seconds = time.monotonic() - began
        return self.figures

    def _hold(self) -> None:
        plan, figures = self.plan, self.figures
        self._parcels, figures.histories = parcels_of(plan)
        figures.records = sum(parcel.count for parcel in self._parcels)
        rng = random.Random(f"files {plan.seed}")
        waiting = strikes(plan.kills, rng)
        left: dict[Kind, list[Path]] = {}
        since: dict[Kind, list[Path]] = {}
        for number, parcel in enumerate(self._parcels, start=1):
            is_last = number == len(self._parcels)
            began = time.monotonic()
            folder = self.folder / "files" / f"{number:03d}"
            offered = joined(left, write_parcel(parcel, folder, rng))
            strike: Strike | None = None
            if is_last:
                strike = plan.last_strike
            elif waiting and number >= FIRST_KILLED:
                strike = waiting.pop(0)
            landed, left, kill = self._delivered(offered, strike)
            if kill is not None and kill.target is None and strike is not None:
                waiting.append(dataclasses.replace(strike, share=strike.share * 0.9))
            since = joined(since, landed)
            figures.batches += 1
            told = f"batch {number} of {len(self._parcels)}: {parcel.count} records"
            if is_last or kill is not None or number % plan.compare_every == 0:
                found = self._compared(since, is_last)
                since = {}
                differing = sum(one.row_count for one in found)
                told = f"{told}, {differing} rows differ"
            else:
                differing = None
            if kill is not None:
                figures.kills.append((kill, differing))
                told = f"{told}, killed: {kill.target or 'too late'} at {kill.seconds:.1f} s"
            self.say(f"{told} ({time.monotonic() - began:.0f} s)")
            if differing and not plan.keeps_going:
                return

    # --- Runs -------------------------------------------------------------------------------------

    def _delivered(
        self, offered: Paths, strike: Strike | None
    ) -> tuple[Paths, dict[Kind, list[Path]], Kill | None]:
        """Run once, disturbed or not: the files that landed, those that did not, the kill."""
        if not self.plan.kills and strike is None:
            self.home.run(*run_arguments(offered, self.plan.variables))
            self.figures.runs += 1
            return offered, {}, None
        # moments are counted from the beginning of the work, not of the server
        start_server(self.home)
        if strike is None:
            self._usual = watched_run(self.home, offered, self.plan.variables)
            self.figures.runs += 1
            return offered, {}, None
        kill = killed_run(self.home, offered, self.plan.variables, strike, self._usual)
        self.figures.runs += 1 + len(kill.reruns)
        known = self.home.landed_files()
        landed, left = (
            {
                kind: files
                for kind in KINDS
                if (files := [one for one in offered.get(kind, ()) if (str(one) in known) is has])
            }
            for has in (True, False)
        )
        return landed, left, kill

    def _compared(self, since: Paths, is_last: bool) -> list[Difference]:
        """Hold the home's tables against those of a full refresh over the same files."""
        figures = self.figures
        actual = self.home.read_tables(self.plan.schemas, self.plan.skipped)
        if is_last and self.plan.has_oracle:
            lines = oracle_differences(self.home.raw(), actual, self.plan.variables)
            figures.oracle_differences = len(lines)
            for line in lines[:SHOWN_DIFFERENCES]:
                self.say(f"oracle: {line}")
        expected = self._refreshed(since)
        found = differences(expected, actual)
        figures.comparisons += 1
        figures.tables += len(expected)
        figures.rows += sum(table.num_rows for table in expected.values())
        figures.differing_rows += sum(one.row_count for one in found)
        for one in found:
            self.say(str(one))
        for line in self._story(found):
            self.say(line)
        return found

    def _refreshed(self, since: Paths) -> Tables:
        """The tables by a full refresh over all that has landed."""
        plan = self.plan
        if self._expected is not None and not since and not plan.is_one_home:
            return self._expected
        with self._alone(self.reference):
            paths = {} if plan.is_one_home else since
            self.reference.run(*run_arguments(paths, plan.variables, is_full_refresh=True))
            self.figures.full_refreshes += 1
            self._expected = self.reference.read_tables(plan.schemas, plan.skipped)
        return self._expected

    @contextmanager
    def _alone(self, home: DrivenHome) -> Iterator[None]:
        """One server at a time: the other home's is down meanwhile."""
        if self.plan.is_one_home or self.plan.keeps_servers:
            yield
            return
        self.home.stop()
        yield
        home.stop()

    # --- Stories ----------------------------------------------------------------------------------

    def _story(self, found: Sequence[Difference]) -> Iterator[str]:
        """What was delivered of the first client that differs, batch by batch."""
        client_id = next((one.client_id for one in found if one.client_id is not None), None)
        if client_id is None:
            return
        lines = [
            f"    batch {number}: {record}"
            for number, parcel in enumerate(self._parcels, start=1)
            for record in (*parcel.events, *parcel.clients)
            if _owner(record) == client_id
        ]
        yield f"what was delivered of {client_id!r}:"
        yield from lines[:SHOWN_RECORDS]
        if len(lines) > SHOWN_RECORDS:
            yield f"    and {len(lines) - SHOWN_RECORDS} records more"


def _owner(record: Delivered) -> str | None:
    texts = (
        as_text(value) for name, value in record.items() if name.strip().lower() == "client_id"
    )
    return next((text.strip() for text in texts if text), None)
