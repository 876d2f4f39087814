"""How far a work has come and how long it will still take, by a clock that is set by hand."""

import io
import json
import logging
import logging.config
import time
from types import SimpleNamespace

import pytest

from dagster_code.lib import progress, style
from dagster_code.lib.build_progress import (
    BuildProgress,
    former_seconds,
    keep_former_results,
    planned_nodes,
)
from dagster_code.lib.landing.watch import LandingWatch
from dagster_code.lib.progress import Display, also_to, announce, aside, log_of, prefixed
from dagster_code.lib.time_left import Pace, human_time, in_words


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def test_the_time_left_follows_the_pace(clock):
    pace = Pace(100, clock=clock)
    clock.wait(10)
    pace.reached(25)
    assert pace.left() == pytest.approx(30)
    clock.wait(5)
    assert pace.left() == pytest.approx(25)
    assert in_words(pace) == "about 25 s left"


def test_nothing_is_guessed_from_nothing(clock):
    pace = Pace(100, clock=clock)
    clock.wait(7)
    assert pace.left() is None
    assert in_words(pace) == "7 s so far"
    pace.reached(1)
    assert pace.left() is None


def test_the_last_time_is_believed_first_and_the_pace_later(clock):
    pace = Pace(100, former_seconds=200, clock=clock)
    assert pace.left() == pytest.approx(200)
    clock.wait(50)
    pace.reached(50)
    # the last time says 200 s in all, the pace 100 s: half of each, and half of it is left
    assert pace.left() == pytest.approx(75)
    clock.wait(40)
    pace.reached(90)
    assert pace.left() == pytest.approx(11)


def test_a_work_that_takes_longer_than_guessed_is_never_late(clock):
    pace = Pace(100, former_seconds=10, clock=clock)
    clock.wait(60)
    assert pace.left() == 0
    assert in_words(pace) == "nearly done"


def test_going_back_counts_for_nothing(clock):
    pace = Pace(100, clock=clock)
    clock.wait(10)
    pace.reached(50)
    pace.reached(20)
    assert pace.share == 0.5


def test_of_nothing_everything_is_done(clock):
    assert Pace(0, clock=clock).share == 1.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (80, "1 min 20 s"), (90_061, "1 d 1 h")]
)
def test_a_time_is_told_in_its_two_largest_units(seconds, text):
    assert human_time(seconds) == text


def stage(tasks, completed):
    return SimpleNamespace(num_tasks=tasks, num_completed_tasks=completed)


def test_a_landing_is_told_in_bytes_files_percent_and_time_left(clock):
    logged = []
    watch = LandingWatch(3, 200_000_000, logged.append, clock)
    watch.task_count = 4
    assert watch.describe() == "200.0 MB of 3 files, 0 s so far"
    clock.wait(20)
    watch([stage(50, 50), stage(4, 1)], 2, None, False)
    told = "50.0 of 200.0 MB of 3 files, 25%, about 1 min left"
    assert watch.describe() == told
    assert logged == [told]
    watch([stage(4, 2)], 2, None, False)
    # the log gets a line every few seconds only
    assert len(logged) == 1


def test_what_spark_tells_besides_the_landing_is_no_progress(clock):
    watch = LandingWatch(1, 1_000_000, print, clock)
    watch.task_count = 4
    watch([stage(50, 50)], 0, None, False)
    watch(None, 0, None, False)
    assert watch.describe().startswith("1.0 MB of 1 file")


def node(name, kind="model", tags=(), parents=(), materialized="table"):
    return {
        "resource_type": kind,
        "tags": list(tags),
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(parents)},
        "unique_id": name,
    }


MANIFEST = {
    "nodes": {
        "seed.a.rules": node("seed.a.rules", "seed", ["rules"], materialized="seed"),
        "model.a.events": node("model.a.events", parents=["seed.a.rules"]),
        "model.a.inlined": node("model.a.inlined", materialized="ephemeral"),
        "test.a.of_rules": node("test.a.of_rules", "test", parents=["seed.a.rules"]),
        "test.a.of_both": node(
            "test.a.of_both", "test", parents=["seed.a.rules", "model.a.events"]
        ),
        "operation.a.hook": node("operation.a.hook", "operation"),
    }
}


def test_a_build_runs_what_dbt_is_asked_for():
    assert set(planned_nodes(MANIFEST, has_new_rules=True)) == {
        "seed.a.rules",
        "model.a.events",
        "test.a.of_rules",
        "test.a.of_both",
    }
    assert set(planned_nodes(MANIFEST, has_new_rules=False)) == {
        "model.a.events",
        "test.a.of_both",
    }


def test_a_build_counts_tables_and_checks_and_weighs_them_by_the_last_time(clock):
    planned = {"model.a.small": "model", "model.a.large": "model", "test.a.one": "test"}
    former = {"model.a.small": 1.0, "model.a.large": 8.0, "test.a.one": 1.0}
    build = BuildProgress(planned, former, 50.0, clock)
    assert build.describe() == ("building: 0 of 2 tables and views, 0 of 1 checks, about 50 s left")
    clock.wait(45)
    build.finished("model.a.large")
    build.finished("test.a.one")
    # nine tenths of the work of 50 s
    assert build.describe() == (
        "building: 1 of 2 tables and views, 1 of 1 checks, about 5 s left; last large"
    )
    build.finished("model.a.small")
    assert build.counts() == "2 of 2 tables and views, 1 of 1 checks"
    assert "nearly done" in build.describe()


def test_a_first_build_has_only_its_own_pace(clock):
    planned = {f"model.a.m{number}": "model" for number in range(10)}
    build = BuildProgress(planned, {}, None, clock)
    clock.wait(3)
    assert "3 s so far" in build.describe()
    build.finished("model.a.m0")
    assert "about 25 s left" in build.describe()


def test_a_build_of_other_tables_says_nothing_about_this_one(clock):
    planned = {"model.a.x": "model", "model.a.y": "model", "model.a.z": "model"}
    build = BuildProgress(planned, {"model.a.x": 1.0}, 500.0, clock)
    assert "so far" in build.describe()


def test_a_part_of_the_tables_is_counted_without_a_total(clock):
    build = BuildProgress({}, {}, None, clock)
    build.finished("model.a.x")
    assert build.counts() == "1 tables and views, 0 checks"


def test_the_last_results_are_kept_aside_and_read(tmp_path):
    results = [
        {"unique_id": "model.a.x", "execution_time": 2.5, "status": "success"},
        {"unique_id": "model.a.y", "execution_time": 0.0, "status": "skipped"},
    ]
    path = tmp_path / "run_results.json"
    path.write_text(json.dumps({"results": results, "elapsed_time": 9}), encoding="utf-8")
    keep_former_results(tmp_path)
    assert not path.exists()
    assert former_seconds(tmp_path) == ({"model.a.x": 2.5}, 9.0)
    # a run that was cut off left none: the ones before count
    keep_former_results(tmp_path)
    assert former_seconds(tmp_path)[1] == 9.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"results": [{}], "elapsed_time": 1}'])
def test_results_that_cannot_be_read_are_none(tmp_path, text):
    (tmp_path / "run_results.former.json").write_text(text, encoding="utf-8")
    assert former_seconds(tmp_path) == ({}, None)


def record(message, level=logging.INFO):
    return logging.LogRecord("x", level, "", 0, message, (), None)


def test_a_terminal_has_one_line_that_is_renewed_below_the_others(clock):
    stream = Terminal()
    display = Display(stream, clock)
    display.renew("1 of 2")
    display.handle(record("something happened"))
    display.renew("2 of 2")
    display.renew("")
    # as the terminal shows it: what follows a carriage return and an erasure is all that is left
    shown = [line.rpartition("\x1b[K")[2] for line in stream.getvalue().split("\n")]
    assert [line[10:] for line in shown] == ["something happened", ""]
    assert stream.getvalue().count("1 of 2") == 2


def test_a_log_gets_a_line_now_and_then(clock):
    stream = io.StringIO()
    display = Display(stream, clock)
    for second in range(46):
        display.renew(f"second {second}")
        clock.wait(1)
    assert [line[10:] for line in stream.getvalue().splitlines()] == [
        "second 15",
        "second 30",
        "second 45",
    ]
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_line_that_is_renewed_never_wraps(clock, monkeypatch):
    monkeypatch.setattr(progress, "_columns_of", lambda _stream: 40)
    stream = Terminal()
    Display(stream, clock).renew("統計" * 40)
    assert progress.columns(stream.getvalue()) <= 39


def test_a_terminal_that_knows_no_control_sequences_gets_lines(clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert not Display(Terminal(), clock).is_terminal


def test_single_steps_are_for_logs_and_counts_for_terminals(clock):
    for stream, expected in ((io.StringIO(), 1), (Terminal(), 0)):
        display = Display(stream, clock)
        steps = record("built marts.x", logging.DEBUG)
        if steps.levelno >= display.level:
            display.handle(steps)
        assert stream.getvalue().count("built marts.x") == expected


@pytest.fixture
def shown(monkeypatch):
    """Standard error of a command that shows progress, with what is left of it put back after."""
    logger = logging.getLogger("attribution.progress")
    before = (logger.handlers, logger.level, logger.propagate, logger.disabled)
    monkeypatch.setattr(progress, "_shown", [])
    stream = io.StringIO()
    progress.show_progress(stream)
    yield stream
    logger.handlers, logger.level, logger.propagate, logger.disabled = before


def test_a_hushed_command_stays_hushed_when_others_configure_logging(shown):
    progress.hush()
    # as Dagster does at the beginning of a run
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    progress.announce("working")
    assert progress.is_hushed()
    assert shown.getvalue() == ""


def test_a_hushed_command_shows_nothing(shown):
    announce("before")
    progress.hush()
    announce("after")
    with progress.watched(lambda: pytest.fail("nobody looks")):
        pass
    assert "before" in shown.getvalue()
    assert "after" not in shown.getvalue()
    assert progress.is_hushed()


def test_a_watched_work_is_described_while_it_lasts(shown, monkeypatch):
    monkeypatch.setattr(progress, "_RENEWED_SECONDS", 0.01)
    monkeypatch.setattr(progress, "_REPEATED_SECONDS", 0.02)
    asked = []
    with progress.watched(lambda: asked.append(1) or f"{len(asked)} so far"):
        while len(asked) < 6:
            time.sleep(0.01)
    assert " so far" in shown.getvalue()


def test_a_part_of_a_work_is_shown_in_its_place_while_it_lasts(shown, monkeypatch):
    monkeypatch.setattr(progress, "_RENEWED_SECONDS", 0.01)
    monkeypatch.setattr(progress, "_REPEATED_SECONDS", 0.0)

    def until(text):
        end = time.monotonic() + 10
        while text not in shown.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        assert text in shown.getvalue()

    with progress.watched(lambda: "the whole"):
        until("the whole")
        with progress.watched(lambda: "a part"):
            until("a part")
        before = shown.getvalue().count("the whole")
        end = time.monotonic() + 10
        while shown.getvalue().count("the whole") == before and time.monotonic() < end:
            time.sleep(0.01)
        assert shown.getvalue().count("the whole") > before
    assert progress._watched == []


def test_a_log_has_each_step_also_where_nobody_waits(shown):
    logged = []
    both = prefixed(also_to(logged.append), "landing events: ")
    both("1 file")
    log_of(both)("5 of 10 MB")
    aside(both, "built")
    log_of(prefixed(announce, "x: "))("nobody")
    assert logged == [f"landing events: {text}" for text in ("1 file", "5 of 10 MB", "built")]
    assert [line[10:] for line in shown.getvalue().splitlines()] == [
        "landing events: 1 file",
        "landing events: built",
    ]


def test_a_failed_check_is_red_where_there_are_colours(clock):
    style.use_colour(output=False, error=True)
    try:
        stream = io.StringIO()
        Display(stream, clock).handle(record("failed: marts_have_keys"))
        Display(stream, clock).handle(record("built x"))
    finally:
        style.use_colour(output=False, error=False)
    red, plain, _ = stream.getvalue().split("\n")
    assert red.startswith("\x1b[31m")
    assert "\x1b" not in plain
