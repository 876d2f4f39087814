"""What each sample file of data/forms holds, read by hand: no Spark and no mapping file."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from dagster_code.lib.settings import DATA_DIR

FORMS = DATA_DIR / "forms"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Event = dict[str, object]


def sample_files(form: str) -> list[Path]:
    return sorted((FORMS / form).iterdir())


def records(path: Path) -> list[dict]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def expected_events(form: str) -> list[Event]:
    """The events of a form's sample files: only fields that are there, revenue as a number."""
    readers = {
        "ga4": _ga4,
        "segment": _segment,
        "snowplow_table": _snowplow_table,
        "snowplow_tsv": _snowplow_tsv,
    }
    events = [event for path in sample_files(form) for event in readers[form](path)]
    return [{key: value for key, value in event.items() if value} for event in events]


def record_count(form: str) -> int:
    if form == "snowplow_tsv":
        return sum(len(_lines(path)) for path in sample_files(form))
    return sum(len(records(path)) for path in sample_files(form))


def comparable(event: Event) -> Event:
    """An event as landed or as expected: its time as an instant, its revenue as a number."""
    plain = {key: value for key, value in event.items() if value is not None}
    text = str(plain["event_time"]).replace(" ", "T").removesuffix("Z")
    plain["event_time"] = datetime.fromisoformat(text).replace(tzinfo=UTC)
    if "revenue" in plain:
        plain["revenue"] = Decimal(str(plain["revenue"])).quantize(Decimal("0.01"))
    return plain


def _ga4(path: Path) -> Iterator[Event]:
    for row in records(path):
        kept = {"page_view": "page_view", "screen_view": "page_view", "purchase": "purchase"}
        if row["event_name"] not in kept:
            continue
        params = {item["key"]: item["value"] for item in row["event_params"]}
        texts = {key: value.get("string_value") for key, value in params.items()}
        own = row.get("collected_traffic_source") or {}
        ecommerce = row.get("ecommerce") or {}
        parts = [
            row["user_pseudo_id"],
            row["event_timestamp"],
            row["event_name"],
            row["event_bundle_sequence_id"],
            row["batch_page_id"],
            row["batch_ordering_id"],
            row["batch_event_index"],
            ecommerce.get("transaction_id") or "",
        ]
        key = "|".join(map(str, parts)).encode()
        yield {
            "event_id": hashlib.sha256(key).hexdigest(),
            "client_id": row["user_pseudo_id"],
            "event_time": (EPOCH + timedelta(microseconds=int(row["event_timestamp"]))).strftime(
                "%Y-%m-%d %H:%M:%S.%f"
            ),
            "event_type": kept[row["event_name"]],
            "utm_source": own.get("manual_source") or texts.get("source"),
            "utm_medium": own.get("manual_medium") or texts.get("medium"),
            "utm_campaign": own.get("manual_campaign_name") or texts.get("campaign"),
            "gclid": own.get("gclid"),
            "referrer": texts.get("page_referrer"),
            "page_url": texts.get("page_location"),
            "platform": row["platform"].lower(),
            "user_id": row.get("user_id"),
            "order_id": ecommerce.get("transaction_id"),
            "revenue": ecommerce.get("purchase_revenue"),
        }


def _segment(path: Path) -> Iterator[Event]:
    for call in records(path):
        is_purchase = call.get("event") == "Order Completed"
        if not is_purchase and call["type"] not in ("page", "screen"):
            continue
        context, properties = call["context"], call["properties"]
        campaign, page = context.get("campaign", {}), context.get("page", {})
        yield {
            "event_id": call["messageId"],
            "client_id": call["anonymousId"],
            "event_time": call["timestamp"],
            "event_type": "purchase" if is_purchase else "page_view",
            "utm_source": campaign.get("source"),
            "utm_medium": campaign.get("medium"),
            "utm_campaign": campaign.get("name"),
            "referrer": page.get("referrer"),
            "page_url": page.get("url"),
            "platform": context.get("device", {}).get("type", "web"),
            "user_id": call["userId"],
            "order_id": properties.get("order_id"),
            "revenue": properties.get("revenue"),
        }


_ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce"
_ACTION = f"unstruct_event_{_ECOMMERCE}_snowplow_ecommerce_action_1"
_BOUGHT = f"contexts_{_ECOMMERCE}_transaction_1"
_SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1"


def _snowplow_table(path: Path) -> Iterator[Event]:
    for row in records(path):
        action = (row.get(_ACTION) or {}).get("type")
        bought = (row.get(_BOUGHT) or [{}])[0]
        installation = (row.get(_SESSION) or [{}])[0].get("userId")
        yield from _snowplow(row, action, bought, installation)


def _snowplow_tsv(path: Path) -> Iterator[Event]:
    # positions in the published order of the 131 columns, counted from 0
    places = {
        "platform": 1,
        "event": 5,
        "event_id": 6,
        "user_id": 12,
        "domain_userid": 15,
        "page_url": 29,
        "page_referrer": 31,
        "mkt_medium": 47,
        "mkt_source": 48,
        "mkt_campaign": 51,
        "contexts": 52,
        "unstruct_event": 58,
        "tr_orderid": 59,
        "tr_total": 61,
        "os_family": 98,
        "mkt_clickid": 116,
        "mkt_network": 117,
        "derived_tstamp": 124,
        "event_name": 126,
    }
    for line in _lines(path):
        values = line.split("\t")
        assert len(values) == 131
        row = {name: values[place] for name, place in places.items()}
        action, bought, installation = None, {}, None
        if row["unstruct_event"]:
            action = json.loads(row["unstruct_event"])["data"]["data"]["type"]
        for entity in json.loads(row["contexts"])["data"] if row["contexts"] else []:
            if "/transaction/" in entity["schema"]:
                bought = entity["data"]
            if "/client_session/" in entity["schema"]:
                installation = entity["data"]["userId"]
        yield from _snowplow(row, action, bought, installation)


def _snowplow(row: dict, action: str | None, bought: dict, installation: object) -> Iterator[Event]:
    is_purchase = row["event"] == "transaction" or action == "transaction"
    if not is_purchase and row["event_name"] not in ("page_view", "screen_view"):
        return
    network = row.get("mkt_network")
    yield {
        "event_id": row["event_id"],
        "client_id": row.get("domain_userid") or installation,
        "event_time": row["derived_tstamp"],
        "event_type": "purchase" if is_purchase else "page_view",
        "utm_source": row.get("mkt_source"),
        "utm_medium": row.get("mkt_medium"),
        "utm_campaign": row.get("mkt_campaign"),
        "gclid": row.get("mkt_clickid") if network == "Google" else None,
        "msclkid": row.get("mkt_clickid") if network == "Microsoft" else None,
        "referrer": row.get("page_referrer"),
        "page_url": row.get("page_url"),
        "platform": "ios" if row["platform"] == "mob" else row["platform"],
        "user_id": row.get("user_id"),
        "order_id": row.get("tr_orderid") or bought.get("transaction_id"),
        "revenue": row.get("tr_total") or bought.get("revenue"),
    }


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")
