"""The attribution report holds the numbers of the marts, in its data and on its page."""

import json
import re
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from dagster_code.lib import build_state
from dagster_code.lib.attribution_report.contract import MOST_EXACT_CENTS
from dagster_code.lib.attribution_report.values import MOST_PLATFORMS
from tests.integration.conftest import Home

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(built_home: Home, tmp_path_factory) -> Path:
    """A page that the command has written."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    result = built_home.run("report", "--output", path)
    assert result.stdout == f"{path}\n"
    return path


@pytest.fixture(scope="module")
def report(page: Path) -> dict:
    """What is in the page."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', text)
    return json.loads(found[1])


def cents(money: object) -> int:
    return int(Decimal(str(money or 0)) * 100)


def summed(report: dict, parts: tuple[str, ...], keys: tuple[str, ...], measure: str) -> Counter:
    """Sums of a measure by names."""
    lists = {"model": report["models"], **dict.fromkeys(("channel", "first", "last"), None)}
    lists |= dict.fromkeys(("channel", "first", "last"), report["channels"])
    totals: Counter = Counter()
    for part in parts:
        columns = report[part]
        for number, value in enumerate(columns[measure]):
            key = tuple(
                lists[key][columns[key][number]] if key in lists else columns[key][number]
                for key in keys
            )
            totals[key] += value
    return Counter({key: value for key, value in totals.items() if value})


def test_every_model_gives_every_channel_what_the_mart_says(built_home: Home, report: dict) -> None:
    mart = built_home.rows("select * from marts.model_comparison")
    assert mart
    for column, measure in (("revenue", "revenue"), ("unattributed_revenue", "unattributed")):
        expected = {(row["channel"], row["model"]): cents(row[column]) for row in mart}
        found = summed(report, ("credits", "data_driven"), ("channel", "model"), measure)
        assert found == {key: value for key, value in expected.items() if value}
    found = summed(report, ("credits", "data_driven"), ("channel", "model"), "conversions")
    for row in mart:
        key = (row["channel"], row["model"])
        assert found[key] == pytest.approx(row["conversions"], abs=1e-6), key


def test_first_against_last_touch_is_that_of_the_marts(built_home: Home, report: dict) -> None:
    rows = built_home.rows(
        "select f.channel as first, l.channel as last, count(*) as conversions,"
        " sum(f.revenue) as revenue from marts.first_touch_attribution as f"
        " inner join marts.last_touch_attribution as l using (client_id, event_time)"
        " group by all"
    )
    keys = ("first", "last")
    assert summed(report, ("flows",), keys, "conversions") == {
        (row["first"], row["last"]): row["conversions"] for row in rows
    }
    assert summed(report, ("flows",), keys, "revenue") == {
        (row["first"], row["last"]): cents(row["revenue"]) for row in rows if row["revenue"]
    }


def test_journeys_and_touches_are_those_of_the_marts(built_home: Home, report: dict) -> None:
    journeys = built_home.rows(
        "select least(journey_length_days, 180) as days, count(*) as clients"
        " from marts.client_journeys group by all"
    )
    found = summed(report, ("journeys",), ("days",), "clients")
    assert found == {(row["days"],): row["clients"] for row in journeys}
    touches = built_home.rows(
        "select least(touch_count, 50) as touches, count(*) as conversions"
        " from marts.conversion_paths group by all"
    )
    found = summed(report, ("touch_counts",), ("touches",), "conversions")
    assert found == {(row["touches"],): row["conversions"] for row in touches}


def test_days_and_platforms_are_those_of_the_purchases(built_home: Home, report: dict) -> None:
    # the grain is coarser than a day when other tests' events lie years apart
    bin_start = f"cast(cast(date_trunc('{report['grain']}', event_time) as date) as string)"
    rows = built_home.rows(
        f"select {bin_start} as day, platform, count(*) as conversions"
        " from (select client_id, event_time, min_by(coalesce(platform, ''), event_id) as platform"
        " from staging.stg_events where event_type = 'purchase' group by all) group by all"
    )
    assert len(report["platforms"]) <= MOST_PLATFORMS
    flows = report["flows"]
    found: Counter = Counter()
    for day, platform, conversions in zip(
        flows["date"], flows["platform"], flows["conversions"], strict=True
    ):
        found[report["dates"][day], report["platforms"][platform]] += conversions
    expected: Counter = Counter()
    for row in rows:
        is_named = row["platform"] in report["platforms"]
        platform = row["platform"] if is_named else "(other platforms)"
        expected[row["day"], platform] += row["conversions"]
    assert found == expected


def test_paths_are_the_most_frequent_of_the_mart(built_home: Home, report: dict) -> None:
    rows = built_home.rows(
        "select channel_path, is_path_truncated, count(*) as conversions, sum(revenue) as revenue"
        " from marts.conversion_paths group by all order by conversions desc"
    )
    counted = summed(report, ("path_counts",), ("path",), "conversions")
    shown = {
        (path["path"], path["is_truncated"]): counted[(number,)]
        for number, path in enumerate(report["paths"])
    }
    assert len(shown) == min(200, len(rows))
    assert sorted(shown.values(), reverse=True) == [row["conversions"] for row in rows][:200]
    in_mart = {(row["channel_path"], row["is_path_truncated"]): row["conversions"] for row in rows}
    assert shown.items() <= in_mart.items()


def test_channel_performance_is_the_mart(built_home: Home, report: dict) -> None:
    money = {
        "first_touch_revenue",
        "last_touch_revenue",
        "average_order_value",
        "unattributed_revenue",
        "cost",
        "cpa",
    }
    performance = report["performance"]
    for row in built_home.rows("select * from marts.channel_performance"):
        number = performance["channel"].index(report["channels"].index(row["channel"]))
        for name, values in performance.items():
            if name != "channel":
                value = row[name]
                expected = cents(value) if name in money and value is not None else value
                assert values[number] == pytest.approx(expected), (row["channel"], name)


def test_totals_quality_and_period_are_those_of_the_tables(built_home: Home, report: dict) -> None:
    (row,) = built_home.rows(
        "select (select count(*) from marts.conversion_paths) as conversions,"
        " (select sum(revenue) from marts.conversion_paths) as revenue,"
        " (select sum(attributed_revenue) from marts.last_touch_attribution) as attributed,"
        " (select count(*) from marts.client_journeys) as purchasers,"
        " (select count(*) from raw.events) as landed,"
        " (select count(*) from staging.stg_events) as staged,"
        " (select count(*) from staging.rejected_events) as rejected,"
        " (select count(distinct client_id) from staging.stg_events) as clients,"
        " (select cast(min(event_date) as string) from staging.stg_events) as first,"
        " (select cast(max(event_date) as string) from staging.stg_events) as last"
    )
    revenue, attributed = cents(row["revenue"]), cents(row["attributed"])
    assert report["totals"] == {
        "conversions": row["conversions"],
        "revenue": revenue,
        "attributed": attributed,
        "unattributed": revenue - attributed,
        "purchasers": row["purchasers"],
    }
    assert report["quality"]["records"] == {
        name: row[name] for name in ("landed", "staged", "rejected")
    }
    assert report["events"] == {
        "first": row["first"],
        "last": row["last"],
        "count": row["staged"],
        "clients": row["clients"],
    }


def test_checks_are_told_as_they_went_last(report: dict) -> None:
    checks = {check["name"]: check for check in report["quality"]["checks"]}
    assert len(checks) > 80
    assert checks["nothing_lost"]["passed"]
    assert checks["nothing_lost"]["message"].startswith("observed ")
    assert all(check["description"] and check["at"] for check in checks.values())
    # the sample is of 2021
    assert not checks["freshness"]["passed"]
    assert checks["freshness"]["severity"] == "WARN"


def test_the_page_names_no_folder(built_home: Home, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for folder in (built_home.settings.home, Path.home(), Path.cwd()):
        assert f"{folder}/" not in text, folder


def test_the_run_has_written_the_homes_own_page(built_home: Home) -> None:
    own = built_home.settings.home / "reports" / "attribution.html"
    state = build_state.last_complete(built_home.settings)
    assert state is not None
    text = own.read_text(encoding="utf-8")
    assert f'"built_at":"{state.finished_at[:19]}Z"' in text


def test_a_missing_page_is_written_by_a_run_with_nothing_new_and_no_other(built_home: Home) -> None:
    own = built_home.settings.home / "reports" / "attribution.html"
    written_at = own.stat().st_mtime_ns
    (built_home.settings.landing_dir / "events").mkdir(parents=True, exist_ok=True)
    # as other tests have left the tables
    same = ("run", "--vars", json.dumps(build_state.variables_of_tables(built_home.settings)))
    assert "Nothing new" in built_home.run(*same).stdout
    assert own.stat().st_mtime_ns == written_at
    own.unlink()
    assert "Nothing new" in built_home.run(*same).stdout
    assert own.is_file()


@pytest.mark.browser
def test_the_numbers_on_the_page_are_those_of_the_marts(built_home: Home, page: Path) -> None:
    program = shutil.which("chromium")
    assert program, "no Chromium (on Debian: apt install chromium)"
    (row,) = built_home.rows(
        "select count(*) as conversions, sum(revenue) as revenue,"
        " (select count(*) from marts.client_journeys) as purchasers from marts.conversion_paths"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--lang=en-US"]
        )
        tab = browser.new_page(locale="en-US")
        tab.goto(page.as_uri())
        tab.locator("#tiles dt").first.wait_for()
        names = tab.locator("#tiles dt").all_inner_texts()
        values = tab.locator("#tiles dd.value").all_inner_texts()
        browser.close()
    shown = dict(zip(names, values, strict=True))
    assert shown["Conversions"] == f"{row['conversions']:,}"
    assert shown["Customers"] == f"{row['purchasers']:,}"
    if cents(row["revenue"]) <= MOST_EXACT_CENTS:
        assert shown["Revenue"] == f"{row['revenue']:,.2f}"
    else:
        # other tests land purchases of quadrillions
        assert shown["Revenue"].startswith("≈ ")
        rounded = Decimal(shown["Revenue"].removeprefix("≈ ").replace(",", ""))
        assert rounded == pytest.approx(row["revenue"], rel=Decimal("1e-14"))
