"""What the marts tell of conversions, clients and channels, by hand from SPEC.md."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.oracle import Config, Rules
from tests.oracle.attribution import bounded
from tests.oracle.channels import Evidence
from tests.oracle.generate import WINDOW
from tests.oracle.sessions import Touch
from tests.unit.oracle.cases import CPC, HALF_HOUR, MAIL, NOON, US, only, purchase, tables, view


def test_every_conversion_looks_back_on_its_own(rules: Rules) -> None:
    history = [
        view(NOON, "1", **CPC),
        purchase(NOON + timedelta(days=10), "2", "10"),
        view(NOON + timedelta(days=20), "3", **MAIL),
        purchase(NOON + timedelta(days=30), "4", "20"),
        purchase(NOON + timedelta(days=50, microseconds=1), "5", "40"),
    ]

    result = tables(rules, history)

    first = [row["channel"] for row in result["first_touch_attribution"]]
    last = [row["channel"] for row in result["last_touch_attribution"]]
    assert first == ["paid_search", "paid_search", "unattributed"]
    assert last == ["paid_search", "email", "unattributed"]
    assert result["channel_performance"] == [
        {
            "channel": "direct",
            "sessions": 3,
            "touches": 3,
            "clients": 1,
            "assisted_conversions": 0,
            "first_touch_conversions": 0,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 0,
            "last_touch_revenue": Decimal("0.00"),
            "conversion_rate": 0.0,
            "average_order_value": None,
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": None,
            "roas": None,
        },
        {
            "channel": "email",
            "sessions": 1,
            "touches": 1,
            "clients": 1,
            "assisted_conversions": 0,
            "first_touch_conversions": 0,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("20.00"),
            "conversion_rate": 1.0,
            "average_order_value": Decimal("20.00"),
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
        {
            "channel": "paid_search",
            "sessions": 1,
            "touches": 1,
            "clients": 1,
            "assisted_conversions": 1,
            "first_touch_conversions": 2,
            "first_touch_revenue": Decimal("30.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("10.00"),
            "conversion_rate": 1.0,
            "average_order_value": Decimal("10.00"),
            "unattributed_revenue": Decimal("0.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
        {
            "channel": "unattributed",
            "sessions": 0,
            "touches": 0,
            "clients": 0,
            "assisted_conversions": 0,
            "first_touch_conversions": 1,
            "first_touch_revenue": Decimal("0.00"),
            "last_touch_conversions": 1,
            "last_touch_revenue": Decimal("0.00"),
            "conversion_rate": None,
            "average_order_value": Decimal("40.00"),
            "unattributed_revenue": Decimal("40.00"),
            "cost": Decimal("0.00"),
            "cpa": Decimal("0.00"),
            "roas": None,
        },
    ]


def test_the_journey_goes_from_the_first_touch_to_the_last_purchase(rules: Rules) -> None:
    history = [
        view(NOON - timedelta(days=400), "1"),
        view(NOON - timedelta(days=2) + US, "2", **CPC),
        purchase(NOON - timedelta(days=1), "3", "1"),
        purchase(NOON, "4", "2", utm_campaign="x"),
        view(NOON + US, "5", **MAIL),
    ]

    assert only(tables(rules, history)["client_journeys"]) == {
        "client_id": "c",
        "first_touch_at": NOON - timedelta(days=400),
        "first_touch_channel": "direct",
        "first_purchase_at": NOON - timedelta(days=1),
        "last_purchase_at": NOON,
        "journey_length_days": 400,
        "days_to_first_purchase": 399,
        "session_count": 4,
        "touch_count": 4,
        "purchase_count": 2,
        "total_revenue": Decimal("3.00"),
        "channel_path": "direct > paid_search > direct > unassigned",
        "is_path_truncated": False,
    }


def test_every_touch_is_explained(rules: Rules) -> None:
    day = timedelta(days=1)
    history = [
        view(NOON - 60 * day, "older", **MAIL),
        view(NOON - 40 * day, "old", **MAIL),
        view(NOON - 35 * day, "old direct"),
        view(NOON - 20 * day, "first", **CPC),
        view(NOON - 10 * day, "direct"),
        view(NOON - 5 * day, "between", **MAIL),
        purchase(NOON, "last", "1", **CPC),
    ]

    rows = tables(rules, history)["attribution_explain"]

    explained = [(row["event_id"], row["decision"]) for row in rows]
    assert explained == [
        ("old", "outside_window"),
        ("first", "credited"),
        ("direct", "direct_excluded"),
        ("between", "between"),
        ("last", "credited"),
    ]
    assert [row["age_seconds"] for row in rows] == [86400 * n for n in (40, 20, 10, 5, 0)]
    assert [row["event_id"] for row in rows if row["is_first_touch"]] == ["first"]
    assert [row["event_id"] for row in rows if row["is_last_touch"]] == ["last"]


def test_direct_touches_are_explained_by_what_is_known_of_marketing(rules: Rules) -> None:
    alone = tables(rules, [view(NOON - US, "v"), purchase(NOON, "p", "1")])
    after_old = tables(rules, [view(NOON - 31 * WINDOW, "v", **CPC), purchase(NOON, "p", "1")])

    assert [row["decision"] for row in alone["attribution_explain"]] == ["direct_only"]
    decisions = [row["decision"] for row in after_old["attribution_explain"]]
    assert decisions == ["outside_window", "direct_excluded"]
    assert not any(row["is_first_touch"] for row in alone["attribution_explain"])


@pytest.mark.parametrize(
    ("path", "limit", "kept"),
    [
        ("dmmd", 4, "0123"),
        ("dmdmd", 3, "134"),
        ("dddmd", 3, "234"),
        ("ddmdd", 3, "234"),
        ("dmddd", 3, "134"),
        ("ddddd", 3, "234"),
        ("mmmmm", 1, "0"),
        ("ddddm", 1, "4"),
    ],
)
def test_a_long_list_keeps_its_first_marketing_touch_and_the_latest(
    path: str, limit: int, kept: str
) -> None:
    channels = {"d": Evidence("direct"), "m": Evidence("email")}
    touches = [Touch(NOON + n * US, str(n), channels[one]) for n, one in enumerate(path)]

    assert "".join(touch.event_id for touch in bounded(touches, limit)) == kept


def test_a_bounded_path_keeps_exact_counts(rules: Rules) -> None:
    history = [view(NOON + n * 2 * HALF_HOUR, f"{n}", **CPC) for n in range(5)]
    history.append(purchase(NOON + timedelta(days=10), "p", "1"))

    result = tables(rules, history, Config(max_path_touches=3))

    path = only(result["conversion_paths"])
    assert [touch["event_id"] for touch in path["touches"]] == ["0", "4", "p"]
    assert (path["touch_count"], path["marketing_touch_count"]) == (6, 5)
    assert path["is_path_truncated"] is True
    assert len(result["attribution_explain"]) == 3
    journey = only(result["client_journeys"])
    assert (journey["touch_count"], journey["channel_path"]) == (
        6,
        "paid_search > paid_search > direct",
    )
