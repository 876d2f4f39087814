"""Compose the sample files of data/forms by the published schemas: `python -m tests.forms.compose`.

One small shop is told in each form, each with clients of its own. The files are committed; the same
seed gives the same bytes again.
"""

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_code.lib.mapping.mapping import load_mapping
from dagster_code.lib.settings import DATA_DIR

START = datetime(2026, 5, 1, 6, tzinfo=UTC)
SHOP = "https://www.shop.example"
CLIENTS = 26


@dataclass(frozen=True)
class Origin:
    """Where a visit comes from.

    Attributes:
        source: campaign tags; ``None`` without.
        medium: likewise.
        campaign: likewise.
        click: name of a click id in the address of the page.
        referrer: the page before.
    """

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click: str | None = None
    referrer: str | None = None


ORIGINS = (
    Origin("google", "cpc", "brand_de", "gclid", "https://www.google.com/"),
    Origin("facebook", "paid_social", "spring prospecting", "fbclid", "https://m.facebook.com/"),
    Origin("newsletter", "email", "weekly-22"),
    Origin("partner-one", "affiliate", "cashback"),
    Origin(referrer="https://www.google.com/"),
    Origin(referrer="https://chatgpt.com/"),
    Origin(referrer="https://blog.reviews.example.org/best-of"),
    Origin("bing", "cpc", "generic", "msclkid", "https://www.bing.com/"),
    Origin(),
    Origin(),
)


@dataclass(frozen=True)
class Step:
    """One thing that a client did.

    Attributes:
        client: number of the client.
        at: when.
        what: ``page``, ``purchase``, or ``other``: something that is of no interest here.
        origin: of the visit, on its first page alone.
        path: of the page.
        order: number of the order, on a purchase.
        revenue: likewise.
        login: of the client, once known.
        is_app: whether it happened in an app.
    """

    client: int
    at: datetime
    what: str
    origin: Origin | None
    path: str
    order: str | None = None
    revenue: str | None = None
    login: str | None = None
    is_app: bool = False

    @property
    def url(self) -> str:
        """The address of the page, with the tags of its campaign."""
        origin = self.origin
        tags = []
        if origin and origin.source:
            named = (
                ("source", origin.source),
                ("medium", origin.medium or ""),
                ("campaign", origin.campaign or ""),
            )
            tags = [f"utm_{name}={value.replace(' ', '+')}" for name, value in named]
        if origin and origin.click:
            tags.append(f"{origin.click}=Cj0K{self.client:03d}")
        return f"{SHOP}{self.path}" + ("?" + "&".join(tags) if tags else "")

    @property
    def referrer(self) -> str | None:
        """The page before, where there was one."""
        if self.origin is None:
            return f"{SHOP}/"
        return self.origin.referrer


def story(rng: random.Random) -> list[Step]:
    """Tell what the shop's clients did, in the order of time."""
    steps: list[Step] = []
    for client in range(CLIENTS):
        at = START + timedelta(minutes=rng.randrange(60 * 24 * 12))
        is_app, visits = client % 6 == 5, rng.choice((1, 1, 2, 2, 3, 4))
        for visit in range(visits):
            steps += _visit(rng, client, at, is_app, is_last=visit == visits - 1)
            at += timedelta(minutes=rng.randrange(60 * 7, 60 * 24 * 9))
    return sorted(steps, key=lambda step: (step.at, step.client))


def _visit(
    rng: random.Random, client: int, at: datetime, is_app: bool, *, is_last: bool
) -> Iterator[Step]:
    origin = rng.choice(ORIGINS)
    login = f"user-{client}" if is_last and client % 3 == 0 else None
    for page in range(rng.choice((1, 2, 2, 3))):
        path = f"/p/{rng.randrange(40)}"
        first = origin if page == 0 else None
        yield Step(client, at, "page", first, path, login=login, is_app=is_app)
        at += timedelta(seconds=rng.randrange(5, 240), milliseconds=rng.randrange(1000))
        if rng.random() < 0.4:
            yield Step(client, at, "other", None, path, login=login, is_app=is_app)
            at += timedelta(seconds=rng.randrange(1, 20))
    if is_last and rng.random() < 0.7:
        order, revenue = f"R-{client:03d}-{rng.randrange(1000)}", f"{rng.randrange(900, 19000)}"
        revenue = f"{revenue[:-2]}.{revenue[-2:]}"
        path = "/thanks"
        yield Step(client, at, "purchase", None, path, order, revenue, login, is_app)


# --- GA4 ------------------------------------------------------------------------------------------


def ga4(steps: Sequence[Step], rng: random.Random) -> list[dict[str, Any]]:
    """Write steps as rows of GA4's export to BigQuery; whole numbers as numbers."""
    rows = []
    firsts: dict[int, Origin] = {}
    for number, step in enumerate(steps):
        if step.origin is not None:
            firsts.setdefault(step.client, step.origin)
            rows.append(_ga4_row("session_start", step, number, firsts[step.client]))
        name = {"purchase": "purchase", "page": "screen_view" if step.is_app else "page_view"}.get(
            step.what, rng.choice(("scroll", "user_engagement", "view_item", "click"))
        )
        rows.append(_ga4_row(name, step, number, firsts[step.client]))
    return rows


def _ga4_row(name: str, step: Step, number: int, first: Origin) -> dict[str, Any]:
    micros = round(step.at.timestamp() * 1_000_000)
    params = [_ga4_param("ga_session_id", int_value=micros // 1_000_000 - 3)]
    if step.is_app:
        params.append(_ga4_param("firebase_screen", string_value=step.path))
    else:
        params.append(_ga4_param("page_location", string_value=step.url))
    if step.referrer and not step.is_app:
        params.append(_ga4_param("page_referrer", string_value=step.referrer))
    origin = step.origin
    row: dict[str, Any] = {
        "event_date": f"{step.at:%Y%m%d}",
        "event_timestamp": micros,
        "event_name": name,
        "event_params": params,
        "event_value_in_usd": float(step.revenue) if step.revenue else None,
        "event_bundle_sequence_id": 1_000_000 + number,
        "user_id": step.login,
        "user_pseudo_id": _ga4_client(step.client),
        "device": {"category": "mobile" if step.is_app else "desktop", "language": "de-de"},
        "geo": {"continent": "Europe", "country": "Germany", "city": "Berlin"},
        # of the user's first visit, on every event: no evidence of this one
        "traffic_source": {
            "name": first.campaign or "(direct)",
            "medium": first.medium or "(none)",
            "source": first.source or "(direct)",
        },
        "stream_id": "2026050101",
        "platform": "ANDROID" if step.is_app else "WEB",
        "ecommerce": None,
        "collected_traffic_source": None,
        "batch_page_id": micros // 1000,
        "batch_ordering_id": 1,
        "batch_event_index": number % 7 + (name == "session_start"),
        "is_active_user": True,
    }
    if origin is not None and origin.source:
        if number % 2:
            row["collected_traffic_source"] = {
                "manual_campaign_name": origin.campaign,
                "manual_source": origin.source,
                "manual_medium": origin.medium,
                "gclid": f"Cj0K{step.client:03d}" if origin.click == "gclid" else None,
            }
        else:
            # as before 2023: parameters of the event
            named = (("source", origin.source), ("medium", origin.medium or ""))
            params += [_ga4_param(key, string_value=value) for key, value in named]
            params.append(_ga4_param("campaign", string_value=origin.campaign or ""))
    if name == "purchase":
        revenue = float(step.revenue or 0)
        params += [
            _ga4_param("currency", string_value="EUR"),
            _ga4_param("transaction_id", string_value=step.order or ""),
            _ga4_param("value", double_value=revenue),
        ]
        row["ecommerce"] = {
            "total_item_quantity": 1,
            "purchase_revenue_in_usd": revenue,
            "purchase_revenue": revenue,
            "transaction_id": step.order,
        }
    return row


def _ga4_client(client: int) -> str:
    return f"{1_700_000_000 + client * 7919}.{1_777_000_000 + client}"


def _ga4_param(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def bigquery_json(value: object) -> object:
    """Write as BigQuery's JSON export does: whole numbers as texts, nulls not at all."""
    if isinstance(value, dict):
        return {key: bigquery_json(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [bigquery_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


# --- Segment --------------------------------------------------------------------------------------


def segment(steps: Sequence[Step], rng: random.Random) -> list[dict[str, Any]]:
    """Write steps as calls of the Segment spec."""
    calls = []
    for step in steps:
        stamp = f"{step.at:%Y-%m-%dT%H:%M:%S}.{step.at.microsecond // 1000:03d}Z"
        page = {"path": step.path, "referrer": step.referrer or "", "url": step.url}
        context: dict[str, Any] = {
            "library": {"name": "analytics-ios" if step.is_app else "analytics.js"},
            "locale": "de-DE",
            "userAgent": "Mozilla/5.0",
        }
        if step.is_app:
            context["device"] = {"type": "ios", "manufacturer": "Apple"}
        else:
            context["page"] = page
        origin = step.origin
        if origin is not None and origin.source:
            context["campaign"] = {
                "name": origin.campaign,
                "source": origin.source,
                "medium": origin.medium,
            }
        call: dict[str, Any] = {
            "anonymousId": _uuid(step.client),
            "context": context,
            "integrations": {},
            "messageId": f"ajs-next-{rng.randrange(10**12):012d}",
            "originalTimestamp": stamp,
            "receivedAt": stamp,
            "sentAt": stamp,
            "timestamp": stamp,
            "userId": step.login,
        }
        if step.what == "purchase":
            call |= {"type": "track", "event": "Order Completed"}
            total = round(float(step.revenue or 0) + 4.95, 2)
            call["properties"] = {
                "order_id": step.order,
                "revenue": float(step.revenue or 0),
                "shipping": 4.95,
                "total": total,
                "currency": "EUR",
                "products": [{"product_id": "p1", "price": total, "quantity": 1}],
            }
        elif step.what == "other":
            call |= {"type": "track", "event": rng.choice(("Product Viewed", "Product Added"))}
            call["properties"] = {"product_id": step.path[3:]}
        else:
            call["type"] = "screen" if step.is_app else "page"
            call["name"] = "Product"
            call["properties"] = {} if step.is_app else page
        if step.login and step.what == "page" and step.origin is not None:
            calls.append({**call, "type": "identify", "messageId": call["messageId"] + "-id"})
        calls.append(call)
    return calls


def _uuid(client: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SHOP}/segment/{client}"))


# --- Snowplow -------------------------------------------------------------------------------------


def snowplow(steps: Sequence[Step], form: str) -> list[dict[str, Any]]:
    """Write steps as enriched events; ``contexts`` and ``unstruct_event`` as their data."""
    rows = []
    for number, step in enumerate(steps):
        space = f"{SHOP}/{form}"
        stamp = f"{step.at:%Y-%m-%d %H:%M:%S}.{step.at.microsecond // 1000:03d}"
        row: dict[str, Any] = {
            "app_id": "shop",
            "platform": "mob" if step.is_app else "web",
            "etl_tstamp": stamp,
            "collector_tstamp": stamp,
            "dvce_created_tstamp": stamp,
            "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{space}/event/{number}")),
            "v_tracker": "ios-6.0.1" if step.is_app else "js-3.24.0",
            "v_collector": "ssc-3.1.0-kinesis",
            "v_etl": "snowplow-enrich-kinesis-4.0.0",
            "user_id": step.login,
            "network_userid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{space}/net/{step.client}")),
            "geo_country": "DE",
            "useragent": "Mozilla/5.0",
            "derived_tstamp": stamp,
            "event_vendor": "com.snowplowanalytics.snowplow",
            "event_format": "jsonschema",
            "event_version": "1-0-0",
        }
        device = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{space}/client/{step.client}"))
        if step.is_app:
            row |= {"os_family": "iOS", "client_session": {"userId": device, "sessionIndex": 1}}
        else:
            row |= {
                "domain_userid": device,
                "domain_sessionidx": 1,
                "page_url": step.url,
                "page_referrer": step.referrer,
                "page_urlhost": "www.shop.example",
            }
        row |= _snowplow_event(step, number)
        origin = step.origin
        if origin is not None and origin.source and not step.is_app:
            row |= {
                "mkt_medium": origin.medium,
                "mkt_source": origin.source,
                "mkt_campaign": origin.campaign,
            }
            network = {"gclid": "Google", "msclkid": "Microsoft"}.get(origin.click or "")
            if network:
                row |= {"mkt_clickid": f"Cj0K{step.client:03d}", "mkt_network": network}
        rows.append(row)
        if step.what == "purchase" and row["event"] == "transaction":
            item = {key: row[key] for key in row if not key.startswith("tr_")}
            name = uuid.uuid5(uuid.NAMESPACE_URL, f"{space}/item/{number}")
            item |= {"event": "transaction_item", "event_name": "transaction_item"}
            item |= {"event_id": str(name), "ti_orderid": step.order, "ti_price": step.revenue}
            rows.append(item)
    return rows


def _snowplow_event(step: Step, number: int) -> dict[str, Any]:
    if step.what == "purchase" and number % 2:
        return {
            "event": "transaction",
            "event_name": "transaction",
            "tr_orderid": step.order,
            "tr_total": step.revenue,
            "tr_currency": "EUR",
        }
    if step.what == "purchase":
        return {
            "event": "unstruct",
            "event_vendor": "com.snowplowanalytics.snowplow.ecommerce",
            "event_name": "snowplow_ecommerce_action",
            "event_version": "1-0-2",
            "ecommerce_action": {"type": "transaction"},
            "ecommerce_transaction": {
                "transaction_id": step.order,
                "revenue": float(step.revenue or 0),
                "currency": "EUR",
            },
        }
    if step.what == "other" and number % 3 == 0:
        return {
            "event": "unstruct",
            "event_vendor": "com.snowplowanalytics.snowplow.ecommerce",
            "event_name": "snowplow_ecommerce_action",
            "event_version": "1-0-2",
            "ecommerce_action": {"type": "add_to_cart"},
        }
    if step.what == "other":
        return {"event": "page_ping", "event_name": "page_ping"}
    if step.is_app:
        return {
            "event": "unstruct",
            "event_vendor": "com.snowplowanalytics.mobile",
            "event_name": "screen_view",
        }
    return {"event": "page_view", "event_name": "page_view"}


_IGLU = "iglu:com.snowplowanalytics.snowplow"


def table_row(row: dict[str, Any]) -> dict[str, Any]:
    """Bring an enriched event into the columns of atomic.events."""
    names = {
        "ecommerce_action": "unstruct_event_com_snowplowanalytics_snowplow_ecommerce"
        "_snowplow_ecommerce_action_1",
        "ecommerce_transaction": "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1",
        "client_session": "contexts_com_snowplowanalytics_snowplow_client_session_1",
    }
    written = {names.get(key, key): value for key, value in row.items() if value is not None}
    for name in written:
        if name.startswith("contexts_"):
            written[name] = [written[name]]
    for money in ("tr_total", "ti_price"):
        if money in written:
            written[money] = float(written[money])
    return written


def tsv_line(row: dict[str, Any], columns: Sequence[str]) -> str:
    """Write an enriched event as values between tabs."""
    values = dict(row)
    entities = [
        (f"{_IGLU}.ecommerce/transaction/jsonschema/1-0-0", values.pop("ecommerce_transaction", 0)),
        (f"{_IGLU}/client_session/jsonschema/1-0-2", values.pop("client_session", 0)),
    ]
    data = [{"schema": schema, "data": entity} for schema, entity in entities if entity]
    if data:
        values["contexts"] = _self_describing(f"{_IGLU}/contexts/jsonschema/1-0-0", data)
    action = values.pop("ecommerce_action", None)
    if action:
        schema = f"{_IGLU}.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2"
        event = {"schema": schema, "data": action}
        values["unstruct_event"] = _self_describing(
            f"{_IGLU}/unstruct_event/jsonschema/1-0-0", event
        )
    return "\t".join(str(values.get(column) or "") for column in columns) + "\n"


def _self_describing(schema: str, data: object) -> str:
    return json.dumps({"schema": schema, "data": data}, separators=(",", ":"))


# --- Files ----------------------------------------------------------------------------------------


def write_all(folder: Path) -> None:
    """Write all sample files.

    Args:
        folder: below which the folders of the forms are.
    """
    rng = random.Random(20260627)
    rows = ga4(story(rng), rng)
    days, half = folder / "ga4", len(rows) // 2
    _write_json(days / "events.jsonl", [bigquery_json(row) for row in rows[:half]])
    _write_parquet(days / "events.parquet", rows[half:])
    _write_json(folder / "segment/events.jsonl", segment(story(rng), rng))
    rows = [table_row(row) for row in snowplow(story(rng), "table")]
    half = len(rows) // 2
    _write_json(folder / "snowplow_table/events.jsonl", rows[:half])
    _write_parquet(folder / "snowplow_table/events.parquet", rows[half:])
    columns = [column.name for column in load_mapping("snowplow_tsv").columns]
    lines = [tsv_line(row, columns) for row in snowplow(story(rng), "tsv")]
    path = folder / "snowplow_tsv/enriched.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


def _write_json(path: Path, records: Sequence[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")


def _write_parquet(path: Path, records: Sequence[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(_even(records)), path, compression="snappy")


def _even(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give all records all columns: pyarrow takes them from the first."""
    names = dict.fromkeys(name for record in records for name in record)
    return [{name: record.get(name) for name in names} for record in records]


if __name__ == "__main__":
    write_all(DATA_DIR / "forms")
