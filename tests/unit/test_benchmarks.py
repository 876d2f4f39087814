import json
from decimal import Decimal
from itertools import pairwise

import pytest

from benchmarks import generate, results
from benchmarks.__main__ import main
from benchmarks.answers import as_answer, differences
from benchmarks.errors import BenchError
from benchmarks.peers import failure_reason, requirements
from benchmarks.results import Bar, bars, number, spread, table
from benchmarks.results_page import markdown
from benchmarks.spark_metrics import (
    Scan,
    Stage,
    parsed_scans,
    parsed_stage,
    resident_peak,
    size_in_bytes,
    totals,
)
from benchmarks.store import Store
from benchmarks.timings import (
    NodeRun,
    ancestors,
    build_times,
    groups,
    landing_seconds,
    node_runs,
    read_run_results,
    shared_seconds,
)

NODE = "model.attribution.{}".format
PARENTS = {
    "seed.attribution.rules": [],
    NODE("base_events"): ["source.attribution.raw.events", "seed.attribution.rules"],
    NODE("stg_events"): [NODE("base_events")],
    NODE("credit"): [NODE("stg_events")],
    NODE("first_touch_attribution"): [NODE("credit")],
    NODE("multi_touch_attribution"): [NODE("credit")],
    NODE("attribution_explain"): [NODE("credit")],
    "test.attribution.stg_events_is_unique.abc": [NODE("stg_events")],
}


def run_result(unique_id, started, ended):
    phases = [("compile", started, started), ("execute", started, ended)]
    return {
        "unique_id": unique_id,
        "status": "success",
        "timing": [
            {
                "name": name,
                "started_at": f"2026-01-01T00:00:{begin:02}.500000Z",
                "completed_at": f"2026-01-01T00:00:{end:02}.500000Z",
            }
            for name, begin, end in phases
        ],
    }


def stage(node="", **counts):
    empty = dict.fromkeys(
        (
            "input_bytes",
            "output_bytes",
            "shuffle_write_bytes",
            "shuffle_write_records",
            "spilled_bytes",
        ),
        0,
    )
    return Stage(node=node, **{**empty, **counts})


def measured(command, build, core, records=0, read_bytes=0, credit=1.0):
    return {
        "landed_records": records,
        "seconds": {
            "command": command,
            "landing": 1.0,
            "build": build,
            "core": core,
            "credit": credit,
            "multi_touch": 0.5,
            "tests": 2.0,
            "checks": 1.0,
            "overhead": 1.0,
            "by_model": {
                "base_events": {"shared": build - 0.001, "alone": build},
                "tiny": {"shared": 0.001, "alone": 0.002},
            },
        },
        "spark": totals(
            [stage(NODE("base_events"), shuffle_write_records=100, input_bytes=1000)],
            [
                Scan(NODE("base_events"), "raw.events", read_bytes),
                Scan(NODE("stg_clients"), "staging.stg_clients", 10),
                Scan("test.attribution.any.abc", "raw.events", 600),
            ],
            100,
        ),
        "memory": {"resident": 3_000_000_000, "heap": 2_000_000_000},
    }


def all_results():
    return {
        "build/first": measured(50.0, 40.0, 20.0, records=1000),
        "build/full_0": measured(40.0, 30.0, 18.0),
        "build/floor_0": {"read": 1.0, "shuffle": 5.0, "delta": 10.0},
        "build/tables": {
            "raw.events": {"bytes": 600, "files": 1},
            "staging.base_events": {"bytes": 400, "files": 2},
            "staging.stg_clients": {"bytes": 10, "files": 1},
        },
        "day/day_1_on_time": measured(20.0, 6.0, 5.0, records=11, read_bytes=50),
        "day/day_2_late": measured(30.0, 9.0, 8.0, records=11, read_bytes=500),
        "third/first": measured(20.0, 10.0, 6.0, records=333),
        "third/day_1_on_time": measured(10.0, 6.0, 5.0, records=11),
        "noop/0": measured(21.0, 0.0, 0.0),
        "tenth/first": measured(10.0, 5.0, 3.0, records=100),
        "tenth/full_0": measured(9.0, 4.0, 2.0),
        "bot/first": measured(60.0, 44.0, 22.0, records=1100),
        "bot/full_0": measured(45.0, 36.3, 20.0),
        "bot/join": {"seconds": 100.0, "failure": "the join was given up after 100 s"},
        "join/cold": {"seconds": 20.0, "by_table": {}, "differences": []},
        "join/0": {"seconds": 2.0, "by_table": {}, "differences": []},
        "duckdb/0": {
            "seconds": 9.0,
            "by_statement": {"base_events": 5.0},
            "differences": [],
            "version": "0",
            "threads": 2,
            "peak_memory_bytes": 10,
            "written_bytes": 10,
        },
        "mta/16": {
            "models": [
                {
                    "model": "load",
                    "seconds": 0.5,
                    "peak_memory_bytes": 1_000_000,
                    "journeys": 30,
                    "conversions": 3,
                },
                {"model": "first_touch", "seconds": 0.25, "peak_memory_bytes": 2_000_000},
            ],
            "failure": "given up after 5 s",
            "differences": [],
        },
    }


def bar(name, found=None, failures=None):
    judged = bars(all_results() if found is None else found, failures or {}, 1000)
    return next(bar for bar in judged if name in bar.name)


# Reading what dbt and the command say


def test_run_results_become_instants_and_skipped_nodes_are_left_out():
    skipped = {"unique_id": NODE("b"), "status": "skipped", "timing": []}
    runs = node_runs({"results": [run_result(NODE("a"), 1, 4), skipped]})
    assert [(run.name, run.kind, run.ended_at - run.started_at) for run in runs] == [
        ("a", "model", 3.0)
    ]


def test_run_results_of_several_invocations_are_read_and_old_ones_are_not(tmp_path):
    since = node_runs({"results": [run_result(NODE("a"), 10, 11)]})[0].started_at
    for folder, result in (
        ("one", run_result(NODE("a"), 10, 11)),
        ("two", run_result(NODE("b"), 12, 13)),
        ("old", run_result(NODE("c"), 1, 2)),
    ):
        (tmp_path / folder).mkdir()
        text = json.dumps({"results": [result]})
        (tmp_path / folder / "run_results.json").write_text(text, encoding="utf-8")
    assert sorted(run.name for run in read_run_results(tmp_path, since)) == ["a", "b"]


def test_overlapping_nodes_share_the_time_and_gaps_belong_to_nobody():
    runs = [NodeRun("model.p.a", 0, 10), NodeRun("model.p.b", 4, 8), NodeRun("model.p.c", 20, 21)]
    assert shared_seconds(runs) == {"model.p.a": 8.0, "model.p.b": 2.0, "model.p.c": 1.0}


def test_landings_are_added_up_and_their_progress_is_not():
    lines = [
        (1.0, "17:44:06  landing events: 50.0 of 99.9 MB of 2 files, 50%, about 3 s left"),
        (2.0, "17:44:12  landing events: 20,000 records of 2 files in 96.5 s"),
        (3.0, "17:44:13  landing clients: 10 records of 1 file in 1.5 s"),
        (4.0, "17:44:20  built base_events (9.6 s)"),
    ]
    assert landing_seconds(lines) == 98.0


def test_ancestors_follow_the_graph_from_names():
    assert ancestors(PARENTS, {"stg_events"}) == {
        NODE("stg_events"),
        NODE("base_events"),
        "source.attribution.raw.events",
        "seed.attribution.rules",
    }


def test_groups_divide_the_build_by_the_graph():
    found = groups(PARENTS)
    assert found["credit"] == {NODE("credit"), NODE("first_touch_attribution")}
    assert found["multi_touch"] == {NODE("multi_touch_attribution")}
    assert NODE("attribution_explain") not in found["core"] | found["multi_touch"]


def test_build_times_keep_tests_and_landing_apart_and_add_up_to_the_command():
    runs = [
        NodeRun("seed.attribution.rules", 110, 111),
        NodeRun(NODE("stg_events"), 111, 115),
        NodeRun("test.attribution.stg_events_is_unique.abc", 115, 117),
        NodeRun(NODE("attribution_explain"), 117, 120),
    ]
    times = build_times(runs, PARENTS, (100.0, 25.0), 6.0)
    assert times["build"] == 8.0
    assert times["core"] == 5.0
    assert times["tests"] == 2.0
    assert times["checks"] == 5.0
    assert times["overhead"] == 4.0
    assert times["by_model"]["stg_events"] == {"shared": 4.0, "alone": 4.0}
    assert set(times["by_model"]) == {"rules", "stg_events", "attribution_explain"}


def test_a_run_that_builds_nothing_is_overhead():
    times = build_times([], PARENTS, (100.0, 12.0), 0.0)
    assert (times["build"], times["tests"], times["checks"]) == (0.0, 0.0, 0.0)
    assert times["overhead"] == 12.0


# Reading what Spark says


def test_a_stage_is_known_by_the_node_that_dbt_signs_it_with():
    record = {
        "description": 'Delta: /* {"app": "dbt", "node_id": "model.attribution.base_events"} */',
        "inputBytes": 1,
        "outputBytes": 2,
        "shuffleWriteBytes": 3,
        "shuffleWriteRecords": 4,
        "diskBytesSpilled": 5,
    }
    assert parsed_stage(record) == Stage(NODE("base_events"), 1, 2, 3, 4, 5)
    assert parsed_stage({**record, "description": None}).node == ""


def test_a_scan_is_known_by_its_table_and_the_files_it_opens():
    metrics = [
        {"name": "number of files read", "value": "2"},
        {"name": "size of files read", "value": "755.4 KiB"},
    ]
    record = {
        "description": '/* {"node_id": "model.attribution.base_events"} */ create table',
        "nodes": [
            {"nodeName": "Scan parquet spark_catalog.raw.events", "metrics": metrics},
            {"nodeName": "Scan parquet ", "metrics": metrics},
            {"nodeName": "Scan json ", "metrics": metrics},
            {"nodeName": "Exchange", "metrics": []},
        ],
    }
    node = NODE("base_events")
    assert parsed_scans(record) == [Scan(node, "raw.events", 773530), Scan(node, "unnamed", 773530)]


def test_sizes_are_read_as_spark_writes_them():
    assert size_in_bytes("1737.0 B") == 1737
    assert size_in_bytes("1.5 GiB") == 1536 * 1024**2
    assert size_in_bytes("total (min, med, max (stageId: taskId))\n2.0 KiB (1.0 KiB, ...)") == 2048
    assert size_in_bytes("") == 0


def test_work_is_added_up_by_who_asked_and_big_exchanges_are_named():
    found = totals(
        [
            stage(NODE("base_events"), shuffle_write_records=100, shuffle_write_bytes=7),
            stage(NODE("base_events"), shuffle_write_records=99, shuffle_write_bytes=1),
            stage(NODE("base_events"), input_bytes=4),
            stage(shuffle_write_records=500),
        ],
        [
            Scan(NODE("base_events"), "raw.events", 5),
            Scan(NODE("rejected_events"), "raw.events", 6),
            Scan("test.attribution.stg_events_is_unique.abc", "staging.base_events", 7),
        ],
        event_sized=100,
    )
    assert found["models"]["shuffle_write_bytes"] == 8
    assert found["models"]["event_sized_exchanges"] == {"base_events": 1}
    assert found["models"]["read_bytes"] == {"raw.events": 11}
    assert found["models"]["by_node"] == {
        NODE("base_events"): {"opened_bytes": {"raw.events": 5}, "input_bytes": 4},
        NODE("rejected_events"): {"opened_bytes": {"raw.events": 6}, "input_bytes": 0},
    }
    assert found["tests"]["read_bytes"] == {"staging.base_events": 7}
    assert found["rest"]["event_sized_exchanges"] == {"other": 1}


def test_the_peak_of_resident_memory_is_read_in_bytes():
    assert resident_peak("Name:\tjava\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n") == 2048 * 1024
    assert resident_peak("Name:\tjava\n") == 0


# Comparing answers


def test_the_same_numbers_of_two_engines_are_the_same_answer():
    ours = as_answer([("email", 3, Decimal("10.50")), ("direct", 1, None)])
    theirs = as_answer([["direct", 1, None], ["email", Decimal(3), Decimal("10.500")]])
    assert ours == theirs == [["direct", "1", ""], ["email", "3", "10.5"]]


def test_the_first_row_that_differs_is_named():
    found = differences(
        {"a": [["x", "1"]], "b": [["y", "2"]]}, {"a": [["x", "1"]], "b": [["y", "3"]]}
    )
    assert found == ["b: ours ['y', '2'], theirs ['y', '3']"]
    assert differences({}, {"a": []}) == ["a: the marts have no such answer"]


def test_why_a_peer_ended_is_one_line():
    assert failure_reason(-9, "") == "killed by signal 9"
    assert failure_reason(1, "Traceback\n  ...\nMemoryError: no\n\n") == "MemoryError: no"
    assert failure_reason(3, "") == "exit code 3"


def test_peers_are_pinned():
    assert all("==" in requirement for requirement in requirements())


# The generator


def test_origins_fill_the_thousand_and_45_percent_show_evidence():
    shares = [origin.weight for origin in generate.ORIGINS]
    silent = [
        origin.weight
        for origin in generate.ORIGINS
        if (origin.source or origin.click_id or origin.channel) is None
        and (origin.referrer is None or "shop.example" in origin.referrer)
    ]
    excluded = sum(
        origin.weight for origin in generate.ORIGINS if "paypal" in (origin.referrer or "")
    )
    assert sum(shares) == 1000
    assert sum(silent) + excluded == 550


def test_parts_do_not_share_numbers_nor_days():
    events = 90_000
    history = generate.history(events)
    days = [generate.day(events, number, is_late=False) for number in range(3)]
    ends = [history, *days]
    for former, later in pairwise(ends):
        assert former.first_number + former.records <= later.first_number
        assert former.first_day + former.days == later.first_day
    assert days[-1].first_number + days[-1].records <= generate.bot(events).first_number


def test_sizes_follow_the_history():
    events = 10_000_000
    assert generate.bot(events).records == 1_000_000
    assert generate.day(events, 0, is_late=True).records == events // 90
    assert generate.third_history(events).clients == generate.history(events).clients
    assert generate.third_history(events).records == events // 3


def test_another_seed_gives_another_statement():
    part = generate.history(1000)
    assert generate.part_sql(part, 1) == generate.part_sql(part, 1)
    assert generate.part_sql(part, 1) != generate.part_sql(part, 2)


# Bars and tables


@pytest.mark.parametrize(
    ("value", "verdict"), [(2.0, "reached"), (2.01, "missed"), (None, "not measured")]
)
def test_a_bar_is_reached_up_to_its_limit(value, verdict):
    assert Bar("any", 2.0, value).verdict == verdict


def test_bars_are_ratios_of_medians():
    assert bar("channel performance / floor").value == 1.8
    assert bar("without tests / floor").value == 3.0
    assert bar("the first line / DuckDB").value == 2.0
    assert bar("whole commands").value == 0.5
    assert bar("three times the history").value == 2.0
    assert bar("(bytes)").value == 0.05
    assert bar("lands nothing").verdict == "missed"
    assert bar("at a tenth").value == pytest.approx(0.75)
    assert bar("with the bot / without").value == pytest.approx(1.1)
    assert bar("by joins").value == 0.5


def test_the_median_counts_not_the_mean():
    found = all_results()
    for number_of_run, seconds in enumerate((30.0, 90.0, 20.0)):
        found[f"build/full_{number_of_run}"] = measured(40.0, seconds, 18.0)
    assert bar("without tests / floor", found).value == 3.0


def test_a_peer_with_other_answers_is_no_measure():
    found = all_results()
    found["duckdb/0"]["differences"] = ["journeys: ours 1, theirs 2"]
    judged = bar("DuckDB", found)
    assert judged.verdict == "not measured"
    assert "journeys" in judged.note


def test_a_join_that_was_given_up_is_no_measure():
    assert bar("the same with the bot").value is not None
    assert bars(all_results(), {}, 1000)[-1].verdict == "not measured"
    assert "given up" in bars(all_results(), {}, 1000)[-1].note


def test_a_cold_join_counts_only_when_it_was_given_up():
    found = {key: value for key, value in all_results().items() if not key.startswith("join/")}
    found["join/cold"] = {"seconds": 9.0, "failure": "the join was given up after 9 s"}
    assert "given up" in bar("by joins", found).note


def test_the_heap_bar_is_missed_when_the_build_died():
    found = all_results()
    assert bar("heap", found).verdict == "not measured"
    assert bar("heap", found, {"heap": "out of memory"}).verdict == "missed"
    assert bar("heap", {**found, "heap/first": measured(9.0, 8.0, 7.0)}).verdict == "reached"


def test_nothing_measured_judges_nothing():
    assert {bar.verdict for bar in bars({}, {}, 1000)} == {"not measured"}


def test_spreads_show_their_range_only_when_there_is_one():
    assert str(spread([3.0, 1.0, 2.0])) == "2.00 (1.00 to 3.00)"
    assert str(spread([1234.5])) == "1,234"
    assert spread([]) is None


def test_numbers_keep_three_digits():
    assert [number(value) for value in (0.123, 12.34, 1234.5)] == ["0.12", "12.3", "1,234"]


def test_a_table_without_rows_is_not_written():
    assert list(table(("a", "b"), [])) == []
    assert list(table(("a", "b"), [(1, "x|y")]))[2] == r"| 1 | x\|y |"


def test_the_whole_page_has_every_section_and_the_failures():
    page = markdown(all_results(), {"heap": "out of memory"}, {"processor": "2 cores"}, 1000)
    for title in ("Bars", "Floor", "Full build", "Growth", "Peers", "Bytes", "Memory"):
        assert f"\n## {title}" in page
    assert "| heap | out of memory |" in page
    assert "| processor | 2 cores |" in page
    assert "| `base_events` | 30.0 | 3.00 | 30.0 |" in page
    assert "| 1 others | 0.00 | 0.00 |  |" in page
    assert "given up after 5 s" in page
    assert "meant for 10,000,000 events; this run had 1,000" in page


def test_a_page_of_nothing_can_be_written():
    assert "not measured" in markdown({}, {}, {}, 1000)


def test_only_on_time_days_count_for_the_bytes_read():
    assert results.day_read_shares(all_results()) == [0.05]


def test_what_a_day_reads_of_a_few_columns_counts_as_those_columns():
    found = all_results()
    by_node = found["day/day_1_on_time"]["spark"]["models"]["by_node"]
    assert by_node[NODE("base_events")]["opened_bytes"] == {"raw.events": 50}
    by_node[NODE("base_events")]["input_bytes"] = 20
    assert results.day_read_shares(found) == [0.02]


# Partial results


def test_results_survive_and_are_resumed(tmp_path):
    path = tmp_path / "results.json"
    store = Store(path, {"events": 10}, is_resumed=False)
    store.record("build/full_0", {"seconds": 1})
    store.record("bot/first", {"seconds": 2})
    store.fail("bot", "died")
    resumed = Store(path, {"events": 10}, is_resumed=True)
    assert resumed.results["build/full_0"] == {"seconds": 1}
    assert resumed.failures == {"bot": "died"}
    resumed.drop("bot/")
    resumed.clear_failure("bot")
    again = Store(path, {"events": 10}, is_resumed=True)
    assert set(again.results) == {"build/full_0"}
    assert again.failures == {}
    assert Store(path, {"events": 10}, is_resumed=False).results == {}


def test_results_of_other_options_are_not_resumed(tmp_path):
    path = tmp_path / "results.json"
    Store(path, {"events": 10}, is_resumed=False).record("a/b", 1)
    with pytest.raises(BenchError, match="was measured with"):
        Store(path, {"events": 11}, is_resumed=True)


def test_steps_that_need_the_build_are_refused_without_it(tmp_path, capsys):
    assert main(["--only", "day", "--home", str(tmp_path)]) == 2
    assert "add build, or --resume" in capsys.readouterr().err
