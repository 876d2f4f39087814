"""The story of a conversion, from rows as the marts give them: the worked example of the docs."""

import json
from decimal import Decimal

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.explain.read import as_explained_error, parse_event_time, read_explanation
from dagster_code.lib.explain.story import MODELS, Explanation, Story
from dagster_code.lib.explain.tell import explanation_lines, story_lines
from dagster_code.lib.explain.words import (
    channel_rule,
    decision_rule,
    model_rule,
    status_rule,
)
from dagster_code.lib.time_left import human_time

VARIABLES = {
    "attribution_window_days": 30,
    "outside_window_channel": "unattributed",
    "max_path_touches": 500,
    "position_based_first_percent": 40,
    "position_based_last_percent": 40,
    "time_decay_half_life_days": 7,
}
AT = "2026-02-10T09:00:00.000000Z"
DAY = 86_400


def conversion(**changes):
    row = {
        "client_id": "ana",
        "event_time": AT,
        "event_time_micros": 1_770_714_000_000_000,
        "revenue": Decimal("60.00"),
        "purchase_count": 1,
        "order_ids": '["o-7"]',
        "touch_count": 4,
        "marketing_touch_count": 2,
        "is_path_truncated": False,
        "attribution_status": "marketing",
    }
    return row | changes


def touch(event_id, at, age, channel, decision, **changes):
    row = {
        "client_id": "ana",
        "event_time": AT,
        "touch_at": f"2026-{at}.000000Z",
        "touch_event_id": event_id,
        "channel": channel,
        "source": None,
        "medium": None,
        "campaign": None,
        "age_seconds": float(age),
        "age_days": age // DAY,
        "is_first_touch": False,
        "is_last_touch": False,
        "decision": decision,
        "attribution_status": "marketing",
        "revenue": Decimal("60.00"),
    }
    return row | changes


def credit(model, event_id, weight, revenue, channel="email"):
    return {
        "event_time": AT,
        "model": model,
        "touch_event_id": event_id,
        "channel": channel,
        "weight": weight,
        "attributed_revenue": Decimal(revenue),
    }


TOUCHES = [
    touch(
        *("a1", "01-05T10:00:00", 35 * DAY + 23 * 3600, "paid_search", "outside_window"),
        source="google",
        medium="cpc",
    ),
    touch("a3", "01-20T08:00:00", 21 * DAY + 3600, "direct", "direct_excluded"),
    touch(
        *("a4", "01-20T08:10:00", 21 * DAY + 3000, "email", "credited"),
        source="news",
        medium="email",
        is_first_touch=True,
    ),
    touch(
        *("a6", "02-01T12:00:00", 8 * DAY + 21 * 3600, "organic_social", "credited"),
        source="facebook.com",
        medium="referral",
        is_last_touch=True,
    ),
    touch("a7", "02-10T09:00:00", 0, "direct", "direct_excluded"),
]
CREDITS = [
    credit("first_touch", "a4", 1.0, "60.00"),
    credit("last_touch", "a6", 1.0, "60.00", "organic_social"),
    credit("linear", "a4", 0.5, "30.00"),
    credit("linear", "a6", 0.5, "30.00", "organic_social"),
    credit("position_based", "a4", 0.5, "30.00"),
    credit("position_based", "a6", 0.5, "30.00", "organic_social"),
    credit("time_decay", "a4", 0.2308, "13.85"),
    credit("time_decay", "a6", 0.7692, "46.15", "organic_social"),
]


def told(story, **variables):
    return "".join(story_lines(story, VARIABLES | variables))


def test_a_story_tells_each_touch_with_its_age_its_credit_and_the_rule():
    assert (
        told(Story(conversion(), TOUCHES, CREDITS))
        == """\
Conversion 2026-02-10T09:00:00Z
  revenue  60.00 of 1 purchase (1 order: o-7)
  status   marketing: 2 marketing touches inside the 30-day window; the revenue is theirs

  5 touches considered, with the age:
    1  2026-01-05T10:00:00Z  35 d 23 h  paid_search     google / cpc / -
       outside_window: latest marketing touch before the 30-day window; shown, not credited
    2  2026-01-20T08:00:00Z  21 d 1 h   direct
       direct_excluded: direct, outweighed by a marketing touch of the 30-day window
    3  2026-01-20T08:10:00Z  21 d       email           news / email / -
       credited: first marketing touch of the 30-day window
       first_touch 100 % = 60.00; linear, position_based 50 % = 30.00; time_decay 23.08 % = 13.85
    4  2026-02-01T12:00:00Z  8 d 21 h   organic_social  facebook.com / referral / -
       credited: last marketing touch of the 30-day window
       last_touch 100 % = 60.00; linear, position_based 50 % = 30.00; time_decay 76.92 % = 46.15
    5  2026-02-10T09:00:00Z  0 s        direct
       direct_excluded: direct, outweighed by a marketing touch of the 30-day window

                  attributed  unattributed  together
  first_touch          60.00          0.00     60.00
  last_touch           60.00          0.00     60.00
  linear               60.00          0.00     60.00
  position_based       60.00          0.00     60.00
  time_decay           60.00          0.00     60.00
"""
    )


def test_an_unattributed_conversion_shows_what_is_left_out():
    row = conversion(attribution_status="outside_window", marketing_touch_count=0)
    credits_ = [credit(model, None, 1.0, "0.00", "unattributed") for model in MODELS]
    text = told(Story(row, [TOUCHES[0] | {"attribution_status": "outside_window"}], credits_))
    assert "all older than the 30-day window; no credit (outside_window_channel: unattri" in text
    assert "outside_window: latest marketing touch, but older than the 30-day window" in text
    assert f"-  unattributed: {', '.join(MODELS)} 100 % = 0.00" in text
    assert "  time_decay            0.00         60.00     60.00\n" in text


def test_an_old_touch_that_counts_as_direct_leaves_nothing_out():
    row = conversion(attribution_status="outside_window", marketing_touch_count=0)
    credits_ = [credit(model, None, 1.0, "60.00", "direct") for model in MODELS]
    text = told(Story(row, TOUCHES[:1], credits_), outside_window_channel="direct")
    assert "the revenue counts as direct (outside_window_channel: direct)" in text
    assert "  linear               60.00          0.00     60.00\n" in text


def test_the_window_named_is_the_one_of_the_build():
    assert "7-day window" in status_rule(conversion(), VARIABLES | {"attribution_window_days": 7})


@pytest.mark.parametrize(
    ("decision", "changes", "rule"),
    [
        ("credited", {"is_first_touch": True, "is_last_touch": True}, "first and last marketing"),
        ("between", {}, "neither its first nor its last"),
        ("direct_only", {}, "there is no marketing touch"),
        ("direct_excluded", {"attribution_status": "outside_window"}, "though an old one"),
    ],
)
def test_every_decision_has_its_sentence(decision, changes, rule):
    assert rule in decision_rule(
        touch("x", "01-01T00:00:00", 1, "x", decision, **changes), VARIABLES
    )


def test_a_bounded_list_says_so_and_names_credit_outside_of_it():
    row = conversion(is_path_truncated=True, touch_count=1_234)
    text = told(Story(row, TOUCHES[2:3], CREDITS), max_path_touches=3)
    assert "of the 1,234 in the window" in text
    assert "(max_path_touches: 3)" in text
    assert "-  organic_social: last_touch 100 % = 60.00" in text


def test_the_rule_of_a_channel_is_told_when_the_marts_know_it():
    plain = TOUCHES[0]
    assert channel_rule(plain) is None
    known = plain | {"channel_rule_rank": 300, "channel_rule": "search engine with a paid medium"}
    assert channel_rule(known) == "channel: rule 300, search engine with a paid medium"
    none = plain | {"channel_rule_rank": None, "channel_rule": "no marketing evidence"}
    assert channel_rule(none) == "channel: no marketing evidence"
    assert channel_rule(known | {"channel_rule": None}) == "channel: rule 300"
    assert channel_rule(none | {"channel_rule": None}) == "channel: no rule"
    assert "\n       channel: rule 300, " in told(Story(conversion(), [known], []))


def test_the_version_of_the_channel_rules_is_told_once():
    touches = [touch | {"channel_rule_rank": None, "rule_version": "abc"} for touch in TOUCHES]
    story = Story(conversion(), touches, CREDITS)
    text = "".join(explanation_lines(Explanation("ana", [story], 1, VARIABLES), "text"))
    assert text.endswith("\nChannel rules: version abc\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.999999, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3 * DAY + 4 * 3600 + 59 * 60, "3 d 4 h"),
        (DAY + 59 * 60, "1 d"),
        (7_384, "2 h 3 min"),
        (30 * DAY, "30 d"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(seconds, text):
    assert human_time(seconds) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-10T09:00:00Z",
        "2026-02-10 09:00:00",
        "2026-02-10T10:00:00+01:00",
        "2026-02-10T09:00:00.000000Z",
        " 2026-02-10T09:00 ",
        "20260210T090000Z",
        "2026-02-10T03:30-0530",
    ],
)
def test_a_time_without_an_offset_is_utc(text):
    assert parse_event_time(text) == 1_770_714_000_000_000


def test_a_microsecond_counts():
    assert parse_event_time("2026-02-10T09:00:00.000001Z") == 1_770_714_000_000_001


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "0001-01-01T00:00:00+10:00", "7"])
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(UserError, match=r"is no time; write it like 2026-01-31T12:00:00Z"):
        parse_event_time(text)


def test_every_model_has_its_rule_with_the_variables_of_the_build():
    rules = {
        model: model_rule(model, VARIABLES | {"time_decay_half_life_days": 9}) for model in MODELS
    }
    assert all(rules.values())
    assert "40 % to the first" in rules["position_based"]
    assert "every 9 days" in rules["time_decay"]


def explanation(stories=1, count=1, client_id="ana"):
    story = Story(conversion(), TOUCHES, CREDITS)
    return Explanation(client_id, [story] * stories, count, VARIABLES)


def test_more_conversions_than_are_told_are_counted():
    text = "".join(explanation_lines(explanation(2, 25), "text"))
    assert text.startswith("Client ana: 25 conversions\nThe latest 2 are told; ")
    assert text.count("\nConversion ") == 2
    assert text.count("\nModels\n") == 1


def test_what_came_with_the_data_cannot_steer_the_terminal():
    text = "".join(explanation_lines(explanation(client_id="a\x1b[2J\nb"), "text"))
    assert text.startswith("Client a\\x1b[2J\\nb: ")


def test_json_has_every_value_with_money_in_full():
    text = "".join(explanation_lines(explanation(), "json"))
    value = json.loads(text, parse_float=Decimal)
    assert value["client_id"] == "ana"
    assert value["conversion_count"] == 1
    (story,) = value["conversions"]
    assert story["event_time"] == AT
    assert story["order_ids"] == ["o-7"]
    assert [touch["decision"] for touch in story["touches"]] == [
        touch["decision"] for touch in TOUCHES
    ]
    assert story["touches"][3]["credits"][-1] == {
        "model": "time_decay",
        "weight": Decimal("0.7692"),
        "attributed_revenue": Decimal("46.15"),
    }
    assert {total["revenue"] for total in story["totals"]} == {Decimal("60.00")}
    assert set(value["models"]) == set(MODELS)
    assert '"revenue": 60.00' in text


@pytest.mark.parametrize(
    ("event_count", "conversions", "count", "instant", "message"),
    [
        (None, [], 0, None, "there is no client 'eve'; ids are case-sensitive"),
        (3, [], 0, None, "client 'eve' has 3 events and no purchase"),
        (3, [], 0, 5, "client 'eve' has 3 events and no purchase"),
        (3, [conversion()], 1, 5, "at that instant; the latest are 2026-02-10T09:00:00Z"),
        (3, [conversion()], 7, 5, "the latest are 2026-02-10T09:00:00Z; it has 7"),
    ],
)
def test_nothing_to_explain_is_one_line(
    monkeypatch, event_count, conversions, count, instant, message
):
    def read(_spark, _client_id, event_time_micros, _limit):
        return ([], 0) if event_time_micros is not None else (conversions, count)

    monkeypatch.setattr("dagster_code.lib.explain.read._conversions", read)
    monkeypatch.setattr("dagster_code.lib.explain.read._event_count", lambda *_asked: event_count)
    with pytest.raises(UserError) as refused:
        read_explanation(None, "eve", instant, VARIABLES)
    assert message in str(refused.value)
    assert refused.value.exit_code == 2


def test_tables_that_are_not_built_are_told_with_what_to_do():
    error = UserError("[TABLE_OR_VIEW_NOT_FOUND] The table `marts`.`conversion_paths` cannot be …")
    assert "build them with `attribution run`" in str(as_explained_error(error))
    other = UserError("[DIVIDE_BY_ZERO] …")
    assert as_explained_error(other) is other


def test_a_touch_with_a_megabyte_does_not_widen_the_others():
    long = TOUCHES[2] | {"campaign": "x" * 1_000_000, "channel": "\x1b[2J"}
    credit_ = credit("linear", "gone", 1.0, "60.00", "a\x9b1m")
    lines = told(Story(conversion(), [TOUCHES[0], long], [credit_])).splitlines()
    assert len([line for line in lines if len(line) > 500]) == 1
    assert all(line.isprintable() for line in lines)


def test_an_id_of_a_megabyte_is_told_by_its_beginning(monkeypatch):
    text = "".join(explanation_lines(explanation(client_id="x" * 1_000_000), "text"))
    assert text.splitlines()[0] == f"Client {'x' * 200}… (1,000,000 letters): 1 conversion"
    monkeypatch.setattr("dagster_code.lib.explain.read._conversions", lambda *_: ([], 0))
    monkeypatch.setattr("dagster_code.lib.explain.read._event_count", lambda *_: None)
    with pytest.raises(UserError) as refused:
        read_explanation(None, "x" * 1_000_000, None, VARIABLES)
    assert len(str(refused.value)) < 300


def test_json_steers_no_terminal():
    text = "".join(explanation_lines(explanation(client_id="a\x9b2J\u202e"), "json"))
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["client_id"] == "a\x9b2J\u202e"
