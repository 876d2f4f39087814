"""Events to measure with: any number of them, the same for a seed whatever the partitioning.

Every column is a function of the record's number and the seed, computed by Spark itself; nothing
event-sized passes through Python. A session takes a fixed share of the numbers, so that an event
finds its session, and with it client, day and origin, without looking at another row.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HISTORY_DAYS = 90
THIRD_DAYS = 30
FIRST_DAY = "2025-01-01"
EVENTS_PER_CLIENT = 20
BOT_EVENTS_AT_TEN_MILLION = 1_000_000
# Lengths of ten sessions: 40 events, four a session on average.
_SESSION_LENGTHS = (4, 1, 12, 2, 1, 6, 3, 1, 8, 2)
# Of each hundred sessions, how many begin in which hour (UTC).
_SESSIONS_BY_HOUR = (2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 4, 4, 4, 5, 6, 7, 8, 7, 6, 4)
# Less than one half is flat: the busiest client of 500,000 has some 400 of 2.5 million sessions.
_ACTIVITY_EXPONENT = 1.5
_RECORDS_PER_FILE = 1_000_000


@dataclass(frozen=True)
class Origin:
    """Where a session comes from, as its first event shows it.

    Attributes:
        weight: how many of a thousand sessions.
        source: utm_source.
        medium: utm_medium.
        campaign: utm_campaign, to which a number from 0 to 19 is appended.
        click_id: name of a click id that comes along.
        referrer: the page before.
        channel: a channel that the sender decided.
        is_in_url: the tags and the click id stand in page_url, not in columns of their own.
    """

    weight: int
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    channel: str | None = None
    is_in_url: bool = False


# 450 of 1,000 show marketing evidence.
ORIGINS: tuple[Origin, ...] = (
    Origin(500),
    Origin(30, referrer="https://www.shop.example/account"),
    Origin(20, referrer="https://www.paypal.com/checkoutnow"),
    Origin(40, "google", "cpc", "brand_", "gclid", "https://www.google.com/"),
    Origin(35, "google", "cpc", "generic%20terms_", "gclid", is_in_url=True),
    Origin(25, click_id="gclid", referrer="https://www.google.de/"),
    Origin(12, click_id="msclkid", is_in_url=True),
    Origin(35, "facebook", "paid_social", "prospecting_", "fbclid", is_in_url=True),
    Origin(13, "Instagram", "cpc", "stories_"),
    Origin(12, click_id="ttclid"),
    Origin(15, click_id="fbclid", referrer="https://m.facebook.com/"),
    Origin(45, "newsletter", "email", "weekly_", is_in_url=True),
    Origin(15, "crm", "Email", "winback_"),
    Origin(10, "partner-one", "affiliate", "cashback_", is_in_url=True),
    Origin(13, "dv360", "display", "retarget_"),
    Origin(10, "google", "cpc", "shopping_feed_", "gclid"),
    Origin(5, "google", "cross", "cross-network_"),
    Origin(80, referrer="https://www.google.com/"),
    Origin(15, referrer="https://www.bing.com/search"),
    Origin(5, referrer="https://duckduckgo.com/"),
    Origin(12, referrer="https://l.instagram.com/"),
    Origin(8, referrer="https://t.co/Xa81"),
    Origin(6, referrer="https://www.youtube.com/watch"),
    Origin(5, referrer="https://chatgpt.com/"),
    Origin(4, referrer="android-app://com.google.android.gm/"),
    Origin(20, referrer="https://blog.reviews.example.org/best-of"),
    Origin(5, "flyer", "qr", "store_"),
    Origin(3, channel="Paid Search"),
    Origin(2, "loyalty", channel="mobile-push"),
)


@dataclass(frozen=True)
class Part:
    """A folder of events that are delivered together.

    Attributes:
        name: of the folder.
        first_number: of its first record; numbers of other parts lie elsewhere.
        records: how many, those delivered twice and the invalid ones included.
        first_day: 0 is the history's first.
        days: how many days they spread over.
        clients: how many there are to choose from.
        late_share: part of the events that are 1 to 30 days older than the part's days.
        is_bot: all of them are of one client.
    """

    name: str
    first_number: int
    records: int
    first_day: int
    days: int
    clients: int
    late_share: float = 0.0
    is_bot: bool = False


def history(events: int, name: str = "history") -> Part:
    """Describe a history of 90 days.

    Args:
        events: how many.
        name: of its folder.
    """
    return Part(name, 0, events, 0, HISTORY_DAYS, clients_for(events))


def third_history(events: int) -> Part:
    """Describe the last 30 days of a history a third as long, of as many clients.

    Args:
        events: of the whole history.
    """
    first_day = HISTORY_DAYS - THIRD_DAYS
    return Part("third", 0, events // 3, first_day, THIRD_DAYS, clients_for(events))


def day(events: int, number: int, is_late: bool) -> Part:
    """Describe one of the days after the history.

    Args:
        events: of the history.
        number: 0 is the first day after it.
        is_late: whether 1 % of the day's events are late.
    """
    records = max(40, events // HISTORY_DAYS)
    return Part(
        name=f"day_{number}_{'late' if is_late else 'on_time'}",
        first_number=events + number * records,
        records=records,
        first_day=HISTORY_DAYS + number,
        days=1,
        clients=clients_for(events),
        late_share=0.01 if is_late else 0.0,
    )


def bot(events: int) -> Part:
    """Describe one client who never rests: a million events beside ten million.

    Args:
        events: of the history.
    """
    records = BOT_EVENTS_AT_TEN_MILLION * events // 10_000_000
    return Part("bot", 10 * events, max(40, records), 0, HISTORY_DAYS, 1, is_bot=True)


def clients_for(events: int) -> int:
    """Say how many clients a history has to choose from.

    Args:
        events: of the history.
    """
    return max(1, events // EVENTS_PER_CLIENT)


def write_part(spark: "SparkSession", part: Part, folder: Path, seed: int) -> Path:
    """Write a part as Parquet files, unless it is there already.

    Args:
        spark: a session of the server that writes.
        part: what to write.
        folder: the folder of all parts.
        seed: other seeds give other events.

    Returns:
        The part's folder.
    """
    target = folder / part.name
    # Spark's mark of a complete write
    if not (target / "_SUCCESS").is_file():
        spark.sql(part_sql(part, seed)).write.mode("overwrite").parquet(str(target))
    return target


def part_sql(part: Part, seed: int) -> str:
    """Write the statement that gives a part's records, all columns as text.

    Args:
        part: what to generate.
        seed: other seeds give other events.
    """
    # 1 % are delivered twice; the second delivery comes last
    events = part.records - part.records // 100
    end = part.first_number + part.records
    tasks = max(2, -(-part.records // _RECORDS_PER_FILE))
    return f"""
with records as (
    select
        id as record_number,
        if(id < {part.first_number + events}, id,
            {part.first_number} + pmod({_hash("id", "again", seed)}, {events})) as n
    from range({part.first_number}, {end}, 1, {tasks})
),
placed as (
    select
        record_number, n,
        (n - {part.first_number}) div 40 as block,
        element_at({_array(_session_of_position())},
            cast(pmod(n - {part.first_number}, 40) + 1 as int)) as place
    from records
),
sessions as (
    select
        record_number, n, place.position as position, place.length as length,
        {part.first_number} + block * 10 + place.session as session
    from placed
),
chosen as (
    select
        *,
        {_client_sql(part, seed)} as client,
        {_start_sql(part, events, seed)} as started_at,
        {_hash("session", "purchase", seed, 1000)} < {4 if part.is_bot else 25}
            and position = length - 1 as is_purchase,
        -- a mail opened in between: some sessions meet a second campaign
        position = 0 or {_hash("n", "again campaign", seed, 1000)} < 15 as may_show_origin,
        {_hash("n", "origin", seed, 1000)} as origin_slot,
        {_hash("n", "invalid", seed, 10000)} as invalid_slot,
        {_hash("n", "path", seed, 400)} as path,
        {_hash("n", "campaign", seed, 20)} as campaign_number
    from sessions
),
originated as (
    select
        *,
        if(may_show_origin, element_at({_array(_origin_structs())},
            element_at({_array(_origin_slots())}, cast(origin_slot + 1 as int))), null) as origin,
        case
            when pmod(xxhash64(client, 'platform'), 10) < 7 then 'web'
            when pmod(xxhash64(client, 'platform'), 10) < 8 then 'ios'
            else 'android'
        end as platform,
        lower(hex({_hash("n", "id", seed)})) as key,
        timestamp_millis(
            started_at + position * 60000 + {_hash("n", "jitter", seed, 50000)}
            {_late_sql(part, seed)}
            -- some senders stamp a retry anew
            + if(n <> record_number and pmod(n, 10) = 0, 1500, 0)
        ) as happened_at
    from chosen
),
tagged as (
    select
        *,
        concat(origin.campaign, campaign_number) as campaign,
        if(origin.click_id is null, null, concat('Cj0K', key)) as click_value,
        coalesce(origin.is_in_url, false) as is_in_url
    from originated
)
select
    key as event_id,
    if(invalid_slot = 0, null, concat('{"bot" if part.is_bot else "c"}', client)) as client_id,
    case
        when invalid_slot = 1 then 'yesterday'
        -- apps send milliseconds since 1970
        when platform = 'ios' then cast(unix_millis(happened_at) as string)
        else date_format(happened_at, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")
    end as event_time,
    case
        when invalid_slot = 2 then 'add_to_cart'
        when is_purchase then if(platform = 'web', 'purchase', 'order_completed')
        when platform = 'web' then if(path = 0, 'PageView', 'page_view')
        else 'screen_view'
    end as event_type,
    if(is_in_url, null, origin.source) as utm_source,
    if(is_in_url, null, origin.medium) as utm_medium,
    if(is_in_url, null, campaign) as utm_campaign,
    cast(null as string) as utm_term,
    if(origin.source is not null and path < 20, concat('ad_', path), null) as utm_content,
    {_click_columns_sql()},
    origin.channel as channel,
    case
        when origin is not null then origin.referrer
        when platform = 'web' and position > 0
            then concat('https://www.shop.example/p/', (path * 7) % 400)
    end as referrer,
    if(platform <> 'web' and not is_in_url, null, concat(
        'https://www.shop.example/p/', path,
        case
            when is_in_url then concat('?', concat_ws('&',
                concat('utm_source=', origin.source), concat('utm_medium=', origin.medium),
                concat('utm_campaign=', campaign), concat(origin.click_id, '=', click_value)))
            when path % 5 = 0 then concat('?q=red+shoes&page=', path % 7)
            else ''
        end)) as page_url,
    platform,
    if(pmod(client, 10) = 0, concat('u', client), null) as user_id,
    if(is_purchase, concat('o', key), null) as order_id,
    case
        when not is_purchase then null
        when pmod(invalid_slot, 500) = 3 then 'free'
        else cast(cast({_hash("n", "revenue", seed, 30000)} / 100 + 5 as decimal(12, 2)) as string)
    end as revenue
from tagged
"""


def part_json(part: Part, seed: int) -> str:
    """Describe a part for the results.

    Args:
        part: what was generated.
        seed: with which seed.
    """
    return json.dumps({**part.__dict__, "seed": seed})


def _client_sql(part: Part, seed: int) -> str:
    if part.is_bot:
        return "0L"
    drawn = f"{_hash('session', 'client', seed, 1_000_000_007)} / 1000000007D"
    return f"cast({part.clients} * pow({drawn}, {_ACTIVITY_EXPONENT}D) as bigint)"


def _start_sql(part: Part, events: int, seed: int) -> str:
    """Write when a session begins, in milliseconds: numbers rise with days, as deliveries do."""
    first = f"unix_millis(timestamp '{FIRST_DAY} 00:00:00Z') + {part.first_day} * 86400000L"
    if part.is_bot:
        spacing = part.days * 86_400_000 // events
        # evenly spread; a minute less for each event that the session already had
        return f"{first} + (n - {part.first_number}) * {spacing}L - position * 60000"
    hours = [hour for hour, sessions in enumerate(_SESSIONS_BY_HOUR) for _ in range(sessions)]
    day_number = f"((n - {part.first_number} - position) * {part.days}) div {events}"
    hour = (
        f"element_at({_array([str(hour) for hour in hours])},"
        f" cast({_hash('session', 'hour', seed, 100)} + 1 as int))"
    )
    return (
        f"{first} + {day_number} * 86400000L + {hour} * 3600000L"
        f" + {_hash('session', 'second', seed, 3_600_000)}"
    )


def _late_sql(part: Part, seed: int) -> str:
    if not part.late_share:
        return ""
    is_late = f"{_hash('n', 'is late', seed, 10_000)} < {round(part.late_share * 10_000)}"
    return f"- if({is_late}, (1 + {_hash('n', 'late by', seed, 30)}) * 86400000L, 0)"


def _click_columns_sql() -> str:
    names = ("gclid", "gbraid", "wbraid", "dclid", "msclkid", "fbclid", "ttclid")
    used = {origin.click_id for origin in ORIGINS}
    return ",\n    ".join(
        f"if(not is_in_url and origin.click_id = '{name}', click_value, null) as {name}"
        if name in used
        else f"cast(null as string) as {name}"
        for name in names
    )


def _session_of_position() -> list[str]:
    return [
        f"named_struct('session', {session}, 'position', {position}, 'length', {length})"
        for session, length in enumerate(_SESSION_LENGTHS)
        for position in range(length)
    ]


def _origin_slots() -> list[str]:
    return [
        str(number) for number, origin in enumerate(ORIGINS, start=1) for _ in range(origin.weight)
    ]


def _origin_structs() -> list[str]:
    return [
        "named_struct("
        + ", ".join(
            f"'{name}', {_literal(value)}"
            for name, value in origin.__dict__.items()
            if name != "weight"
        )
        + ")"
        for origin in ORIGINS
    ]


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "cast(null as string)" if value is None else f"'{value}'"


def _array(items: Sequence[str]) -> str:
    return f"array({', '.join(items)})"


def _hash(column: str, salt: str, seed: int, below: int | None = None) -> str:
    value = f"xxhash64({column}, '{salt}', {seed})"
    return value if below is None else f"pmod({value}, {below})"
