"""What SPEC.md, in plain Python, says of a home's tables."""

import dataclasses
from collections.abc import Mapping, Sequence

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.increments.differences import Tables
from tests.increments.plots import is_undecided
from tests.integration.conftest import Raw
from tests.oracle import Config, RawRecord, Rules, compare, run
from tests.oracle.staging import rejected_row

Rows = list[dict[str, object]]


def oracle_differences(raw: Raw, actual: Tables, variables: Mapping[str, object]) -> list[str]:
    """Hold the tables against the oracle.

    Args:
        raw: all that has landed.
        actual: the tables by their full name; those that the oracle does not know are left out.
        variables: dbt variables of the last run.

    Returns:
        A line for each difference.
    """
    tables = {name.partition(".")[2]: table for name, table in actual.items()}
    kept, losers = settled(raw.events, tables["stg_events"].to_pylist())
    names = {one.name for one in dataclasses.fields(Config)}
    config = Config(**{name: value for name, value in variables.items() if name in names})
    expected = run(kept, raw.clients, Rules.load(DBT_PROJECT_DIR / "seeds"), config, raw.spend)
    expected["rejected_events"] += [rejected_row(one, "duplicate_event_id") for one in losers]
    return [
        f"{table}: {line}"
        for table in sorted(expected.keys() & tables.keys())
        for line in compare(table, expected[table], tables[table].to_pylist())
    ]


def settled(
    records: Sequence[RawRecord], stg_events: Rows
) -> tuple[list[RawRecord], list[RawRecord]]:
    """Take out the records that only a hash, which the oracle does not know, makes duplicates.

    Args:
        records: all that landed.
        stg_events: the pipeline's rows, which tell the winner by its page's address.

    Returns:
        The records for the oracle, and those that lost.
    """
    winners = {(row["client_id"], row["event_id"]): row["page_url"] for row in stg_events}
    kept: list[RawRecord] = []
    losers: list[RawRecord] = []
    for record in records:
        client_id, event_id = record.text("client_id"), record.text("event_id")
        winner = winners.get((client_id, event_id))
        page = record.text("page_url")
        is_loser = (
            client_id is not None
            and is_undecided(client_id, event_id)
            and winner not in (None, page)
        )
        (losers if is_loser else kept).append(record)
    return kept, losers
