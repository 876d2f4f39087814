"""The attribution report, read from small marts written by hand."""

from collections import Counter
from decimal import Decimal

import pytest

from dagster_code.lib.attribution_report import read
from dagster_code.lib.attribution_report.contract import MODELS, MOST_DAYS, MOST_TOUCHES
from dagster_code.lib.attribution_report.page import render
from dagster_code.lib.attribution_report.preview import preview
from dagster_code.lib.attribution_report.read import read_report
from dagster_code.lib.attribution_report.statements import CUTS, Cut
from tests.spark.marts_by_hand import SCHEMAS, Conversion, write_marts

VARIABLES = {"attribution_window_days": 30}

CONVERSIONS = [
    Conversion(
        "ana", "2026-01-05T10:00:00", "60.00", ("direct", "email", "paid_search"), ("web", "ios")
    ),
    # on a Sunday, the last day of the week of the 5th
    Conversion("ana", "2026-01-11T23:59:59", "0.01", ("direct",), ("ios",), days=3),
    Conversion("ben", "2026-02-28T00:00:00", "19.99", (), (None,), None, is_outside_window=True),
    Conversion("cem", "2026-02-28T12:00:00", "100.00", ("email",) * 60, days=400),
    Conversion("dua", "2026-02-28T12:00:00", "5.00", ("email",) * 60, is_truncated=True),
]


@pytest.fixture(scope="module")
def schemas(spark, tmp_path_factory):
    """Databases of this module's own, gone afterwards."""
    folder = tmp_path_factory.mktemp("warehouse")
    for schema in SCHEMAS:
        spark.sql(f"create database {schema} location '{folder / schema}'")
    yield
    for schema in SCHEMAS:
        spark.sql(f"drop database {schema} cascade")


@pytest.fixture(scope="module")
def report(spark, schemas):
    write_marts(
        spark, CONVERSIONS, {"email": 50, "display": 10}, ["invalid_revenue", "missing_client_id"]
    )
    return read_report(spark, [], VARIABLES, "2026-03-01T12:30:00+00:00")


def rows(report, part, *names):
    """A part's rows with names in the place of places."""
    lists = {
        "date": report["dates"],
        "platform": report["platforms"],
        "model": report["models"],
        "path": [path["path"] for path in report["paths"]],
    }
    lists |= dict.fromkeys(("channel", "first", "last"), report["channels"])
    columns = report[part]
    return [
        tuple(
            lists[name][value] if name in lists else value
            for name, value in zip(names, row, strict=True)
        )
        for row in zip(*(columns[name] for name in names), strict=True)
    ]


def test_days_are_those_of_the_events_without_a_gap(report):
    assert report["grain"] == "day"
    assert report["dates"][0] == "2026-01-05"
    assert report["dates"][-1] == "2026-02-28"
    assert len(report["dates"]) == 55


def test_the_platform_of_a_conversion_is_that_of_its_first_purchase(report):
    flows = rows(report, "flows", "date", "platform", "first", "last", "conversions", "revenue")
    assert sorted(flows) == [
        ("2026-01-05", "web", "email", "paid_search", 1, 6000),
        ("2026-01-11", "ios", "direct", "direct", 1, 1),
        ("2026-02-28", "", "unattributed", "unattributed", 1, 1999),
        ("2026-02-28", "web", "email", "email", 2, 10500),
    ]


def test_each_model_shares_out_all_revenue_or_says_what_is_left(report):
    whole = sum(int(Decimal(one.revenue) * 100) for one in CONVERSIONS)
    for model in MODELS:
        parts = [
            (revenue, unattributed, conversions)
            for part in ("credits", "data_driven")
            for name, revenue, unattributed, conversions in rows(
                report, part, "model", "revenue", "unattributed", "conversions"
            )
            if name == model
        ]
        assert sum(revenue for revenue, _, _ in parts) == whole - 1999, model
        assert sum(unattributed for _, unattributed, _ in parts) == 1999, model
        assert sum(conversions for _, _, conversions in parts) == pytest.approx(5), model


def test_a_shared_conversion_is_in_the_credits_of_both_channels(report):
    credited = rows(report, "credits", "date", "channel", "model", "conversions", "revenue")
    assert {row[1:] for row in credited if row[0] == "2026-01-05"} == {
        ("email", "first_touch", 1, 6000),
        ("paid_search", "last_touch", 1, 6000),
        *(
            (channel, model, 0.5, 3000)
            for channel in ("email", "paid_search")
            for model in ("linear", "position_based", "time_decay")
        ),
    }


def test_touches_and_days_end_in_a_last_bin(report):
    touches = rows(report, "touch_counts", "channel", "touches", "conversions", "revenue")
    assert sorted(touches) == [
        ("direct", 1, 1, 1),
        ("email", MOST_TOUCHES, 2, 10500),
        ("paid_search", 3, 1, 6000),
        ("unattributed", 0, 1, 1999),
    ]
    journeys = rows(report, "journeys", "date", "platform", "channel", "days", "clients", "revenue")
    assert sorted(journeys) == [
        ("2026-01-11", "ios", "direct", 3, 1, 6001),
        ("2026-02-28", "", "direct", 0, 1, 1999),
        ("2026-02-28", "web", "email", 0, 1, 500),
        ("2026-02-28", "web", "email", MOST_DAYS, 1, 10000),
    ]


def test_paths_that_differ_only_in_being_cut_are_two(report):
    sixty = " > ".join(["email"] * 60)
    shown = Counter((path["path"], path["is_truncated"]) for path in report["paths"])
    assert shown == Counter(
        [
            ("direct > email > paid_search", False),
            ("direct", False),
            ("", False),
            (sixty, False),
            (sixty, True),
        ]
    )
    counted = rows(report, "path_counts", "path", "conversions", "revenue", "days")
    assert ("direct", 1, 1, 3) in counted
    assert sorted(row[2] for row in counted if row[0] == sixty) == [500, 10000]


def test_totals_and_quality_are_those_of_the_tables(report):
    assert report["totals"] == {
        "conversions": 5,
        "revenue": 18500,
        "attributed": 16501,
        "unattributed": 1999,
        "purchasers": 4,
    }
    assert report["events"] == {
        "first": "2026-01-05",
        "last": "2026-02-28",
        "count": 11,
        "clients": 4,
    }
    assert report["rule_version"] == "0123456789ab"
    assert report["quality"]["records"] == {"landed": 13, "staged": 11, "rejected": 2}
    assert {(row["table"], row["reason"]) for row in report["quality"]["rejected"]} == {
        ("raw.events", "invalid_revenue"),
        ("raw.events", "missing_client_id"),
    }
    assert report["quality"]["freshness"] == {
        "landed_at": "2026-03-01T12:00:00Z",
        "built_at": "2026-03-01T12:30:00Z",
        "last_event_at": "2026-02-28T12:00:00Z",
    }


def test_channels_come_with_their_own_numbers_the_strongest_first(report):
    assert report["channels"][0] == "email"
    performance = {
        row[0]: row[1:]
        for row in rows(
            report, "performance", "channel", "last_touch_revenue", "clients", "cost", "cpa", "roas"
        )
    }
    assert performance["email"] == (10500, 5, 5000, 2500, 2.1)
    assert performance["display"] == (0, 5, 1000, None, 0)
    assert performance["paid_search"] == (6000, 5, 0, 0, None)
    assert report["notes"] == []


def test_nothing_is_left_behind(spark, report):
    assert not spark.catalog.tableExists("report_conversions")


def test_the_page_takes_it(report):
    assert render(report).startswith("<!doctype html>")


def sums(report):
    """What no cut may change."""
    return {
        part: {
            name: pytest.approx(sum(values))
            for name, values in report[part].items()
            if name in ("conversions", "revenue", "unattributed", "clients", "days", "cost")
            and None not in values
        }
        for part in ("credits", "data_driven", "flows", "journeys", "performance")
    }


@pytest.mark.parametrize(
    ("cuts", "dates"),
    [
        ([Cut("week")], ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"]),
        ([Cut("month", 3)], ["2026-01-01", "2026-02-01"]),
        ([Cut("month", 3, has_platforms=False)], ["2026-01-01", "2026-02-01"]),
    ],
)
def test_a_coarser_cut_loses_nothing(spark, report, monkeypatch, cuts, dates):
    monkeypatch.setattr(read, "CUTS", cuts)
    cut = read_report(spark, [], VARIABLES, None)
    assert cut["dates"][: len(dates)] == dates
    assert sum(cut["flows"]["revenue"]) == 18500
    found, expected = sums(cut), sums(report)
    assert {**found, "performance": {}} == {**expected, "performance": {}}
    assert sum(cut["performance"]["last_touch_revenue"]) == 16501
    if cuts[0].channel_limit == 3:
        assert len(cut["channels"]) == 3
        assert cut["channels"][-1] == "(other channels)"
        assert cut["performance"]["clients"][-1] is None
        assert cut["notes"][0].startswith("3 of 5 channels are put together as (other channels)")
    if not cuts[0].has_platforms:
        assert cut["platforms"] == ["(all platforms)"]


def test_the_finest_cut_that_is_small_enough_is_taken(spark, report):
    assert read_report(spark, [], VARIABLES, None, most_rows=23)["grain"] == "day"
    # it has 23 rows of credits, however long the bins
    assert read_report(spark, [], VARIABLES, None, most_rows=22)["grain"] == CUTS[-1].grain


def test_without_purchases_the_report_is_empty_and_whole(spark, schemas):
    write_marts(spark, [])
    empty = read_report(spark, [], VARIABLES, None)
    assert empty["totals"] == dict.fromkeys(empty["totals"], 0)
    assert empty["dates"] == empty["channels"] == empty["platforms"] == empty["paths"] == []
    assert empty["events"] == {"first": None, "last": None, "count": 0, "clients": 0}
    assert render(empty).startswith("<!doctype html>")


def test_sums_beyond_what_a_browser_counts_are_exact_here_and_told(spark, schemas):
    most = "9999999999999999.99"
    conversions = [
        Conversion(f"c{n}", "2026-01-05T10:00:00", most, ("email",)) for n in range(1001)
    ]
    write_marts(spark, conversions[:1])
    assert read_report(spark, [], VARIABLES, None)["notes"][0].startswith("Amounts above 90,071,9")
    write_marts(spark, conversions)
    report = read_report(spark, [], VARIABLES, None)
    assert report["totals"]["revenue"] == 1001 * 999_999_999_999_999_999
    assert rows(report, "flows", "first", "revenue") == [("email", report["totals"]["revenue"])]
    assert "| email | 10,009,999,999,999,999,989.99 |" in preview(report)


def test_spend_beyond_what_a_browser_counts_is_told(spark, schemas):
    conversions = [Conversion("c", "2026-01-05T10:00:00", "1.00", ("email",))]
    write_marts(spark, conversions, {"email": 10**14})
    assert len(read_report(spark, [], VARIABLES, None)["notes"]) == 1
    write_marts(spark, conversions, {"email": 10**13})
    assert read_report(spark, [], VARIABLES, None)["notes"] == []


def test_names_of_any_kind_and_length_are_only_names(spark, schemas):
    odd = ["it's", 'say "no"', "a\\'b", "-- x", "مرحبا", "x" * 5000, "(other channels)"]
    conversions = [
        Conversion(f"c{n}", "2026-01-05T10:00:00", f"{100 - n}", (channel,), (f"p{n}",))
        for n, channel in enumerate(odd * 3)
    ]
    write_marts(spark, conversions)
    report = read_report(spark, [], VARIABLES, None)
    assert sorted(report["channels"]) == sorted(name[:200] for name in odd)
    assert len(report["platforms"]) == 12
    assert report["platforms"][-1] == "(other platforms)"
    assert "10 of 21 platforms" in report["notes"][0]
    assert sum(report["flows"]["conversions"]) == 21


def test_an_own_name_for_the_others_is_told_from_them(spark, schemas, monkeypatch):
    conversions = [
        Conversion("a", "2026-01-05T10:00:00", "9.00", ("(other channels)",)),
        Conversion("b", "2026-01-05T10:00:00", "2.00", ("it's",)),
        Conversion("c", "2026-01-05T10:00:00", "1.00", ("z",)),
    ]
    write_marts(spark, conversions)
    monkeypatch.setattr(read, "CUTS", [Cut("day", 2)])
    report = read_report(spark, [], VARIABLES, None)
    assert report["channels"] == ["(other channels)", "((other channels))"]
    assert rows(report, "flows", "first", "revenue") == [
        ("(other channels)", 900),
        ("((other channels))", 300),
    ]
