"""What the oracle's cases are made of: records, and the tables that they give."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.oracle import Config, RawRecord, Rules, records_from, run
from tests.oracle.attribution import Attribution, attribute, conversions_of
from tests.oracle.channels import NO_EVIDENCE, Evidence
from tests.oracle.delivery import Delivered
from tests.oracle.sessions import Touch
from tests.oracle.staging import Event

LANDED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)
US = timedelta(microseconds=1)
DAY = timedelta(days=1)
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


def touch(days_before: float, channel: str, event_id: str = "t") -> Touch:
    evidence = NO_EVIDENCE if channel == "direct" else Evidence(channel, channel[0], "m", "c")
    return Touch(NOON - days_before * DAY, event_id, evidence)


def conversion(
    touches: list[Touch], revenue: str = "100.00", config: Config | None = None
) -> Attribution:
    config = config or Config()
    bought = Event(
        "c", "p", NOON, "purchase", NO_EVIDENCE, None, None, None, None, None, Decimal(revenue)
    )
    (one,) = conversions_of("c", [bought])
    return attribute(one, touches, config.attribution_window, config.outside_window_channel)


# A week apart each, the last at the conversion; one channel is there twice.
FOUR = [touch(21, "email"), touch(14, "display"), touch(7, "email", "u"), touch(0, "paid_search")]
