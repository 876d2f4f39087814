"""Every control is used, by mouse and by keyboard, and the address keeps what was chosen."""

import pytest

from tests.browser.conftest import drawn_report
from tests.browser.expected import Choice, credits_of, total
from tests.browser.reading import address, cents, choose, open_numbers, rows, tiles


def status(page):
    return page.locator("#status").inner_text()


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")


def test_the_legend_switches_the_model_and_keeps_the_focus(open_report):
    page = open_report()
    legend = page.locator("#models-legend button")
    names = [" ".join(name.split()[1:]) for name in legend.all_inner_texts()]
    assert names == [
        *("First touch", "Last touch", "Linear", "Position-based", "Time decay"),
        *("Markov", "Shapley"),
    ]
    for place in range(legend.count()):
        legend.nth(place).click()
        chosen = page.locator("#models-legend button[aria-pressed=true]")
        assert chosen.count() == 1
        assert names[place] in chosen.inner_text()
        assert names[place] in focused(page)
        assert page.locator("#model").input_value() == drawn_report("few")["models"][place]
        assert status(page).replace("\u2068", "").startswith(names[place])


def test_the_measure_switches_every_chart(open_report):
    page = open_report()
    page.get_by_text("Conversions", exact=True).first.click()
    assert "metric=conversions" in address(page)
    for figure in ("models-figure", "trend-figure"):
        texts = page.locator(f"#{figure} svg text").all_text_contents()
        assert "Conversions" in texts
        assert "Revenue" not in texts
    assert "by conversions" in page.locator("#paths-lede").inner_text()
    page.get_by_text("Revenue", exact=True).first.click()
    assert "Revenue" in page.locator("#models-figure svg text").all_text_contents()


@pytest.mark.parametrize(
    ("days", "first"), [(7, "2026-01-27"), (30, "2026-01-04"), (90, "2025-11-05")]
)
def test_a_preset_counts_back_from_the_last_day(open_report, days, first):
    page = open_report()
    page.select_option("#preset", label=f"Last {days} days")
    assert page.input_value("#from") == first
    assert page.input_value("#to") == "2026-02-02"
    assert page.input_value("#preset") == str(days)
    of = credits_of(drawn_report("few"), Choice(first=first), "last_touch")
    assert cents(tiles(page)["Revenue"]) == total(of, "revenue") + total(of, "unattributed")
    page.select_option("#preset", label="Whole period")
    assert page.input_value("#from") == "2025-11-03"
    assert "from=" not in address(page)


def test_only_presets_shorter_than_the_period_are_offered(open_report):
    offered = open_report("hostile").locator("#preset option").all_inner_texts()
    assert offered == ["Whole period", "Last 7 days", "Last 30 days", "From \u2026 to \u2026"]


def test_dates_in_the_wrong_order_are_taken_in_the_right_one(open_report):
    page = open_report()
    page.fill("#to", "2025-12-01")
    page.fill("#from", "2025-12-24")
    assert page.input_value("#from") == "2025-12-01"
    assert page.input_value("#to") == "2025-12-24"
    assert page.input_value("#preset") == "custom"


def test_a_day_outside_the_period_changes_nothing(open_report):
    page = open_report()
    before = status(page)
    page.fill("#from", "1999-01-01")
    page.locator("#from").blur()
    assert status(page) == before
    assert page.input_value("#from") == "2025-11-03"


def test_the_search_finds_channels_and_chooses_those_listed(open_report):
    page = open_report("many")
    page.click("#channels-button")
    assert focused(page) == "channels-search"
    panel = page.locator("#channels-panel")
    assert "500 of 500 listed; all chosen" in panel.inner_text()
    page.fill("#channels-search", "PARTNER_01")
    assert panel.locator("li:visible").count() == 10
    assert "10 of 500 listed" in panel.inner_text()
    page.get_by_role("button", name="Choose those listed").click()
    assert page.locator("#channels-button").inner_text().endswith("10 of 500")
    chosen = Choice(channels=frozenset(f"partner_{number:03d}" for number in range(10, 20)))
    of = credits_of(drawn_report("many"), chosen, "last_touch")
    assert cents(tiles(page)["Revenue"]) == total(of, "revenue")
    page.fill("#channels-search", "nobody has this name")
    assert panel.locator("li:visible").count() == 0
    assert page.get_by_role("button", name="Choose those listed").is_disabled()
    panel.get_by_role("button", name="All", exact=True).click()
    assert page.locator("#channels-button").inner_text().endswith("All 500")
    page.locator("h1").click()
    assert panel.is_hidden()


def test_a_channel_is_found_by_the_name_that_the_marts_have(open_report):
    page = open_report()
    page.goto(page.url.split("#")[0])
    choose(page, "channels", ["Paid search"])
    assert "channels=paid_search" in address(page)
    page.click("#channels-button")
    page.locator("#channels-panel").get_by_role("checkbox", name="Paid search").uncheck()
    assert "channels=" not in address(page)


def test_all_filters_are_cleared_at_once(open_report):
    page = open_report()
    untouched = status(page)
    assert page.locator("#reset").is_disabled()
    page.fill("#from", "2025-12-01")
    choose(page, "channels", ["Email"])
    choose(page, "platforms", ["ios"])
    assert status(page) != untouched
    page.click("#reset")
    assert status(page) == untouched
    assert page.locator("#reset").is_disabled()
    assert focused(page) == "preset"


def test_a_filter_that_leaves_nothing_is_told_in_every_part(open_report):
    page = open_report()
    choose(page, "channels", ["Unattributed"])
    choose(page, "platforms", ["ios"])
    page.fill("#from", "2026-02-02")
    for figure in ("models-figure", "trend-figure", "flow-figure", "touches-figure"):
        assert page.locator(f"#{figure} .nothing").is_visible()
        assert page.locator(f"#{figure} .chart").is_hidden()
    assert page.locator("#paths-table .nothing").is_visible()
    assert tiles(page)["Conversions"] == "0"


def test_the_table_is_sorted_by_every_column_both_ways(open_report):
    page = open_report()
    performance = drawn_report("few")["performance"]
    names = ["channel", *[name for name in performance if name != "channel"]]
    for name in names:
        for expected in (
            ("ascending", "descending") if name == "channel" else ("descending", "ascending")
        ):
            page.locator(f"[data-sort={name}]").click()
            head = page.locator("#performance-table th[aria-sort]")
            assert head.count() == 1
            assert head.get_attribute("aria-sort") == expected
            assert f"sort={name}:{expected}" in address(page)
            column = names.index(name)
            shown = [row[column] for row in rows(page, "#performance-table")]
            values = [value for value in shown if value != "\u2013"]
            # What has no value stands last either way.
            assert shown[: len(values)] == values
            if name != "channel":
                values = [float(value.replace(",", "").rstrip("%")) for value in values]
            assert values == sorted(values, reverse=expected == "descending")


def test_the_focus_stays_on_the_heading_that_sorts(open_report):
    page = open_report()
    page.locator("[data-sort=clients]").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.sort") == "clients"


def test_the_address_keeps_the_view(open_report):
    page = open_report()
    page.select_option("#model", "time_decay")
    page.locator("input[value=conversions] + span").click()
    page.fill("#from", "2025-12-01")
    page.fill("#to", "2025-12-31")
    choose(page, "channels", ["Email", "Direct"])
    choose(page, "platforms", ["unknown", "web"])
    page.locator("[data-sort=sessions]").click()
    kept = address(page)
    numbers = tiles(page)
    again = open_report(address=kept)
    assert tiles(again) == numbers
    assert address(again) == kept
    assert status(again) == status(page)
    assert rows(again, "#performance-table") == rows(page, "#performance-table")
    assert again.input_value("#model") == "time_decay"
    assert again.input_value("#from") == "2025-12-01"
    assert again.locator("input[value=conversions]").is_checked()


def test_another_address_in_the_same_page_is_followed(open_report):
    page = open_report(address="model=linear")
    page.evaluate("location.hash = 'model=shapley&channels=email'")
    page.wait_for_function("() => document.getElementById('model').value === 'shapley'")
    assert "Email" in status(page)


def test_names_of_any_kind_survive_in_the_address(open_report):
    page = open_report("hostile")
    page.click("#channels-button")
    boxes = page.locator("#channels-panel input[type=checkbox]")
    for place in range(boxes.count() - 1):
        boxes.nth(place).check()
    numbers = tiles(page)
    again = open_report("hostile", address=address(page))
    assert tiles(again) == numbers
    assert again.locator("#channels-button").inner_text().endswith("12 of 13")


@pytest.mark.parametrize(
    "broken",
    [
        "model=nobody&metric=joy&from=2025-13-45&to=x&channels=%E0%A4%A&sort=a:b",
        "channels=gone&platforms=gone",
        "&&==&=",
        "from=2030-01-01&to=1970-01-01",
        "%",
    ],
)
def test_an_address_that_makes_no_sense_shows_the_whole(open_report, broken):
    assert tiles(open_report(address=broken)) == tiles(open_report())


def test_all_rows_are_shown_and_the_focus_is_on_the_first_new_one(open_report):
    page = open_report("many")
    table = page.locator("#performance-table")
    assert table.locator("tbody tr").count() == 25
    table.get_by_role("button", name="Show all 500 rows").click()
    assert table.locator("tbody tr").count() == 500
    row = page.evaluate("document.activeElement.closest('tr').rowIndex")
    assert row == 26
    assert table.locator(".more button").count() == 0


def test_the_appearance_is_chosen_and_kept(open_report):
    page = open_report(color_scheme="light")

    def lightness():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    def ink():
        return page.locator("#models-figure svg text").first.get_attribute("fill")

    light, light_ink = lightness(), ink()
    page.select_option("#theme", "dark")
    dark, dark_ink = lightness(), ink()
    assert (dark, dark_ink) != (light, light_ink)
    assert dark_ink != light_ink
    page.reload()
    assert (lightness(), ink()) == (dark, dark_ink)
    page.select_option("#theme", "")
    assert (lightness(), ink()) == (light, light_ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "(old) => document.querySelector('.chart svg text').getAttribute('fill') !== old",
        arg=light_ink,
    )
    assert (lightness(), ink()) == (dark, dark_ink)


def test_a_tip_tells_the_numbers_of_what_is_pointed_at(open_report):
    page = open_report("hostile")
    chart = page.locator("#models-figure .chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    tip = page.locator("#models-figure .tip")
    tip.wait_for()
    first = rows(page, open_numbers(page, "models-figure"))[0]
    assert tip.locator("bdi").first.inner_text().split() == first[0].split()
    assert first[2] in tip.inner_text()
    assert page.evaluate("window.hacked") is None
