"""Every number on the page, under every control, against sums made in Python from the same dict."""

import re
from collections import defaultdict

import pytest

from dagster_code.lib.attribution_report.contract import MOST_DAYS, MOST_TOUCHES, RULE_MODELS
from tests.browser.conftest import drawn_report, opening
from tests.browser.expected import Choice, credits_of, in_period, sums, told_day, total, week
from tests.browser.reading import (
    amount,
    cents,
    choose,
    heads,
    number,
    open_numbers,
    rows,
    tiles,
)

LABELS = {
    "Paid search": "paid_search",
    "Email": "email",
    "Organic search": "organic_search",
    "Direct": "direct",
    "Unassigned": "unassigned",
    "Unattributed": "unattributed",
}
MODELS = {
    "First touch": "first_touch",
    "Last touch": "last_touch",
    "Linear": "linear",
    "Position-based": "position_based",
    "Time decay": "time_decay",
    "Markov": "markov",
    "Shapley": "shapley",
}
PERIOD = {"first": "2025-12-01", "last": "2026-01-04"}
FILTERS = {
    "nothing": Choice(),
    "a period": Choice(**PERIOD),
    "channels": Choice(channels=frozenset({"email", "direct"})),
    "a platform": Choice(platforms=frozenset({"ios"})),
    "no platform known": Choice(platforms=frozenset({""})),
    "all at once": Choice(
        **PERIOD,
        channels=frozenset({"paid_search", "unassigned", "unattributed"}),
        platforms=frozenset({"web", ""}),
    ),
}


@pytest.fixture(scope="module", params=FILTERS.values(), ids=FILTERS.keys())
def filtered(request, browser, report_file):
    """The page with a filter that was set by its controls, and what was chosen."""
    with opening(browser, report_file) as opened:
        page = opened("few")
        set_filter(page, request.param)
        yield page, request.param


def set_filter(page, choice):
    if choice.first:
        page.fill("#from", choice.first)
        page.fill("#to", choice.last)
    of_name = {name: label for label, name in LABELS.items()}
    if choice.channels:
        choose(page, "channels", [of_name[name] for name in choice.channels])
    if choice.platforms:
        choose(page, "platforms", [name or "unknown" for name in choice.platforms])


# Every model by one measure, and the other measure by one whose parts are no whole numbers.
LOOKS = [*(("revenue", model) for model in MODELS.values()), ("conversions", "linear")]


def look(page, metric, model):
    page.locator(f"input[value={metric}] + span").click()
    page.select_option("#model", model)


def test_channels_under_every_model_are_those_of_the_report(filtered):
    page, choice = filtered
    report = drawn_report("few")
    place = open_numbers(page, "models-figure")
    for metric in ("revenue", "conversions"):
        look(page, metric, "last_touch")
        wide = " (whole period)" if choice.is_partial else ""
        names = [name + (wide if name in ("Markov", "Shapley") else "") for name in MODELS]
        assert heads(page, place) == ["Channel", *names]
        shown = {LABELS[row[0]]: row[1:] for row in rows(page, place)}
        foot = {row[0]: row[1:] for row in rows(page, place, "tfoot")}
        for column, of_model in enumerate(MODELS.values()):
            expected = credits_of(report, choice, of_model)
            listed = {channel: amount(row[column], metric) for channel, row in shown.items()}
            unlisted = set(expected) - set(listed)
            # What is unattributed has no attributed revenue, and stands below.
            assert unlisted <= ({"unattributed"} if metric == "revenue" else set())
            for channel, value in listed.items():
                wanted = expected[channel][metric] if channel in expected else 0
                assert value == pytest.approx(wanted, abs=0.0051), (of_model, channel)
            assert amount(foot["All of these"][column], metric) == pytest.approx(
                total(expected, metric), abs=0.0051
            )
            if metric == "revenue":
                lost = total(expected, "unattributed")
                assert cents(foot["Unattributed"][column]) == lost
                assert cents(foot["Revenue"][column]) == total(expected, "revenue") + lost


def test_rows_are_ranked_by_the_chosen_model(open_report):
    page = open_report("few")
    place = open_numbers(page, "models-figure")
    for metric, model in LOOKS:
        look(page, metric, model)
        column = 1 + list(MODELS.values()).index(model)
        values = [amount(row[column], metric) for row in rows(page, place)]
        assert values == sorted(values, reverse=True)


def test_the_numbers_on_top_are_of_the_chosen_model_and_filter(filtered):
    page, choice = filtered
    report = drawn_report("few")
    clients = sums(
        report,
        "journeys",
        ["days"],
        lambda row: in_period(choice, row) and choice.has_channel(row["channel"]),
    )
    for model in MODELS.values():
        page.select_option("#model", model)
        shown = tiles(page)
        of = credits_of(report, choice, model)
        revenue = total(of, "revenue") + total(of, "unattributed")
        assert cents(shown["Revenue"]) == revenue
        assert number(shown["Conversions"]) == pytest.approx(total(of, "conversions"), abs=0.0051)
        mean = revenue / total(of, "conversions")
        assert cents(shown["Revenue per conversion"]) == pytest.approx(mean, abs=0.51)
        marketing = {name: sum_ for name, sum_ in of.items() if name != "direct"}
        assert cents(shown["Credited to marketing"]) == total(marketing, "revenue")
        assert number(shown["Customers"]) == total(clients, "clients")
        days = sorted(day for day, sum_ in clients.items() for _ in range(int(sum_["clients"])))
        middle = days[(len(days) - 1) // 2]
        told = f"{middle} day{'' if middle == 1 else 's'}" if middle else "under a day"
        assert shown["Median journey"] == told
        said = page.locator("#status").inner_text()
        assert shown["Revenue"] in said


def test_direct_unassigned_and_unattributed_are_told_whatever_channels_are_chosen(filtered):
    page, choice = filtered
    everyone = Choice(first=choice.first, last=choice.last, platforms=choice.platforms)
    for model in MODELS.values():
        page.select_option("#model", model)
        of = credits_of(drawn_report("few"), everyone, model)
        for name in ("direct", "unassigned", "unattributed"):
            measure = "unattributed" if name == "unattributed" else "revenue"
            shown = page.locator(f"#plain-{name} .value").inner_text()
            assert cents(shown) == of[name][measure]
            share = of[name][measure] / (total(of, "revenue") + total(of, "unattributed"))
            assert f"{share:.1%} of revenue" in page.locator(f"#plain-{name} .aside").inner_text()


def test_weeks_add_up_to_the_chosen_model(filtered):
    page, choice = filtered
    report = drawn_report("few")
    for metric, model in [("revenue", "first_touch"), ("revenue", "shapley"), LOOKS[-1]]:
        look(page, metric, model)
        if model not in RULE_MODELS:
            assert "has no trend" in page.locator("#trend-figure .nothing").inner_text()
            assert page.locator("#trend-figure .chart").is_hidden()
            continue
        place = open_numbers(page, "trend-figure")
        of_weeks = _weeks(report, choice, model, metric)
        columns = heads(page, place)
        shown = rows(page, place)
        days = [day for day in report["dates"] if choice.has_day(day)]
        weeks = [told_day(day) for day in dict.fromkeys(map(week, days))]
        assert [row[0] for row in shown] == weeks
        for row in shown:
            for column, label in enumerate(columns[1:], 1):
                wanted = of_weeks[row[0], label]
                assert amount(row[column], metric) == pytest.approx(wanted, abs=0.0051)


def _weeks(report, choice, model, metric):
    """Sums by week and label of the channel, and by week for all of them together."""
    days = sums(
        report,
        "credits",
        ["date", "channel"],
        lambda row: (
            row["model"] == model and in_period(choice, row) and choice.has_channel(row["channel"])
        ),
    )
    result = defaultdict(float)
    for (day, channel), sum_ in days.items():
        for label in (_label(channel), "Together"):
            result[told_day(week(day)), label] += sum_[metric]
    return result


def _label(channel):
    return {name: label for label, name in LABELS.items()}[channel]


def test_the_flow_has_every_pair_of_first_and_last_touch(filtered):
    page, choice = filtered
    pairs = sums(
        drawn_report("few"),
        "flows",
        ["first", "last"],
        lambda row: (
            in_period(choice, row)
            and (choice.has_channel(row["first"]) or choice.has_channel(row["last"]))
        ),
    )
    place = open_numbers(page, "flow-figure")
    for metric in ("revenue", "conversions"):
        look(page, metric, "linear")
        shown = {(LABELS[row[0]], LABELS[row[1]]): row[2:] for row in rows(page, place)}
        assert set(shown) == set(pairs)
        for pair, (conversions, revenue, share) in shown.items():
            assert number(conversions) == pairs[pair]["conversions"]
            assert cents(revenue) == pairs[pair]["revenue"]
            assert share == f"{pairs[pair][metric] / total(pairs, metric):.2%}"


@pytest.mark.parametrize(
    ("figure", "part", "key", "measure"),
    [
        ("journeys-figure", "journeys", "days", "clients"),
        ("touches-figure", "touch_counts", "touches", "conversions"),
    ],
)
def test_lengths_are_counted_once_each(filtered, figure, part, key, measure):
    page, choice = filtered
    of = sums(
        drawn_report("few"),
        part,
        [key],
        lambda row: in_period(choice, row) and choice.has_channel(row["channel"]),
    )
    shown = rows(page, open_numbers(page, figure))
    assert sum(number(row[1]) for row in shown) == total(of, measure)
    assert sum(cents(row[3]) for row in shown) == total(of, "revenue")
    for step, count, share, revenue in shown:
        ends = step.removesuffix("+").split("\u2013")
        first, last = int(ends[0]), int(ends[-1])
        inside = {length: sum_ for length, sum_ in of.items() if first <= length <= last}
        assert number(count) == total(inside, measure)
        assert cents(revenue) == total(inside, "revenue")
        assert share == f"{total(inside, measure) / total(of, measure):.2%}"


def test_paths_are_those_of_the_filter(filtered):
    page, choice = filtered
    report = drawn_report("few")
    of = sums(
        report,
        "path_counts",
        ["path"],
        lambda row: (
            in_period(choice, row)
            and (not choice.channels or bool(choice.channels & set(row["path"].split(" > "))))
        ),
    )
    conversions = sums(report, "flows", [], lambda row: in_period(choice, row))[()]["conversions"]
    shown = {_path(row[0]): row[1:] for row in rows(page, "#paths-table")}
    assert set(shown) == set(of)
    for path, (count, share, revenue, mean, days) in shown.items():
        sum_ = of[path]
        assert number(count) == sum_["conversions"]
        assert share == f"{sum_['conversions'] / conversions:.2%}"
        assert cents(revenue) == sum_["revenue"]
        assert cents(mean) == pytest.approx(sum_["revenue"] / sum_["conversions"], abs=0.51)
        assert number(days) == pytest.approx(sum_["days"] / sum_["conversions"], abs=0.0051)


def _path(told):
    """The path as the mart has it, from what the page tells of it."""
    if told == "no touch in the window":
        return ""
    touches = []
    for step in told.removesuffix(" (longer: the list of touches is cut)").split("→"):
        label, _, count = step.strip().partition(" \u00d7")
        touches += [LABELS[label]] * int(count or 1)
    return " > ".join(touches)


def test_channel_performance_is_the_mart_and_says_what_it_does_not_follow(filtered):
    page, choice = filtered
    performance = drawn_report("few")["performance"]
    names = list(performance)[1:]
    shown = {LABELS[row[0]]: row[1:] for row in rows(page, "#performance-table")}
    channels = [drawn_report("few")["channels"][place] for place in performance["channel"]]
    assert set(shown) == {name for name in channels if choice.has_channel(name)}
    for place, channel in enumerate(channels):
        if channel in shown:
            told = dict(zip(_performance_order(names), shown[channel], strict=True))
            for name in names:
                assert told[name] == _told(name, performance[name][place]), (channel, name)
    note = page.locator("#performance > .note")
    assert note.is_visible() == choice.is_partial


def _performance_order(names):
    return [*names[:10], *names[10:]]


def _told(name, value):
    if value is None:
        return "\u2013"
    if name == "conversion_rate":
        return f"{value:.2%}"
    if name == "roas":
        return f"{value:.2f}"
    if name.endswith(("revenue", "value", "cost", "cpa")):
        return f"{value // 100:,}.{value % 100:02d}"
    return f"{value:,}"


def test_data_driven_models_say_that_they_cover_the_whole_period(filtered):
    page, choice = filtered
    note = page.locator("#headline > .note")
    for model in MODELS.values():
        page.select_option("#model", model)
        assert note.is_visible() == (choice.is_partial and model not in RULE_MODELS)
        assert page.locator("#models > .note").is_visible() == choice.is_partial


def test_data_quality_is_told_as_it_is(open_report):
    page = open_report("few")
    quality = drawn_report("few")["quality"]
    told = {row[0].split("\n")[0].strip(): number(row[2]) for row in rows(page, "#rejected-table")}
    assert told == {row["reason"]: row["records"] for row in quality["rejected"]}
    checks = rows(page, "#checks-table")
    assert [row[1] for row in checks] == ["! warned", "✓ passed", "✓ passed"]
    assert "112 events on 2 Feb" in checks[0][0]
    facts = page.locator("#quality-facts").inner_text()
    for text in (
        "20,148",
        "18,900",
        "1,248",
        "3f9c0a1b77de",
        "3 Nov 2025 \u2013 2 Feb 2026",
        "30 days",
    ):
        assert text in facts
    assert "3 Feb 2026, 08:55 UTC" in facts


def test_five_hundred_channels_are_all_in_the_table_and_a_few_in_the_chart(open_report):
    page = open_report("many")
    report = drawn_report("many")
    place = open_numbers(page, "models-figure")
    of = credits_of(report, Choice(), "last_touch")
    shown = rows(page, place)
    with_revenue = {name for name, sum_ in of.items() if sum_["revenue"] > 0}
    assert len(shown) >= len(with_revenue) > 300
    assert sum(cents(row[2]) for row in shown) == total(of, "revenue")
    drawn = page.locator("#models-figure svg text").all_text_contents()
    named = [text for text in drawn if "partner_" in text]
    assert 5 < len(named) < 14
    assert any("All others (" in text for text in drawn)


def test_the_open_ends_of_long_lists_are_those_of_the_report(open_report):
    page = open_report("few")
    for steps, most in (("DAY_STEPS", MOST_DAYS), ("TOUCH_STEPS", MOST_TOUCHES)):
        script = page.locator("script").last.text_content()
        starts = re.search(rf"const {steps} = \[([^\]]+)\]", script)[1]
        assert int(starts.split(",")[-1]) == most


def test_sums_that_no_browser_can_count_are_marked_and_have_no_false_digits(open_report):
    page = open_report("huge")
    credits_ = drawn_report("huge")["credits"]
    last_touch = drawn_report("huge")["models"].index("last_touch")
    exact = sum(
        revenue + unattributed
        for model, revenue, unattributed in zip(
            credits_["model"], credits_["revenue"], credits_["unattributed"], strict=True
        )
        if model == last_touch
    )
    mark, shown = tiles(page)["Revenue"].split()
    assert mark == "≈"
    digits = shown.replace(",", "")
    assert len(digits) == len(str(exact)) - 2
    assert set(digits[15:]) == {"0"}
    assert int(digits) == pytest.approx(exact / 100, rel=1e-14)
