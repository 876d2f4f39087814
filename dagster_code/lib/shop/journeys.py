"""The generated shop as Spark SQL: every value is a function of a client's number and the seed.

Nothing event-sized passes through Python. Forty clients in a row have a fixed number of events
together, so that an event's number follows from its client's, and a shop has exactly as many
records as were asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from dagster_code.lib.shop.origins import BASE_CHANCE, DIRECT, ORIGINS, Origin

LAST_DAY = date(2026, 6, 30)
DAYS = 120
FIRST_DAY = LAST_DAY - timedelta(days=DAYS - 1)

# How many visits forty clients make: most few, some many.
_VISITS = (1,) * 12 + (2,) * 8 + (3,) * 6 + (4,) * 4 + (5,) * 3 + (6, 6, 7, 8, 9, 10, 12)
# Pages of one visit after the other, over and over.
_PAGES = (1, 2, 1, 3, 1, 1, 4, 2, 1, 2, 1, 5)
# Days between two visits.
_GAPS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 9, 12)
# Of clients in these places the last visit comes, direct, after more than the window's 30 days.
_LATE_PLACES = (12, 20, 26)
_HOURS = (1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 4, 4, 4, 5, 6, 7, 8, 8, 6, 4)
_WEEKDAYS = (108, 106, 104, 104, 98, 84, 96)
_GROWTH = 0.3
_PRICES = (9, 12, 15, 19, 19, 24, 29, 29, 35, 39, 45, 49, 59, 69, 79, 99, 129, 169, 249, 399)
_COUNTRIES = ("DE", "DE", "DE", "AT", "CH", "FR", "NL", "US", "GB", "PL")
# One record of 1,001 is delivered a second time.
_ONCE = 1000
_RECORDS_PER_TASK = 250_000


@dataclass(frozen=True)
class Shop:
    """Which shop.

    Attributes:
        records: how many event records, those delivered twice and the invalid ones included.
        seed: other seeds give other shops.
    """

    records: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"shop_{self.records}_seed_{self.seed}"

    @property
    def clients(self) -> int:
        """How many clients are counted out; a few of the last may have no event."""
        return -(-self.records // events_of_forty()) * len(_VISITS)


def events_of_forty() -> int:
    """Count the events of forty clients in a row."""
    return sum(sum(pages) for pages in _pages_of_places())


def events_sql(shop: Shop) -> str:
    """Write the statement that gives the shop's event records, all columns as text.

    Args:
        shop: which one.
    """
    seed = shop.seed
    return f"""
with {_clients_sql(shop)},
bought as (
    select
        *,
        {_buys_sql("0", "middle", seed)} as buys_midway,
        {_buys_sql("middle", "visits - middle", seed)} as buys_at_last
    from clients
),
visited as (
    select
        client, first_event, middle, visits, buys_midway, buys_at_last, platform, country,
        visit, visited.page_count, visited.first_page, visited.origin as origin_number,
        -- journeys that reach beyond the last day begin anew as another client on the first
        visited.day >= {DAYS} as is_wrapped,
        pmod(visited.day, {DAYS}) as day
    from bought
    lateral view posexplode(arrays_zip(page_count, first_page, origin, day)) as visit, visited
),
viewed as (
    select
        *,
        first_event + first_page + page as event,
        element_at({_array(_origin_structs())}, origin_number) as origin,
        unix_millis(timestamp '{FIRST_DAY} 00:00:00Z') + day * 86400000L
        + {_chosen(_spread(_HOURS), _drawn("hour", seed, sum(_HOURS)))} * 3600000L
        + {_drawn("minute", seed, 3_000_000)} + page * 90000L as at,
        page = page_count - 1
        and ((buys_midway and visit = middle - 1) or (buys_at_last and visit = visits - 1))
            as is_purchase
    from visited
    lateral view explode(sequence(0, page_count - 1)) as page
),
recorded as (
    select
        *,
        concat('c', client, if(is_wrapped, 'b', '')) as client_key,
        lower(hex(xxhash64(event, 'id', {seed}))) as key,
        pmod(xxhash64(event, 'fault', {seed}), 10000) as fault,
        pmod(xxhash64(event, 'path', {seed}), 300) as path,
        if(page = 0, concat(origin.campaign, {_drawn("campaign", seed, 3)} + 1), null) as campaign,
        if(page = 0 and origin.click_id is not null,
            concat('Cj0K', lower(hex(xxhash64(client, visit, 'click', {seed})))), null) as click,
        page = 0 and origin.is_in_url and platform = 'web' as is_in_url
    from viewed
    lateral view explode(
        -- the second delivery of one in {_ONCE:,}
        if(pmod(event, {_ONCE}) = {_ONCE // 2}, array(0, 1), array(0))) as delivery
    where (event div {_ONCE}) * {_ONCE + 1} + if(delivery = 1, {_ONCE}, pmod(event, {_ONCE}))
        < {shop.records}
)
select
    key as event_id,
    if(fault < 4, null, client_key) as client_id,
    if(fault between 4 and 6, 'yesterday',
        date_format(timestamp_millis(at), "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")) as event_time,
    case
        when fault between 7 and 9 then 'add_to_cart'
        when is_purchase then 'purchase'
        when platform = 'web' then 'page_view'
        else 'screen_view'
    end as event_type,
    if(page = 0 and not is_in_url, origin.source, null) as utm_source,
    if(page = 0 and not is_in_url, origin.medium, null) as utm_medium,
    if(is_in_url, null, campaign) as utm_campaign,
{_click_columns()},
    case
        when platform <> 'web' then null
        when page > 0 then concat('https://www.shop.example/p/', pmod(path * 7, 300))
        else origin.referrer
    end as referrer,
    if(platform = 'web', concat('https://www.shop.example/',
        if(is_purchase, 'thanks', concat('p/', path)),
        if(is_in_url, concat('?', concat_ws('&',
            concat('utm_source=', origin.source), concat('utm_medium=', origin.medium),
            concat('utm_campaign=', campaign), concat(origin.click_id, '=', click))), '')),
        null) as page_url,
    platform,
    if(pmod(client, 4) = 0 and is_purchase, concat('user-', client_key), null) as user_id,
    if(is_purchase, concat('R-', client, '-', visit), null) as order_id,
    case
        when not is_purchase then null
        when fault between 10 and 39 then 'free'
        else cast(cast({_chosen(_PRICES, _drawn("price", seed, len(_PRICES)))}
            + {_drawn("cents", seed, 1000)} / 100 as decimal(12, 2)) as string)
    end as revenue
from recorded
"""


def clients_sql(shop: Shop) -> str:
    """Write the statement that gives what is known of the clients: not of all of them.

    Args:
        shop: which one.
    """
    return f"""
with {_clients_sql(shop)}
select
    concat('c', client) as client_id,
    if(pmod(client, 4) = 0, concat('user-c', client), null) as user_id,
    cast(date_add(date '{FIRST_DAY}', cast(day[0] as int)) as string) as created_at,
    country,
    platform
from clients
where pmod(xxhash64(client, 'known', {shop.seed}), 100) < 60 and day[0] < {DAYS}
"""


def spend_sql(shop: Shop) -> str:
    """Write the statement that gives the ad spend: a record a day and campaign.

    Args:
        shop: which one.
    """
    visits = sum(_VISITS) * shop.clients / len(_VISITS)
    alone = _VISITS.count(1) / sum(_VISITS)
    rows = [
        f"('{origin.source or 'tiktok'}', '{origin.medium or 'paid_social'}',"
        f" '{origin.campaign or 'spark_ads_'}',"
        f" {round(visits * _visit_share(origin, alone) * origin.cents_per_visit)}L)"
        for origin in ORIGINS
        if origin.cents_per_visit
    ]
    jitter = f"(80 + pmod(xxhash64(source, campaign, number, day, {shop.seed}), 41)) / 100"
    weekday = f"{_chosen(_WEEKDAYS, f'pmod(day + {FIRST_DAY.weekday()}, 7)')} / 100"
    return f"""
select
    cast(date_add(date '{FIRST_DAY}', day) as string) as date,
    source,
    medium,
    concat(campaign, number) as campaign,
    cast(cast(cents * {jitter} * {weekday} / {DAYS * 3} / 100 as decimal(12, 2)) as string) as cost
from (values {", ".join(rows)}) as origins (source, medium, campaign, cents)
lateral view explode(sequence(0, {DAYS - 1})) as day
lateral view explode(sequence(1, 3)) as number
"""


def _visit_share(origin: Origin, alone: float) -> float:
    """About which part of all visits come from an origin."""
    several = (origin.opens + 2 * origin.assists + origin.closes) / 4
    return (alone * origin.alone + (1 - alone) * several) / 100


def _clients_sql(shop: Shop) -> str:
    """Common table expressions that end with ``clients``: a row each, with arrays by visit."""
    tasks = max(1, -(-shop.records // _RECORDS_PER_TASK))
    seed = shop.seed
    country = _chosen(
        [f"'{code}'" for code in _COUNTRIES],
        f"pmod(xxhash64(client, 'country', {seed}), {len(_COUNTRIES)})",
    )
    return f"""places as (
    select
        id as client,
        (id div {len(_VISITS)}) * {events_of_forty()} + place.offset as first_event,
        place.page_count, place.first_page, place.is_late,
        size(place.page_count) as visits,
        -- who comes often may buy midway, and again at the end
        if(size(place.page_count) >= 5, cast(size(place.page_count) div 2 as int), 0) as middle
    from (
        select
            id,
            {_chosen(_place_structs(), f"pmod(id, {len(_VISITS)})")} as place
        from range(0, {shop.clients}, 1, {tasks})
    )
),
clients as (
    select
        *,
        transform(sequence(0, visits - 1), visit -> {_origin_sql(seed)}) as origin,
        {_days_sql(seed)} as day,
        case
            when pmod(xxhash64(client, 'platform', {seed}), 100) < 72 then 'web'
            when pmod(xxhash64(client, 'platform', {seed}), 100) < 87 then 'ios'
            else 'android'
        end as platform,
        {country} as country
    from places
)"""


def _origin_sql(seed: int) -> str:
    """Choose a visit's origin by the place it has in the journey."""
    tables = {
        name: _chosen(_numbers_of(name), _drawn("origin", seed, 100))
        for name in ("alone", "opens", "assists", "closes")
    }
    return f"""case
            when is_late and visit = visits - 1 then {DIRECT}
            when visits = 1 then {tables["alone"]}
            -- the purchase in the middle ends a journey of its own
            when visit = 0 then {tables["opens"]}
            when visit = visits - 1 or visit = middle - 1 then {tables["closes"]}
            else {tables["assists"]}
        end"""


def _days_sql(seed: int) -> str:
    """Place the visits on days, one after the other; fewer at weekends, more from week to week."""
    days = _start_days()
    start = _chosen(days, f"pmod(xxhash64(client, 'start', {seed}), {len(days)})")
    gap = _chosen(_GAPS, _drawn("gap", seed, len(_GAPS)))
    late = f"if(is_late and visit = visits - 1, 34 + {_drawn('late', seed, 15)}, 0)"
    following = f"(element_at(days, -1) + {gap} + {late})"
    weekday = f"pmod({following} + {FIRST_DAY.weekday()}, 7)"
    shift = f"if({weekday} >= 5 and {_drawn('weekend', seed, 100)} < 18, 7 - {weekday}, 0)"
    return f"""if(visits = 1, array({start}), aggregate(sequence(1, visits - 1), array({start}),
            (days, visit) -> array_append(days, cast({following} + {shift} as int))))"""


def _buys_sql(first: str, count: str, seed: int) -> str:
    """Whether the visits of a part of the journey end with a purchase."""
    effects = _array([f"{origin.effect / 10_000}D" for origin in ORIGINS])
    remaining = (
        f"aggregate(slice(origin, {first} + 1, {count}), {1 - BASE_CHANCE / 10_000}D,"
        f" (chance, number) -> chance * (1 - element_at({effects}, number)))"
    )
    drawn = f"pmod(xxhash64(client, '{first}', 'buys', {seed}), 1000000) / 1000000D"
    return f"({count} > 0 and {drawn} < 1 - {remaining})"


def _chosen(items: Sequence[object], drawn: str) -> str:
    """An item by its number, counted from 0."""
    return f"element_at({_array(items)}, cast({drawn} + 1 as int))"


def _drawn(salt: str, seed: int, below: int) -> str:
    """A number that depends on client and visit."""
    return f"pmod(xxhash64(client, visit, '{salt}', {seed}), {below})"


def _pages_of_places() -> list[list[int]]:
    pages, taken = [], 0
    for visits in _VISITS:
        pages.append([_PAGES[(taken + visit) % len(_PAGES)] for visit in range(visits)])
        taken += visits
    return pages


def _place_structs() -> list[str]:
    structs, offset = [], 0
    for place, pages in enumerate(_pages_of_places()):
        firsts = [0, *accumulate(pages)][:-1]
        structs.append(
            f"named_struct('offset', {offset}, 'page_count', {_array(pages)},"
            f" 'first_page', {_array(firsts)}, 'is_late', {str(place in _LATE_PLACES).lower()})"
        )
        offset += sum(pages)
    return structs


def _start_days() -> list[int]:
    """Days, each as often as its weight."""
    return [
        day
        for day in range(DAYS)
        for _ in range(
            round(_WEEKDAYS[(day + FIRST_DAY.weekday()) % 7] / 10 * (1 + _GROWTH * day / DAYS))
        )
    ]


def _numbers_of(role: str) -> list[int]:
    """Numbers of the origins, counted from 1, each as often as it plays the role."""
    return [
        number
        for number, origin in enumerate(ORIGINS, start=1)
        for _ in range(getattr(origin, role))
    ]


def _spread(weights: Sequence[int]) -> list[int]:
    return [value for value, weight in enumerate(weights) for _ in range(weight)]


def _origin_structs() -> list[str]:
    names = ("source", "medium", "campaign", "click_id", "referrer", "is_in_url")
    return [
        "named_struct("
        + ", ".join(f"'{name}', {_literal(getattr(origin, name))}" for name in names)
        + ")"
        for origin in ORIGINS
    ]


def _click_columns() -> str:
    names = sorted({origin.click_id for origin in ORIGINS if origin.click_id})
    return ",\n".join(
        f"    if(not is_in_url and origin.click_id = '{name}', click, null) as {name}"
        for name in names
    )


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "cast(null as string)" if value is None else f"'{value}'"


def _array(items: Sequence[object]) -> str:
    return f"array({', '.join(map(str, items))})"
