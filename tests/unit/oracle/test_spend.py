"""The oracle of ad spend, by cases worked by hand and by what must not matter."""

import random
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.oracle import Rules, compare, records_from, run
from tests.oracle.generate_spend import generate_spend
from tests.oracle.spend import parse_day, staged_spend

LANDED_AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
CPC = {"source": "google", "medium": "cpc"}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules.load(DBT_PROJECT_DIR / "seeds")


def spent(**fields: object) -> dict[str, object]:
    return {"date": "2024-06-01", "cost": "10", **fields}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-06-01", date(2024, 6, 1)),
        ("20240601", date(2024, 6, 1)),
        ("2024-06-01T00:30:00+02:00", date(2024, 5, 31)),
        ("1717200000", date(2024, 6, 1)),
        ("20240631", None),
        ("2024-06", None),
        (None, None),
    ],
)
def test_a_day_is_iso_or_the_utc_day_of_an_instant(text: str | None, day: date | None) -> None:
    assert parse_day(text) == day


@pytest.mark.parametrize(
    ("fields", "channel"),
    [
        ({"channel": "Paid-Social", **CPC}, "paid_social"),
        ({"channel": "null", **CPC}, "paid_search"),
        ({"channel": "(none)", **CPC}, "direct"),
        ({"source": "facebook", "medium": "paid_social"}, "paid_social"),
        ({"medium": "leaflet"}, "unassigned"),
        ({"source": "(not set)"}, "unassigned"),
        ({}, "unassigned"),
    ],
)
def test_spend_has_the_channel_given_or_that_of_its_tags(
    rules: Rules, fields: dict[str, object], channel: str
) -> None:
    staged, _ = staged_spend(records_from([spent(**fields)], LANDED_AT), rules)

    assert [row["channel"] for row in staged] == [channel]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"date": None, "cost": "-1"}, "invalid_date"),
        ({"date": "2025-01-02"}, None),
        ({"date": "2025-01-03"}, "invalid_date"),
        ({"date": "1999-12-31"}, "invalid_date"),
        ({"cost": "-0.001"}, "invalid_cost"),
        ({"cost": None}, "invalid_cost"),
    ],
)
def test_the_first_reason_that_applies_is_told(
    rules: Rules, fields: dict[str, object], reason: str | None
) -> None:
    _, rejected = staged_spend(records_from([spent(**fields)], LANDED_AT), rules)

    assert [row["reason"] for row in rejected] == ([reason] if reason else [])


def test_costs_meet_the_conversions_of_their_channel_and_hide_nothing(rules: Rules) -> None:
    history = [
        {"client_id": "c", "event_id": "v", "event_type": "page_view", "event_time": "2024-06-01"}
        | {"utm_source": "google", "utm_medium": "cpc"},
        *(
            {"client_id": "c", "event_id": f"p{n}", "event_type": "purchase", "revenue": "12.5"}
            | {"event_time": f"2024-06-0{n}"}
            for n in (2, 3, 4)
        ),
    ]
    spend = [
        spent(**CPC),
        spent(**CPC, ad_group="shoes"),
        spent(**CPC),
        spent(channel="podcast", cost="7"),
        spent(cost="0.01"),
    ]

    result = run(
        records_from(history, LANDED_AT),
        [],
        rules,
        spend_records=records_from(spend, LANDED_AT),
    )

    columns = ("cost", "cpa", "roas", "touches", "last_touch_revenue")
    assert {
        row["channel"]: tuple(row[name] for name in columns)
        for row in result["channel_performance"]
        if row["channel"] != "direct"
    } == {
        "paid_search": (Decimal("20.00"), Decimal("6.67"), 1.875, 1, Decimal("37.50")),
        "podcast": (Decimal("7.00"), None, 0.0, 0, Decimal("0.00")),
        "unassigned": (Decimal("0.01"), None, 0.0, 0, Decimal("0.00")),
    }
    assert [row["reason"] for row in result["rejected_ad_spend"]] == ["duplicate_record"]


def test_order_and_repeated_delivery_change_no_cost(rules: Rules) -> None:
    records = records_from(generate_spend(3, 60), LANDED_AT)
    shuffled = random.Random(3).sample(records, len(records))

    once, rejected_once = staged_spend(records, rules)
    twice, rejected_twice = staged_spend([*shuffled, *records], rules)

    assert compare("stg_ad_spend", once, twice) == []
    assert len(once) + len(rejected_once) == len(records)
    assert len(twice) + len(rejected_twice) == 2 * len(records)


def test_what_is_generated_reaches_every_corner(rules: Rules) -> None:
    staged, rejected = staged_spend(records_from(generate_spend(1, 200), LANDED_AT), rules)

    assert set(Counter(row["reason"] for row in rejected)) == {
        "unreadable_record",
        "invalid_date",
        "invalid_cost",
        "duplicate_record",
    }
    channels = {row["channel"] for row in staged}
    assert {"unassigned", "direct", "sky_writing", "paid_search", "leaflets"} <= channels
    keys = Counter((row["spend_date"], row["channel"], row["source"]) for row in staged)
    assert max(keys.values()) > 1
