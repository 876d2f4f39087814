"""Which exchanges of a plan count as those of events."""

from tests.plans import event_sized_exchanges, parse_plan

SCAN = "FileScan parquet spark_catalog.staging.base_events[client_id#1] Batched: true"


def plan(*lines):
    return "\n".join(["== Physical Plan ==", *lines])


def test_operators_are_below_what_reads_them():
    (top,) = parse_plan(plan("Union", ":- *(1) Project [a]", ":  +- Scan x", "+- Scan y"))
    assert [child.text for child in top.children] == ["Project [a]", "Scan y"]
    assert [child.text for child in top.children[0].children] == ["Scan x"]


def test_each_exchange_above_the_events_counts():
    once = plan("Window [x]", "+- Exchange hashpartitioning(client_id#1, 4)", f"   +- {SCAN}")
    twice = plan(
        "Exchange roundrobin", "+- Exchange hashpartitioning(client_id#1, 4)", f"   +- {SCAN}"
    )
    assert event_sized_exchanges(once) == 1
    assert event_sized_exchanges(twice) == 2


def test_an_exchange_of_groups_does_not_count():
    groups = plan(
        "HashAggregate(keys=[a])",
        "+- Exchange hashpartitioning(a#1, 4)",
        "   +- HashAggregate(keys=[a])",
        f"      +- {SCAN}",
    )
    assert event_sized_exchanges(groups) == 0


def test_other_tables_and_broadcasts_do_not_count():
    other = SCAN.replace("base_events", "base_clients")
    assert event_sized_exchanges(plan("Exchange single", f"+- {other}")) == 0
    assert event_sized_exchanges(plan("BroadcastExchange Hashed", f"+- {SCAN}")) == 0
