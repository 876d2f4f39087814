"""On a phone, on a wall, on paper; with names that are hard to set; with nothing to show."""

import pytest

from tests.browser.conftest import drawn_report
from tests.browser.reading import open_numbers, rows, tiles
from tests.browser.report_data import HOSTILE

ALL = ["few", "many", "hostile", "no_purchases", "no_events"]


def too_wide(page):
    """What sticks out of the window, but for what scrolls by itself."""
    return page.evaluate(
        """[...document.querySelectorAll("body *")]
          .filter((it) => it.checkVisibility() && !it.closest(".table-box, svg, .unseen, .skip"))
          .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
          .map((it) => it.outerHTML.slice(0, 120))"""
    )


@pytest.mark.parametrize("size", [(360, 740), (768, 1024), (3840, 2160)], ids=lambda size: size[0])
@pytest.mark.parametrize("name", ALL)
def test_the_page_never_scrolls_sideways(open_report, name, size):
    page = open_report(name, size=size)
    if name in ("few", "many", "hostile"):
        page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        page.click("#channels-button")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert too_wide(page) == []


def test_the_panel_of_channels_stays_in_the_window_of_a_phone(open_report):
    page = open_report("hostile", size=(360, 740))
    for which in ("channels", "platforms"):
        page.click(f"#{which}-button")
        box = page.locator(f"#{which}-panel").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        page.keyboard.press("Escape")


def test_letters_grow_with_a_wall(open_report):
    sizes = [
        float(
            open_report(size=size)
            .evaluate("getComputedStyle(document.documentElement).fontSize")
            .removesuffix("px")
        )
        for size in ((1280, 800), (3840, 2160))
    ]
    assert sizes[0] == pytest.approx(16, abs=0.5)
    assert sizes[1] >= 22


def test_charts_fill_their_card_after_the_window_changes(open_report):
    page = open_report()
    for width in (700, 1500):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(
            """() => [...document.querySelectorAll(".chart")].every((chart) =>
                 Math.abs(chart.clientWidth - chart.querySelector("svg").clientWidth) <= 1)"""
        )


def test_hostile_names_are_text_and_nothing_else(open_report):
    page = open_report("hostile")
    place = open_numbers(page, "models-figure")
    page.click("#channels-button")
    names = [row[0] for row in rows(page, place)]
    assert "<img src=x onerror=window.hacked=1>" in names
    assert "</script><script>window.hacked=1</script>" in names
    assert "__proto__" in names
    assert "constructor" in names
    assert page.locator("body img").count() == 0
    assert page.locator("script").count() == 3
    assert page.evaluate("window.hacked") is None


def test_what_was_put_together_is_told(open_report):
    page = open_report("hostile")
    notes = drawn_report("hostile")["notes"]
    assert page.locator("#notes li").all_inner_texts() == notes
    assert open_report("few").locator("#notes").is_hidden()


def test_controls_and_marks_of_direction_are_shown_as_what_they_are(open_report):
    page = open_report("hostile")
    body = page.locator("main").inner_text()
    for mark in ("\u202e", "\u0007", "\u001b", "\u2028"):
        assert any(mark in name for name in HOSTILE)
        assert mark not in body
    assert "\ufffdgnp.exe" in body


def test_names_that_run_from_right_to_left_do_not_turn_their_row(open_report):
    page = open_report("hostile")
    place = open_numbers(page, "models-figure")
    cell = page.locator(f"{place} tbody bdi", has_text="\u0627\u0644\u0628\u0631\u064a\u062f").first
    assert cell.evaluate("(it) => getComputedStyle(it).direction") == "rtl"
    row = cell.locator("xpath=ancestor::tr")
    assert row.evaluate("(it) => getComputedStyle(it).direction") == "ltr"
    left = [
        box["x"]
        for box in row.locator("th, td").evaluate_all(
            "(cells) => cells.map((cell) => cell.getBoundingClientRect().toJSON())"
        )
    ]
    assert left == sorted(left)


def test_a_very_long_name_is_cut_in_sight_and_whole_on_demand(open_report):
    page = open_report("hostile")
    name = page.locator("#performance-table bdi", has_text="a_very_long_name_").first
    assert name.get_attribute("title") == next(it for it in HOSTILE if it.startswith("a_very"))
    assert name.bounding_box()["height"] < 100


def test_without_purchases_the_page_says_what_to_do(open_report):
    page = open_report("no_purchases")
    said = page.locator("#notice").inner_text()
    assert "5,321 events of 812 clients came in" in said
    assert "event_type_aliases.csv" in said
    assert page.locator("#controls").is_hidden()
    assert page.locator("#headline").is_hidden()
    assert len(rows(page, "#performance-table")) == 5
    assert page.locator("#quality").is_visible()


def test_without_events_the_page_says_what_to_do(open_report):
    page = open_report("no_events")
    said = page.locator("#notice").inner_text()
    assert "Nothing has landed in this home." in said
    assert "attribution run --events" in said
    assert page.locator("#performance").is_hidden()
    facts = page.locator("#quality-facts").inner_text()
    assert "no events" in facts
    assert "never" in facts
    assert "NaN" not in page.locator("body").inner_text()


def test_without_spend_there_are_no_columns_of_cost(open_report):
    page = open_report("no_purchases")
    heads = " ".join(page.locator("#performance-table thead th").all_inner_texts())
    assert "Sessions" in heads
    assert "Cost" not in heads
    assert "ROAS" not in heads
    assert "--spend" in page.locator("#performance-lede").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_light_and_has_all_text_and_nothing_to_press(open_report, scheme):
    page = open_report(color_scheme=scheme)
    page.emulate_media(media="print", color_scheme=scheme)
    page.wait_for_function("() => document.documentElement.classList.contains('paper')")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = page.locator("#models-figure svg text").first.get_attribute("fill")
    # That of the light appearance for what stands beside an axis.
    assert ink == "rgb(82, 93, 112)"
    for pressed in ("#model", "#from", "#channels-button", "#reset", ".more button", "summary"):
        assert page.locator(pressed).first.is_hidden(), pressed
    assert page.locator("#status").is_visible()
    for part in ("headline", "models", "plain", "trend", "flow", "paths", "performance", "quality"):
        assert page.locator(f"#{part}").is_visible()
    assert tiles(page)["Conversions"] == "900"
    page.emulate_media(media="screen", color_scheme=scheme)
    page.wait_for_function("() => !document.documentElement.classList.contains('paper')")


def test_a_paper_copy_is_made_without_complaint(open_report):
    page = open_report("hostile", color_scheme="dark")
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    pages = paper.count(b"/Type /Page\n") or paper.count(b"/Type /Page ")
    assert 3 <= pages <= 12
    # The screen is as it was.
    assert page.locator("#model").is_visible()
    assert "paper" not in (page.locator("html").get_attribute("class") or "")


def test_the_report_was_drawn_with_names_of_every_kind():
    channels = drawn_report("hostile")["channels"]
    assert max(map(len, channels)) > 150
    assert len(drawn_report("many")["channels"]) == 500
