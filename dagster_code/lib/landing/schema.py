"""Columns of the raw tables: what the landing writes and dbt reads."""

from typing import Literal, get_args

from dagster_code.lib.errors import UserError

# What can be delivered: the name of its option of the command and of its landing folder.
Kind = Literal["events", "clients", "spend"]
KINDS: tuple[Kind, ...] = get_args(Kind)

EVENT_FIELDS: tuple[str, ...] = (
    "event_id",
    "client_id",
    "event_time",
    "event_type",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "fbclid",
    "ttclid",
    "channel",
    "referrer",
    "page_url",
    "platform",
    "user_id",
    "order_id",
    "revenue",
)
CLIENT_FIELDS: tuple[str, ...] = ("client_id", "user_id", "created_at", "country", "platform")
SPEND_FIELDS: tuple[str, ...] = ("date", "channel", "source", "medium", "campaign", "cost")

FIELDS: dict[Kind, tuple[str, ...]] = {
    "events": EVENT_FIELDS,
    "clients": CLIENT_FIELDS,
    "spend": SPEND_FIELDS,
}
_TABLES: dict[Kind, str] = {
    "events": "raw.events",
    "clients": "raw.clients",
    "spend": "raw.ad_spend",
}

REGISTER_TABLE = "raw.landed_files"

_FIELD_COMMENTS: dict[str, str] = {
    "event_id": "Identifies the event among its client's events.",
    "client_id": "The visitor: cookie, device or app installation.",
    "event_time": "When it happened, as the sender wrote it (ISO 8601 or epoch).",
    "event_type": "What happened, as the sender wrote it.",
    "channel": "Channel the sender has already decided.",
    "referrer": "URL of the page before this one.",
    "page_url": "URL of the page.",
    "platform": "web, ios, android, ...",
    "user_id": "Login of the visitor.",
    "order_id": "Number of the order.",
    "revenue": "Revenue, as the sender wrote it.",
    "created_at": "When the client was created, as the sender wrote it.",
    "country": "Country of the client, as the sender wrote it.",
    "date": "Day of the spend, as the sender wrote it.",
    "source": "Source the spend was for, as utm_source of the events.",
    "medium": "Medium the spend was for, as utm_medium of the events.",
    "campaign": "Campaign the spend was for, as utm_campaign of the events.",
    "cost": "What was spent, as the sender wrote it.",
}
_CAMPAIGN_COMMENT = "Campaign tag or click id, as the sender wrote it."

_ORIGIN_COLUMNS: tuple[tuple[str, str, str], ...] = (
    (
        "extra",
        "map<string,string>",
        "Fields this pipeline does not know; null when there are none.",
    ),
    ("unreadable", "string", "Text of a record that could not be read, else null."),
    ("problem", "string", "Why the record could not be read, else null."),
    ("source_file", "string", "File the record came from."),
    ("source_sha256", "string", "SHA-256 of the bytes of that file."),
    ("source_position", "bigint", "1-based line where the record starts; for Parquet the row."),
    ("landed_at", "timestamp", "When the landing began that brought the record, UTC."),
    ("batch", "bigint", "Number of that landing, counted per kind."),
)

_REGISTER_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("kind", "string", "events, clients or spend."),
    ("source_sha256", "string", "SHA-256 of the bytes of the file; the key together with kind."),
    ("source_file", "string", "Path of the file when it landed."),
    ("format", "string", "jsonl, csv or parquet, by content."),
    ("size_bytes", "bigint", "Size of the file; null if it was gone when its row was mended."),
    ("record_count", "bigint", "Records it brought, the unreadable ones included."),
    ("unreadable_count", "bigint", "Those of them that could not be read."),
    ("batch", "bigint", "Number of the landing, counted per kind."),
    ("landed_at", "timestamp", "When the landing began, UTC."),
)

REGISTER_SCHEMA = ", ".join(f"{name} {kind}" for name, kind, _ in _REGISTER_COLUMNS)


def checked_kind(kind: str) -> Kind:
    """Narrow a text to one of the kinds of raw data.

    Args:
        kind: one of ``KINDS``.

    Raises:
        UserError: it is none of them.
    """
    for known in KINDS:
        if kind == known:
            return known
    raise UserError(f"{kind!r} cannot be landed: choose one of {', '.join(KINDS)}")


def records_table(kind: Kind) -> str:
    """Name of the table that holds the records of a kind, like ``raw.events``."""
    return _TABLES[kind]


def record_columns(kind: Kind) -> tuple[str, ...]:
    """Names of the columns of that table, in order."""
    return (*FIELDS[kind], *(name for name, _, _ in _ORIGIN_COLUMNS))


def create_statements() -> dict[str, str]:
    """SQL statements that create the tables of the schema ``raw``, by table; harmless if there."""
    register = _create(REGISTER_TABLE, _REGISTER_COLUMNS, "One row per file ever landed.", ())
    records = {records_table(kind): _create_records(kind) for kind in KINDS}
    return {**records, REGISTER_TABLE: register}


def _create_records(kind: Kind) -> str:
    fields = tuple(
        (name, "string", _FIELD_COMMENTS.get(name, _CAMPAIGN_COMMENT)) for name in FIELDS[kind]
    )
    comment = f"Records of {kind} as delivered, uninterpreted: one row per record."
    # Statistics on thirty text columns would slow every landing and serve nobody: readers of
    # raw data select by batch.
    statistics = ("delta.dataSkippingStatsColumns", "batch,landed_at,source_position")
    return _create(records_table(kind), (*fields, *_ORIGIN_COLUMNS), comment, (statistics,))


def _create(
    table: str,
    columns: tuple[tuple[str, str, str], ...],
    comment: str,
    properties: tuple[tuple[str, str], ...],
) -> str:
    body = ", ".join(f"{name} {kind} comment {_quoted(text)}" for name, kind, text in columns)
    pairs = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in properties)
    suffix = f" tblproperties ({pairs})" if pairs else ""
    return (
        f"create table if not exists {table} ({body}) using delta "
        f"comment {_quoted(comment)}{suffix}"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
