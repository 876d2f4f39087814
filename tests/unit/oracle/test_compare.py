"""Tables are compared: what counts as a difference, and how it is told."""

import json
from collections.abc import Sequence
from datetime import datetime

import pytest

from tests.oracle import (
    Rules,
    compare,
    generate,
    generate_clients,
    records_from,
    run,
    smallest_client,
)
from tests.oracle.compare import KEYS
from tests.oracle.generate_spend import generate_spend
from tests.unit.oracle.cases import CPC, LANDED_AT, NOON, US, purchase, tables, view


def as_json(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """What `attribution query --format json` prints."""

    def plain(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.loads(json.dumps(rows, default=plain))


@pytest.fixture(scope="module")
def example(rules: Rules) -> dict[str, list[dict[str, object]]]:
    delivered = generate(7, 15)
    clients = records_from(generate_clients(7, delivered), LANDED_AT)
    spend = records_from(generate_spend(7, 20), LANDED_AT)
    return run(records_from(delivered, LANDED_AT), clients, rules, spend_records=spend)


@pytest.mark.parametrize("table", KEYS)
def test_a_table_equals_itself_also_as_text_and_in_another_order(
    example: dict[str, list[dict[str, object]]], table: str
) -> None:
    rows = example[table]
    with_more = [{**row, "one_more_column": 1} for row in rows]
    hashed = json.loads(json.dumps(as_json(with_more)).replace("\\u0000no-event-id:", "hash of "))

    assert rows
    assert compare(table, rows, hashed[::-1]) == []


@pytest.mark.parametrize("table", KEYS)
def test_a_changed_a_lost_and_a_doubled_row_are_reported(
    example: dict[str, list[dict[str, object]]], table: str
) -> None:
    rows = example[table]
    column = {"rejected_events": "reason"}.get(table, list(rows[0])[-1])
    changed = [{**rows[0], column: "changed"}, *rows[1:]]

    assert any("changed" in line for line in compare(table, rows, changed))
    assert compare(table, rows, rows[1:])
    assert compare(table, rows, [*rows, rows[0]])


def test_a_difference_names_client_key_column_and_both_values(rules: Rules) -> None:
    history = [view(NOON - US, "v", **CPC), purchase(NOON, "p", "10")]
    expected = tables(rules, history)
    wrong = [{**expected["last_touch_attribution"][0], "channel": "email"}]

    assert compare("last_touch_attribution", expected["last_touch_attribution"], wrong) == [
        "last_touch_attribution[client_id='c', event_time=2024-06-30T12:00:00Z].channel: "
        "expected 'paid_search', actual 'email'"
    ]


def test_a_missing_column_is_said_once(example: dict[str, list[dict[str, object]]]) -> None:
    rows = example["client_journeys"]
    without = [{k: v for k, v in row.items() if k != "touch_count"} for row in rows]

    assert compare("client_journeys", rows, without) == [
        "client_journeys[].touch_count: expected 'a column', actual '(no such column)'"
    ]


def test_an_unknown_id_must_still_be_there(rules: Rules) -> None:
    delivered = [{"client_id": "c", "event_time": "2024-01-01", "event_type": "page_view"}]
    expected = tables(rules, delivered)["stg_events"]

    assert compare("stg_events", expected, [{**expected[0], "event_id": "3f2a"}]) == []
    assert compare("stg_events", expected, [{**expected[0], "event_id": None}])


def test_the_smallest_client_that_differs_is_shown(rules: Rules) -> None:
    large = [view(NOON + n * US, f"{n}", "large") for n in range(5)]
    small = [{**view(NOON, "s1", "small"), "platform": "web"}]
    records = records_from([*large, *small], LANDED_AT)
    expected = run(records, [], rules)
    actual = {
        "stg_clients": [{**row, "event_count": 99} for row in expected["stg_clients"]],
        "stg_events": expected["stg_events"],
    }

    story = smallest_client(expected, actual, records)

    assert "2 clients differ; the smallest is 'small' (1 records)" in story
    assert '"platform": "web"' in story
    assert "event_count: expected 1, actual 99" in story
    assert smallest_client(expected, expected, records) == ""
