"""For everybody: by keyboard alone, by ear, with little contrast, in either appearance."""

import itertools
import json
from pathlib import Path

import pytest

from tests.browser.reading import address, tiles

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["few", "hostile", "no_purchases", "no_events"])
def test_axe_finds_nothing_to_complain_of(open_report, name, scheme):
    page = open_report(name, color_scheme=scheme)
    if name in ("few", "hostile"):
        page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
        page.click("#channels-button")
    # Evaluated from outside: the page's own policy would not let it in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}})")
    told = [
        (rule["id"], node["html"][:200], node["failureSummary"][:300])
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]
    assert told == []
    assert len(found["passes"]) > 20


def channels_of(colour):
    parts = colour[colour.index("(") + 1 : colour.index(")")].replace("/", ",").split(",")
    return [float(part) for part in parts[:3]]


def luminance(colour):
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in channels_of(colour))
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_have_enough_contrast_to_their_ground(open_report, scheme):
    page = open_report(color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    texts = page.locator(".chart svg text").evaluate_all(
        "(texts) => texts.map((text) => getComputedStyle(text).fill)"
    )
    assert len(texts) > 30
    assert min(contrast(colour, ground) for colour in texts) >= 4.5
    for name in ("c1", "c2", "c3", "c4", "c5", "c6", "rest", "bar", "edge"):
        colour = page.evaluate(
            """(name) => {
              const probe = document.body.appendChild(document.createElement("span"));
              probe.style.color = `var(--${name})`;
              const colour = getComputedStyle(probe).color;
              probe.remove();
              return colour;
            }""",
            name,
        )
        assert contrast(colour, ground) >= 3, name


def test_everything_that_can_be_used_is_reached_by_tab_and_shows_its_focus(open_report):
    page = open_report()
    usable = page.evaluate(
        """[...document.querySelectorAll("a[href], button, select, input, summary, [tabindex='0']")]
          .filter((it) => !it.disabled && it.checkVisibility() && it.type !== "radio").length"""
    )
    seen = []
    for _ in range(usable * 3):
        page.keyboard.press("Tab")
        step = page.evaluate(
            """(() => {
              const it = document.activeElement;
              if (it === document.body) { return null; }
              it.dataset.reached = "yes";
              const shown = it.type === "radio" ? it.nextElementSibling : it;
              const style = getComputedStyle(shown);
              return [it.tagName, it.id, it.textContent.trim().slice(0, 30),
                      style.outlineStyle, parseFloat(style.outlineWidth)];
            })()"""
        )
        if step is None:
            break
        seen.append(step)
    assert [step for step in seen if step[3] == "none" or step[4] < 2] == []
    missed = page.evaluate(
        """[...document.querySelectorAll("a[href], button, select, input, summary, [tabindex='0']")]
          .filter((it) => !it.disabled && it.checkVisibility() && it.type !== "radio"
                          && !it.dataset.reached).map((it) => it.outerHTML.slice(0, 100))"""
    )
    assert missed == []
    assert len(seen) >= usable


def test_the_first_tab_skips_to_the_report_and_keeps_the_view(open_report):
    page = open_report(address="model=linear&metric=revenue")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert address(page) == "model=linear&metric=revenue"


def test_filters_are_used_by_keyboard_alone(open_report):
    page = open_report()
    before = tiles(page)
    page.locator("#model").focus()
    page.keyboard.type("Linear")
    assert page.input_value("#model") == "linear"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator("input[value=conversions]").is_checked()
    page.locator("#channels-button").focus()
    page.keyboard.press("Enter")
    # The button for all, then the names.
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "channels=" in address(page)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "channels-button"
    assert page.locator("#channels-panel").is_hidden()
    assert tiles(page) != before
    page.locator("#models-figure summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#models-figure details table").is_visible()
    page.locator("#reset").focus()
    page.keyboard.press("Enter")
    assert tiles(page)["Revenue"] == before["Revenue"]


def test_the_result_of_a_filter_is_told_to_who_listens(open_report):
    page = open_report()
    live = page.locator("#status")
    assert live.get_attribute("aria-live") == "polite"
    assert live.get_attribute("role") == "status"
    said = [live.inner_text()]
    page.fill("#from", "2025-12-01")
    said.append(live.inner_text())
    page.select_option("#model", "markov")
    said.append(live.inner_text())
    assert len(set(said)) == 3
    assert "1 Dec 2025" in said[1]
    assert "whole period" in said[2]


def test_every_chart_has_a_name_a_description_and_its_numbers(open_report):
    page = open_report()
    charts = page.locator(".chart")
    assert charts.count() == 5
    names = set()
    for place in range(charts.count()):
        chart = charts.nth(place)
        assert chart.get_attribute("role") == "img"
        names.add(chart.get_attribute("aria-label"))
        described = page.locator(f"#{chart.get_attribute('aria-describedby')}").inner_text()
        assert any(letter.isdigit() for letter in described)
        figure = chart.locator("xpath=ancestor::figure")
        figure.locator("summary").click()
        assert figure.locator("tbody tr").count() > 0
        assert figure.locator("caption").inner_text()
    assert len(names) == 5


def test_headings_go_down_one_level_at_a_time(open_report):
    page = open_report()
    levels = page.locator("h1, h2, h3").evaluate_all(
        "(all) => all.filter((it) => it.checkVisibility()).map((it) => Number(it.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_with_less_motion_nothing_moves(open_report):
    page = open_report(reduced_motion="reduce")
    moving = page.evaluate("document.getAnimations().length")
    assert moving == 0
