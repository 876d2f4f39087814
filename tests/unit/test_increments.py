"""The harness of tests/increments: it delivers everything, and it notices every difference."""

import dataclasses
import itertools
import random
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.increments import trial
from tests.increments.differences import differences, table_difference
from tests.increments.homes import Command
from tests.increments.judge import settled
from tests.increments.kills import TARGETS, Kill, Strike, Tempo, strikes, table_lines
from tests.increments.parcels import (
    AGAIN,
    Parcel,
    deal_history,
    deal_steps,
    empty_parcels,
    with_echo,
    write_parcel,
)
from tests.increments.plots import FIRST_DAY, LONG_PLOTS, PLOTS, Story, directed, is_undecided
from tests.increments.trial import Plan, parcels_of
from tests.oracle import read_files, records_from
from tests.oracle.generate import LATEST
from tests.oracle.records import RawRecord, parse_time
from tests.oracle.strategies import drawn

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLAN = Plan(seed=7, drawn=40, copies=1, batches=4)


def content(record: RawRecord) -> tuple[str, ...]:
    """What a record says, however it was written; nothing and an empty text are one."""
    fields = {name: record.text(name) for name in record.fields}
    told = (f"{name}={value}" for name, value in sorted(fields.items()) if value is not None)
    return (record.unreadable or "", *told)


def contents(events) -> Counter:
    return Counter(map(content, records_from(events, NOW)))


# --- Batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_record_of_a_history_is_dealt_at_least_once(count: int) -> None:
    rng = random.Random(count)
    histories = drawn(60, 3)
    parcels = empty_parcels(count)
    for history in histories:
        deal_history(history, parcels, rng)
    offered = contents([record for history in histories for record in history])
    dealt = contents([record for parcel in parcels for record in parcel.events])
    assert dealt >= offered
    extra = (dealt - offered).total() / offered.total()
    assert AGAIN / 3 < extra < AGAIN * 2
    assert all(parcel.count for parcel in parcels)


def test_some_clients_come_in_time_some_at_once_and_some_anyhow() -> None:
    rng = random.Random(5)
    manners = Counter()
    for history in drawn(200, 11):
        parcels = empty_parcels(4)
        deal_history(history, parcels, rng)
        filled = [parcel for parcel in parcels if parcel.count]
        times = [
            [
                time
                for one in records_from(p.events, NOW)
                if (time := parse_time(one.text("event_time")))
            ]
            for p in filled
        ]
        times = [one for one in times if one]
        is_ordered = all(max(a) <= min(b) for a, b in itertools.pairwise(times))
        manners["one batch" if len(filled) == 1 else "ordered" if is_ordered else "late"] += 1
    assert min(manners["one batch"], manners["ordered"], manners["late"]) > 20, manners


def test_an_echo_repeats_an_earlier_batch_and_nothing_else() -> None:
    parcels = [Parcel(events=[{"event_id": str(number)}]) for number in range(4)]
    for seed in range(10):
        told = [one.events[0]["event_id"] for one in with_echo(parcels, random.Random(seed))]
        echo = next(number for number, one in enumerate(told) if one in told[:number])
        assert [*told[:echo], *told[echo + 1 :]] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_each_step_comes_later_than_the_one_before(count: int) -> None:
    steps = [Parcel(events=[{"event_id": str(number)}]) for number in range(3)]
    for seed in range(20):
        parcels = empty_parcels(count)
        deal_steps(steps, parcels, random.Random(seed))
        found = [
            (number, record["event_id"])
            for number, parcel in enumerate(parcels)
            for record in parcel.events
        ]
        assert [event_id for _, event_id in found] == ["0", "1", "2"]
        assert len({number for number, _ in found}) == min(count, 3)


def test_what_is_written_is_what_was_dealt(tmp_path: Path) -> None:
    parcels, _ = parcels_of(PLAN)
    rng = random.Random(1)
    formats = Counter()
    for number, parcel in enumerate(parcels):
        files = write_parcel(parcel, tmp_path / str(number), rng)
        assert files.keys() == {kind for kind in ("events", "clients", "spend") if parcel.of(kind)}
        for kind, paths in files.items():
            formats.update(path.suffix for path in paths)
            columns = [path for path in paths if path.suffix == ".parquet"]
            texts = [path for path in paths if path.suffix != ".parquet"]
            found = Counter(map(content, read_files(texts, NOW)))
            for path in columns:
                found += contents(pq.read_table(path).to_pylist())
            assert found == contents(parcel.of(kind))
    assert formats[".parquet"]
    assert formats.total() > formats[".parquet"]


def test_one_seed_gives_one_delivery() -> None:
    assert parcels_of(PLAN) == parcels_of(PLAN)
    assert parcels_of(PLAN) != parcels_of(Plan(seed=8, drawn=40, copies=1, batches=4))


# --- Directed histories ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PLOTS, *LONG_PLOTS])
def test_every_plot_has_several_steps_of_valid_instants_of_one_client(name: str) -> None:
    tell = {**PLOTS, **LONG_PLOTS}[name]
    for seed in range(5):
        steps = tell(Story("a client", FIRST_DAY, random.Random(seed)))
        assert len(steps) >= 2
        assert all(step.count for step in steps)
        records = records_from([one for step in steps for one in step.events], NOW)
        assert {record.text("client_id") for record in records} == {"a client"}
        times = [parse_time(record.text("event_time")) for record in records]
        assert all(time < LATEST for time in times if time is not None)


def test_every_plot_is_told_as_often_as_asked_of_different_clients() -> None:
    told = directed(3, random.Random(1))
    assert len(told) == 3 * len(PLOTS) + len(LONG_PLOTS)
    owners = [
        {str(one["client_id"]) for step in steps for one in (*step.events, *step.clients)}
        for steps in told
    ]
    assert all(len(one) == 1 for one in owners)
    assert len(set().union(*owners)) == len(told)


def test_only_ties_of_contradicting_records_are_left_to_the_hash() -> None:
    undecided = Counter()
    for steps in directed(1, random.Random(1)):
        records = records_from([one for step in steps for one in step.events], NOW)
        seen = {}
        for record in records:
            key = record.text("client_id"), record.text("event_id")
            time = parse_time(record.text("event_time"))
            if key[1] is None or time is None or record.text("revenue") in ("-1", "free"):
                continue
            known = seen.setdefault((key, time), content(record))
            same = {c for c in known if "event_time" not in c} == {
                c for c in content(record) if "event_time" not in c
            }
            undecided[is_undecided(*key), same] += 1
    assert undecided[False, False] == 0
    assert undecided[True, False] == 4


def test_the_loser_of_a_tie_is_kept_from_the_oracle() -> None:
    client_id = "page_view contradicted by purchase at once 0"
    records = records_from(
        [
            {"client_id": client_id, "event_id": "m", "page_url": "u1"},
            {"client_id": client_id, "event_id": "m", "page_url": "u2"},
            {"client_id": client_id, "event_id": "n", "page_url": "u3"},
            {"client_id": "another", "event_id": "m", "page_url": "u4"},
        ],
        NOW,
    )
    rows = [{"client_id": client_id, "event_id": "m", "page_url": "u2"}]
    kept, losers = settled(records, rows)
    assert [one.text("page_url") for one in losers] == ["u1"]
    assert [one.text("page_url") for one in kept] == ["u2", "u3", "u4"]
    assert settled(records, []) == (records, [])


# --- Comparison -----------------------------------------------------------------------------------


def table(**changes: list) -> pa.Table:
    """Three rows with every kind of cell."""
    at = datetime(2024, 1, 1, tzinfo=UTC)
    columns = {
        "client_id": pa.array(["a", "a", "b"]),
        "event_time": pa.array([at, at.replace(day=2), at], pa.timestamp("us", "UTC")),
        "revenue": pa.array([Decimal("1.00"), None, Decimal("3.00")], pa.decimal128(18, 2)),
        "order_ids": pa.array([["x"], [], None], pa.list_(pa.string())),
        "touches": pa.array([[{"channel": "email"}], [], None]),
        "extra": pa.array([[("k", "1"), ("l", "2")], None, []], pa.map_(pa.string(), pa.string())),
        "share": pa.array([0.1, float("nan"), None]),
        "batch": pa.array([1, 1, 2]),
    }
    for name, values in changes.items():
        columns[name] = pa.array(values, columns[name].type)
    return pa.table(columns)


def counted(expected: pa.Table, actual: pa.Table, name: str = "marts.t") -> tuple[int, int]:
    found = table_difference(name, expected, actual)
    return (0, 0) if found is None else (found.missing, found.unexpected)


def test_equal_tables_are_equal_in_any_order_and_whenever_they_landed() -> None:
    turned = table().take([2, 0, 1])
    assert table_difference("marts.t", table(), turned) is None
    assert table_difference("marts.t", table(), table(batch=[7, 8, 9])) is None
    other_order = [[("l", "2"), ("k", "1")], None, []]
    assert table_difference("marts.t", table(), table(extra=other_order)) is None


def test_times_that_python_does_not_have_are_compared() -> None:
    year_0, year_14645 = (
        pa.table({"event_time": pa.array([moment]).cast(pa.timestamp("us", "UTC"))})
        for moment in (-(63 * 10**15), 4 * 10**17)
    )
    assert counted(year_0, year_0) == (0, 0)
    assert counted(year_0, year_14645) == (1, 1)


def test_a_missing_row_is_noticed() -> None:
    assert counted(table(), table().slice(1)) == (1, 0)
    assert counted(table().slice(1), table()) == (0, 1)
    assert counted(table(), table().slice(0, 0)) == (3, 0)


def test_a_doubled_row_is_noticed() -> None:
    doubled = pa.concat_tables([table(), table().slice(2)])
    assert counted(table(), doubled) == (0, 1)
    assert counted(doubled, table()) == (1, 0)
    assert counted(doubled, doubled) == (0, 0)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("client_id", ["a", "A", "b"]),
        ("revenue", [Decimal("1.00"), Decimal("0.00"), Decimal("3.00")]),
        ("revenue", [Decimal("1.01"), None, Decimal("3.00")]),
        ("order_ids", [["x"], None, None]),
        ("order_ids", [["x", "x"], [], None]),
        ("touches", [[{"channel": "sms"}], [], None]),
        ("extra", [[("k", "1"), ("l", "3")], None, []]),
        ("share", [0.1, None, None]),
        ("share", [0.1 + 1e-16, float("nan"), None]),
    ],
)
def test_a_changed_value_is_noticed(column: str, values: list) -> None:
    assert counted(table(), table(**{column: values})) == (1, 1)


def test_a_changed_cell_is_told_with_its_row() -> None:
    changed = table(revenue=[Decimal("1.01"), None, Decimal("3.00")])
    (found,) = differences({"marts.t": table()}, {"marts.t": changed})
    assert found.client_id == "a"
    assert found.row_count == 2
    assert str(found) == (
        "marts.t: 1 rows missing, 1 unexpected\n"
        "    [client_id=a, event_time=2024-01-01 00:00:00.000000Z]"
        " revenue: expected 1.00, actual 1.01"
    )


def test_only_three_rows_are_shown_and_all_counted() -> None:
    rows = pa.table({"client_id": [f"c{number}" for number in range(10)]})
    (found,) = differences({"marts.t": rows}, {"marts.t": rows.slice(0, 0)})
    assert (found.missing, len(found.examples)) == (10, 3)


def test_a_table_or_a_column_that_only_one_side_has_is_noticed() -> None:
    one = table()
    assert [d.missing for d in differences({"marts.t": one}, {})] == [3]
    assert [d.unexpected for d in differences({}, {"marts.t": one})] == [3]
    (found,) = differences({"marts.t": one}, {"marts.t": one.drop_columns(["share"])})
    assert found.examples == ["column share: expected double, actual None"]
    assert differences({"marts.t": one}, {"marts.t": one.drop_columns(["batch"])}) == []


def test_the_last_digits_of_doubles_may_differ_where_they_are_sums() -> None:
    near, far = [0.1 + 1e-16, float("nan"), None], [0.1 + 1e-8, float("nan"), None]
    name = "marts.model_comparison"
    assert counted(table(), table(share=near), name) == (0, 0)
    assert counted(table(), table(share=far), name) == (1, 1)
    assert counted(table(), table(share=[0.1, 0.0, None]), name) == (1, 1)
    changed = table(share=near, revenue=[Decimal("1.01"), None, Decimal("3.00")])
    assert counted(table(), changed, name) == (1, 1)
    doubled = pa.concat_tables([table(share=near), table(share=near).slice(0, 1)])
    assert counted(table(), doubled, name) == (0, 1)


# --- The trial, with homes that only remember their files -----------------------------------------


class RememberingHome:
    """Its one table names the files that it was given; `forgets` is a file that a run loses."""

    def __init__(self, forgets: str | None = None):
        self.files: list[str] = []
        self.full_refreshes = 0
        self.forgets = forgets
        self.stops = 0

    def run(self, *arguments: object) -> None:
        texts = list(map(str, arguments))
        self.files += [texts[n + 1] for n, one in enumerate(texts) if one == "--events"]
        self.full_refreshes += "--full-refresh" in texts

    def read_tables(self, _schemas: object, _skipped: object) -> dict[str, pa.Table]:
        kept = [one for one in self.files if self.forgets is None or self.forgets not in one]
        return {"marts.t": pa.table({"client_id": kept})}

    def landed_files(self) -> set[str]:
        return set(self.files)

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def homes(monkeypatch: pytest.MonkeyPatch) -> dict[str, RememberingHome]:
    found = {"increments": RememberingHome(), "reference": RememberingHome()}
    monkeypatch.setattr(trial.DrivenHome, "at", lambda folder: found[folder.name])
    monkeypatch.setattr(trial, "start_server", lambda _home: None)
    return found


def held(tmp_path: Path, **changes: object) -> tuple[trial.Figures, list[str]]:
    told: list[str] = []
    plan = dataclasses.replace(PLAN, drawn=5, batches=6, has_oracle=False, **changes)
    return trial.Trial(plan, tmp_path, told.append).hold(), told


def test_the_other_home_gets_the_same_files_in_the_same_order(homes, tmp_path: Path) -> None:
    figures, told = held(tmp_path, compare_every=3)
    assert homes["increments"].files == homes["reference"].files
    assert homes["increments"].full_refreshes == 0
    # after the third, the sixth, and the echo, which is the seventh
    assert (figures.runs, figures.full_refreshes, figures.comparisons) == (7, 3, 3)
    assert figures.is_clean
    assert len(told) == 7
    assert min(home.stops for home in homes.values()) >= 3


def test_in_one_home_the_full_refresh_is_made_where_the_increments_were(homes, tmp_path) -> None:
    figures, _ = held(tmp_path, is_one_home=True)
    assert homes["increments"].full_refreshes == figures.full_refreshes == 7
    assert homes["reference"].files == []


def test_the_first_difference_ends_the_trial_and_is_told(homes, tmp_path: Path) -> None:
    homes["increments"].forgets = "002-events"
    figures, told = held(tmp_path)
    assert figures.batches == 2
    assert figures.differing_rows >= 1
    assert not figures.is_clean
    assert any("marts.t: " in line and "rows missing, 0 unexpected" in line for line in told)
    figures, _ = held(tmp_path, keeps_going=True)
    assert figures.batches == 7


def test_what_a_killed_run_did_not_land_comes_with_the_next_batch(
    homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(home, paths, *_rest) -> Kill:
        home.files += [str(one) for one in paths["events"][:-1]]
        return Kill("dbt", 5.0, "built x", 1, (0,))

    def undisturbed(home, paths, variables) -> Tempo:
        home.run(*trial.run_arguments(paths, variables))
        return Tempo()

    monkeypatch.setattr(trial, "killed_run", killed)
    monkeypatch.setattr(trial, "watched_run", undisturbed)
    figures, _ = held(tmp_path, kills=3, compare_every=9)
    assert len(figures.kills) == 3
    assert figures.is_clean
    written = {str(one) for one in (tmp_path / "files").rglob("*-events*")}
    assert len(homes["increments"].files) == len(written)
    assert set(homes["increments"].files) == written
    assert homes["increments"].files == homes["reference"].files


# --- Kills ----------------------------------------------------------------------------------------


def test_strikes_meet_every_target_and_spread_over_the_run() -> None:
    found = strikes(10, random.Random(1))
    assert {one.target for one in found} == set(TARGETS)
    assert sorted(int(one.share * 10) for one in found) == list(range(10))


def test_a_strike_falls_when_its_share_of_the_usual_time_has_passed() -> None:
    usual = Tempo(working=10.0, dbt=20.0, dbt_end=60.0, end=70.0)
    assert not Tempo(working=5.0, end=34.9).is_due("server", 0.5, usual)
    assert Tempo(working=5.0, end=35.0).is_due("server", 0.5, usual)
    assert not Tempo(working=5.0, end=99.0).is_due("dbt", 0.5, usual)
    assert Tempo(working=5.0, dbt=30.0, end=50.0).is_due("dbt", 0.5, usual)


def test_a_strike_can_wait_for_a_model(tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.write_text("08:00:00  built b_longer (1.0 s)\n")
    command = Command(mock.Mock(), tmp_path / "out", told, 0.0)
    strike = Strike("dbt", built="b")
    assert not strike.is_due(command, Tempo(end=99.0), Tempo())
    told.write_text("08:00:00  built b_longer (1.0 s)\n08:00:01  built b (1.0 s)\n")
    assert strike.is_due(command, Tempo(), Tempo())


def test_the_last_run_is_killed_where_that_is_asked(
    homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strike = Strike("dbt", built="x")
    seen = []

    def killed(home, paths, _variables, asked, _usual) -> Kill:
        seen.append(asked)
        home.files += [str(one) for one in paths["events"]]
        return Kill("dbt", 5.0, "built x", 1, (0,))

    monkeypatch.setattr(trial, "killed_run", killed)
    figures, _ = held(tmp_path, last_strike=strike, compare_every=9)
    assert seen == [strike]
    assert figures.runs == figures.batches + 1
    assert figures.is_clean


def test_kills_are_told_as_a_table() -> None:
    kill = Kill("dbt", 12.34, "built x (1.0 s)", 1, (1, 0))
    late = Kill(None, 50.0, "", 0, ())
    assert not kill.is_healed
    assert Kill("run", 1.0, "", -9, (0,)).is_healed
    assert table_lines([(kill, 0), (late, None)])[1:] == [
        "   12.3  dbt         1  1,0             0  built x (1.0 s)",
        "   50.0  too late    0                  -  ",
    ]
