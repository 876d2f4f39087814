"""Touch lists, paths and days (SPEC.md section 6), against their definition in plain Python."""

import random
from datetime import UTC, datetime, timedelta

from chispa import assert_df_equality
from pyspark.sql import types

from tests.spark.macros import render

TOUCH = types.StructType(
    [
        types.StructField("touch_at", types.TimestampType()),
        types.StructField("event_id", types.StringType()),
        types.StructField("channel", types.StringType()),
    ]
)
NUMBERED = types.StructType(
    [types.StructField("touch_number", types.LongType()), types.StructField("touch", TOUCH)]
)
LISTED = types.StructType(
    [
        types.StructField("latest_touches", types.ArrayType(NUMBERED)),
        types.StructField("older", types.LongType()),
        types.StructField("newest", types.LongType()),
        types.StructField("first_marketing_touch", TOUCH),
        types.StructField("touches", types.ArrayType(TOUCH)),
    ]
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def touches_of(channels):
    """Touches in order, one a day."""
    return [(START + timedelta(days=day), f"e{day:03}", channel) for day, channel in channels]


def bounded(touches, limit):
    """SPEC: "Longer ones keep the first marketing touch and the latest ones"."""
    if len(touches) <= limit:
        return touches
    first = first_marketing(touches)
    latest = touches[-limit:]
    return latest if first is None or first in latest else [first, *touches[-(limit - 1) :]]


def first_marketing(touches):
    return next((touch for touch in touches if touch[2] != "direct"), None)


def listed(touches, older, newest, limit, known=None):
    """A row: what the macro is given, and the list it should give."""
    window = touches[older:newest]
    numbered = list(enumerate(touches, start=1))
    return (
        numbered if known is None else [item for item in numbered if item[0] in known],
        older,
        newest,
        first_marketing(window),
        bounded(window, limit),
    )


def assert_lists(spark, rows, limit):
    given = spark.createDataFrame(rows, LISTED)
    sql = render(
        "bounded_touches('latest_touches', 'older', 'newest', 'first_marketing_touch')",
        max_path_touches=limit,
    )
    assert_df_equality(
        given.selectExpr("older", "newest", f"{sql} as touches"),
        given.select("older", "newest", "touches"),
        ignore_nullable=True,
    )


def test_a_list_that_is_not_too_long_holds_all_touches_of_the_window(spark):
    touches = touches_of(enumerate(["email", "direct", "sms", "direct"]))
    rows = [listed(touches, older, newest, 3) for older, newest in [(0, 3), (1, 4), (2, 2), (3, 4)]]
    assert [len(row[-1]) for row in rows] == [3, 3, 0, 1]
    assert_lists(spark, rows, 3)


def test_a_longer_list_keeps_the_first_marketing_touch_and_the_latest_ones(spark):
    touches = touches_of(enumerate(["direct", "email", "direct", "sms", "direct", "audio"]))
    row = listed(touches, 0, 6, 3)
    assert [channel for _touch_at, _event_id, channel in row[-1]] == ["email", "direct", "audio"]
    assert_lists(spark, [row], 3)


def test_a_longer_list_without_an_earlier_marketing_touch_keeps_the_latest_ones(spark):
    without = touches_of(enumerate(["direct"] * 5))
    among_the_latest = touches_of(enumerate(["direct", "direct", "email", "direct", "sms"]))
    rows = [listed(without, 0, 5, 3), listed(among_the_latest, 0, 5, 3)]
    assert [touches[2:] for touches in (without, among_the_latest)] == [row[-1] for row in rows]
    assert_lists(spark, rows, 3)


def test_touches_of_one_instant_are_told_apart_by_their_event_id(spark):
    touches = [(START, f"e{number}", "email") for number in range(5)]
    row = listed(touches, 0, 5, 3)
    assert [event_id for _touch_at, event_id, _channel in row[-1]] == ["e0", "e3", "e4"]
    assert_lists(spark, [row], 3)


def test_random_lists_are_bounded_as_defined_from_the_two_latest_blocks_alone(spark):
    chance = random.Random(20260101)
    for limit in (2, 3, 7):
        rows = []
        for _ in range(150):
            channels = chance.choices(
                ["direct", "email", "sms"], [6, 1, 1], k=chance.randint(0, 25)
            )
            touches = touches_of(enumerate(channels))
            newest = chance.randint(0, len(touches))
            older = chance.randint(0, newest)
            # what int_conversions_attributed joins: the newest touch's block and the one before it
            block = (newest - 1) // limit
            known = range((block - 1) * limit + 1, (block + 1) * limit + 1)
            rows.append(listed(touches, older, newest, limit, known))
        assert any(len(row[-1]) < row[2] - row[1] for row in rows)
        assert_lists(spark, rows, limit)


def test_blocks_are_as_long_as_the_longest_list(assert_answers):
    numbers = {"1": 0, "499": 0, "500": 0, "501": 1, "1000": 1, "1001": 2}
    assert_answers("touch_block('cast(text as bigint)')", numbers, kind="bigint")
    assert_answers(
        "touch_block('cast(text as bigint)')",
        {"1": 0, "3": 0, "4": 1, "6": 1, "7": 2},
        kind="bigint",
        max_path_touches=3,
    )


def test_whole_days_are_24_hours_each_cut_off(assert_answers):
    assert_answers(
        "whole_days(\"timestamp '2026-03-28 12:00:00Z'\", 'cast(text as timestamp)')",
        {
            "2026-03-28 12:00:00Z": 0,
            "2026-03-29 11:59:59.999999Z": 0,
            "2026-03-29 12:00:00Z": 1,
            "2026-03-29 14:00:00+02:00": 1,
            "2026-03-30 11:59:59Z": 1,
            "2026-04-27 12:00:00Z": 30,
            "2036-03-28 12:00:00Z": 3653,
            None: None,
        },
        kind="int",
    )


def test_a_path_is_the_channels_in_order(spark):
    schema = types.StructType([types.StructField("touches", types.ArrayType(TOUCH))])
    paths = [["paid_search", "direct", "email", "direct"], ["direct"]]
    given = spark.createDataFrame([(touches_of(enumerate(path)),) for path in paths], schema)
    sql = render("channel_path('touches')")
    answers = given.selectExpr(f"{sql} as path").collect()
    assert [row.path for row in answers] == ["paid_search > direct > email > direct", "direct"]
