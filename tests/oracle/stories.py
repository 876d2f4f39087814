"""What the tables tell of single clients, so that two clients can be held against each other."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tests.oracle.records import is_placeholder

Story = Mapping[str, Sequence[str]]

# Of a rejected record only this is about the record; the rest is where and when it landed.
REJECTED = ("event_id", "reason")

# The client's own name, and a date that does not shift as an instant does.
NOT_TOLD = frozenset({"client_id", "event_date"})

# Events that came without an id have one that follows from all of their content.
HASHED_ID = re.compile(r"[0-9a-f]{64}")


def stories(
    tables: Mapping[str, Iterable[Mapping[str, object]]],
    clients: Collection[str],
    later: timedelta = timedelta(0),
    without: Collection[str] = (),
) -> dict[str, Story]:
    """Client -> table -> its rows, sorted, without the client's name.

    Args:
        tables: Table name -> rows; tables that are not about clients are passed over.
        clients: Whose.
        later: Every instant is told so much earlier than it is.
        without: Tables to leave out.
    """
    wanted = frozenset(clients)
    found: dict[str, dict[str, list[str]]] = {one: defaultdict(list) for one in wanted}
    for table, rows in tables.items():
        if table in without:
            continue
        for row in rows:
            client_id = row.get("client_id")
            if isinstance(client_id, str) and client_id in wanted:
                found[client_id][table].append(_told(table, row, later))
    return {
        client_id: {table: sorted(lines) for table, lines in by_table.items()}
        for client_id, by_table in found.items()
    }


def _told(table: str, row: Mapping[str, object], later: timedelta) -> str:
    names = REJECTED if table == "rejected_events" else sorted(row.keys() - NOT_TOLD)
    return repr({name: _plain(row[name], later) for name in names})


def _plain(value: object, later: timedelta) -> object:
    match value:
        case datetime():
            return (value - later).isoformat()
        case Mapping():
            return {name: _plain(one, later) for name, one in value.items()}
        case list():
            return [_plain(one, later) for one in value]
        case str() if is_placeholder(value) or HASHED_ID.fullmatch(value):
            return "(no id)"
    return value
