"""What is staged and what is rejected, by hand from SPEC.md."""

from datetime import UTC, datetime
from decimal import Decimal

from tests.oracle import Rules, records_from, run
from tests.oracle.delivery import UNREADABLE, Delivered
from tests.oracle.records import is_placeholder
from tests.oracle.staging import rejection_reason
from tests.unit.oracle.cases import LANDED_AT, NOON, US, only, purchase, record, tables, view


def test_the_first_reason_in_order_is_given(rules: Rules) -> None:
    given = purchase(NOON, "e", "1")
    faults: list[tuple[str, Delivered]] = [
        ("invalid_revenue", {"revenue": "-1"}),
        ("unknown_event_type", {"event_type": "refund"}),
        ("invalid_event_time", {"event_time": "1999-12-31"}),
        ("missing_client_id", {"client_id": "  "}),
        ("unreadable_record", {UNREADABLE: "{"}),
    ]

    assert rejection_reason(record(**given), rules) is None
    for reason, fault in faults:
        given |= fault  # the faults before it in this list are still there
        assert rejection_reason(record(**given), rules) == reason


def test_a_page_view_ignores_its_revenue(rules: Rules) -> None:
    row = only(
        tables(rules, [view(NOON, "e", revenue="NaN", event_type=" PageView")])["stg_events"]
    )

    assert (row["event_type"], row["revenue"]) == ("page_view", None)


def test_the_earliest_valid_one_of_an_id_stays(rules: Rules) -> None:
    result = tables(
        rules,
        [
            view(NOON, "e", platform="late"),
            view(NOON - US, " e ", platform="early"),
            view(NOON - 2 * US, "e", event_type="click"),
            view(NOON - 3 * US, "e", client_id="C", platform="other client"),
        ],
    )

    assert [row["platform"] for row in result["stg_events"]] == ["other client", "early"]
    reasons = [(row["event_id"], row["reason"]) for row in result["rejected_events"]]
    assert sorted(reasons) == [("e", "duplicate_event_id"), ("e", "unknown_event_type")]


def test_the_same_record_without_id_is_one_event(rules: Rules) -> None:
    one = {"client_id": "c", "event_time": "2024-01-01", "event_type": "page_view"}
    again = {**one, "CLIENT_ID ": "c", "event_id": " ", "loyalty": ""}
    del again["client_id"]
    other = {**one, "loyalty": "gold"}

    result = tables(rules, [one, again, other])

    assert len(result["stg_events"]) == 2
    assert all(is_placeholder(row["event_id"]) for row in result["stg_events"])
    assert only(result["rejected_events"]) == {
        "client_id": "c",
        "event_id": None,
        "reason": "duplicate_event_id",
        "source_sha256": "generated",
        "source_position": 2,
    }


def test_a_client_is_told_from_its_events_and_its_record(rules: Rules) -> None:
    events = [
        view(NOON, "a", user_id="login-1"),
        purchase(NOON + US, "b", "1.005", platform="ios", user_id="login-2"),
        view(NOON + 2 * US, "c"),
    ]
    clients = [
        {"client_id": " c", "created_at": "2024-01-02", "country": "AT", "platform": "web"},
        {"client_id": "quiet", "user_id": "u", "created_at": "soon", "platform": "web"},
        {"country": "DE"},
    ]

    rows = run(records_from(events, LANDED_AT), records_from(clients, LANDED_AT), rules)

    assert rows["stg_clients"] == [
        {
            "client_id": "c",
            "first_seen_at": NOON,
            "last_seen_at": NOON + 2 * US,
            "first_platform": "ios",
            "event_count": 3,
            "page_view_count": 2,
            "purchase_count": 1,
            "total_revenue": Decimal("1.01"),
            "user_id": "login-2",
            "created_at": datetime(2024, 1, 2, tzinfo=UTC),
            "country": "AT",
        },
        {
            "client_id": "quiet",
            "first_seen_at": None,
            "last_seen_at": None,
            "first_platform": "web",
            "event_count": 0,
            "page_view_count": 0,
            "purchase_count": 0,
            "total_revenue": Decimal("0.00"),
            "user_id": "u",
            "created_at": None,
            "country": None,
        },
    ]


def test_of_equally_new_records_of_a_client_the_last_value_as_text_wins(rules: Rules) -> None:
    clients = [
        {"client_id": "c", "user_id": "login-8", "country": "AT", "created_at": "2024-01-02"},
        {"client_id": "c", "user_id": "login-7", "country": "DE", "created_at": "2024-01-02"},
        {"client_id": "c", "user_id": "login-9", "created_at": "2024-01-01"},
        {"client_id": "undated", "user_id": "b", "created_at": "soon"},
        {"client_id": "undated", "user_id": "a"},
    ]
    for order in (clients, clients[::-1]):
        rows = run(records_from([], LANDED_AT), records_from(order, LANDED_AT), rules)
        told = {row["client_id"]: (row["user_id"], row["country"]) for row in rows["stg_clients"]}
        assert told == {"c": ("login-8", "DE"), "undated": ("b", None)}
