"""Where the report goes, when it is written again, and what is told of it."""

import os
from datetime import UTC, datetime

import pytest

from dagster_code.lib import build_state
from dagster_code.lib.attribution_report import write
from dagster_code.lib.attribution_report.preview import preview
from dagster_code.lib.attribution_report.values import bins
from dagster_code.lib.build_state import BuildInputs
from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.glimpse import bars
from dagster_code.lib.settings import load_settings
from dagster_code.lib.terminal import markdown_cell

CREDITS = {
    "channel": [0, 0, 1, 1],
    "model": [0, 1, 0, 1],
    "revenue": [10000, 2500, 0, 7500],
}
REPORT = {
    "channels": ["e|mail", "direct"],
    "credits": CREDITS,
    "data_driven": {"channel": [0], "model": [6], "revenue": [5000]},
    "totals": {
        "conversions": 2,
        "revenue": 10001,
        "attributed": 10000,
        "unattributed": 1,
        "purchasers": 1,
    },
}


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)})


def complete_a_build(settings):
    build_state.begin(settings, BuildInputs({}, "", {}), "run")
    assert build_state.complete(settings, "run", {})


def test_the_homes_own_page_gets_its_folder(settings):
    path = write.checked_output(None, settings)
    assert path == settings.home / "reports" / "attribution.html"
    assert path.parent.is_dir()


def test_another_file_needs_its_folder(settings, tmp_path):
    assert write.checked_output(str(tmp_path / "a.html"), settings) == tmp_path / "a.html"
    with pytest.raises(UserError, match=r"there is no folder .*missing; make it first"):
        write.checked_output(str(tmp_path / "missing" / "a.html"), settings)
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        write.checked_output(str(tmp_path), settings)


def test_the_page_is_current_when_it_is_newer_than_the_tables(settings):
    assert not write.is_current(settings)
    complete_a_build(settings)
    assert not write.is_current(settings)
    page = write.checked_output(None, settings)
    page.write_text("page", encoding="utf-8")
    assert write.is_current(settings)
    before = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    os.utime(page, (before, before))
    assert not write.is_current(settings)


def test_the_page_of_tables_that_are_being_built_is_not_current(settings):
    page = write.checked_output(None, settings)
    page.write_text("page", encoding="utf-8")
    build_state.begin(settings, BuildInputs({}, "", {}), "run")
    assert not write.is_current(settings)


def test_a_page_that_cannot_be_written_is_one_line(settings, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("the old page", encoding="utf-8")

    def full(_path, _text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "write_atomically", full)
    monkeypatch.setattr("dagster_code.lib.attribution_report.read.read_report", lambda *_: REPORT)
    monkeypatch.setattr("dagster_code.lib.attribution_report.page.render", lambda _: "page")
    settings.home.mkdir()
    with pytest.raises(RunFailedError, match="No space left on device"):
        write.write_report(None, settings, [], page, lambda _line: None)
    assert page.read_text(encoding="utf-8") == "the old page"


def test_money_is_told_to_the_cent(tmp_path):
    told = write.facts(write.Written(tmp_path, 7, 0.5, REPORT))
    assert {name: str(number) for name, number in told.items()} == {
        "size_bytes": "7",
        "conversions": "2",
        "purchasers": "1",
        "revenue": "100.01",
        "attributed_revenue": "100.00",
        "unattributed_revenue": "0.01",
    }


def test_the_preview_has_a_row_for_each_channel_and_a_column_for_each_model():
    heading, _, first, second = preview(REPORT).splitlines()
    assert heading.count("|") == 9
    assert first.startswith("| e\\|mail | 100.00 | 25.00 | 0.00 |")
    assert first.endswith("| 50.00 |")
    assert second.startswith("| direct | 0.00 | 75.00 |")


def test_the_preview_of_nothing_says_so():
    none = {"channel": [], "model": [], "revenue": []}
    assert preview({"channels": [], "credits": none, "data_driven": none}) == "No conversions yet."


@pytest.mark.parametrize(
    ("grain", "days"),
    [
        ("day", ["2025-12-31", "2026-01-01", "2026-01-02"]),
        ("week", ["2025-12-29"]),
        ("month", ["2025-12-01", "2026-01-01"]),
    ],
)
def test_bins_cover_the_period_without_a_gap(grain, days):
    found = bins("2025-12-31", "2026-01-02", grain)
    assert [day.isoformat() for day in found] == days


def test_weeks_begin_on_monday_and_end_on_sunday():
    found = bins("2026-01-04", "2026-01-05", "week")
    assert [day.isoformat() for day in found] == ["2025-12-29", "2026-01-05"]


def test_bars_are_as_long_as_their_numbers():
    drawn = bars(
        [{"channel": "a_b", "last": 10, "cost": 1}, {"channel": "c", "last": 5, "cost": None}]
    )
    assert drawn.splitlines()[2:] == [
        f"| a\\_b | {'█' * 20} | 10.00 | 1.00 |",
        f"| c | {'█' * 10} | 5.00 | 0.00 |",
    ]
    assert bars([]) == "No channels yet."
    assert "█" not in bars([{"channel": "a", "last": 0}])


def test_markdown_shows_a_name_as_it_is():
    assert markdown_cell("a|b <i> [x](y) `z`\n") == (r"a\|b \<i\> \[x\]\(y\) \`z\`\\n")
