"""What the oracle's cases are made of: records, and the tables that they give."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.oracle import (
    Config,
    RawRecord,
    Rules,
    records_from,
    run,
)
from tests.oracle.delivery import Delivered

LANDED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)
US = timedelta(microseconds=1)

HALF_HOUR = timedelta(minutes=30)
CPC = {"utm_source": "google", "utm_medium": "cpc"}
MAIL = {"utm_source": "news", "utm_medium": "email"}


def record(**fields: object) -> RawRecord:
    return records_from([fields], LANDED_AT)[0]


def view(at: datetime, event_id: str, client_id: str = "c", **fields: object) -> Delivered:
    return {
        "client_id": client_id,
        "event_id": event_id,
        "event_time": at.isoformat(),
        "event_type": "page_view",
        **fields,
    }


def purchase(at: datetime, event_id: str, revenue: str, **fields: object) -> Delivered:
    return view(at, event_id, **{"event_type": "purchase", "revenue": revenue, **fields})


def tables(
    rules: Rules, delivered: Sequence[Delivered], config: Config | None = None
) -> dict[str, list[dict[str, object]]]:
    return run(records_from(delivered, LANDED_AT), [], rules, config)


def only(rows: Sequence[dict[str, object]]) -> dict[str, object]:
    (row,) = rows
    return row
