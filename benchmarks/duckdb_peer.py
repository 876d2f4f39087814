"""DuckDB on the same files, by the same rules, with the same seeds.

Runs by itself, ``python -m benchmarks.duckdb_peer EVENTS SEEDS DATABASE``, and prints JSON; it
needs nothing but DuckDB. What one would write for DuckDB, not a translation: touches are found
among the events with evidence only, credit by ASOF joins.

Simpler than ours where the generator cannot show a difference: times are ISO 8601 or epoch
milliseconds, all records have an event id and none an unknown field, records of one event never
claim the same instant with other contents, texts hold no other white space than blanks.
"""

import argparse
import csv
import json
import resource
import time
from pathlib import Path

import duckdb

from benchmarks.answers import EVERYTHING, as_answer

_FIELDS = (
    "event_id", "client_id", "event_time", "event_type", "utm_source", "utm_medium",
    "utm_campaign", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "fbclid", "ttclid",
    "channel", "referrer", "page_url", "platform", "user_id", "order_id", "revenue",
)  # fmt: skip
_TAGS = ("utm_source", "utm_medium", "utm_campaign")
_WINDOW_DAYS = 30
_SESSION_MINUTES = 30
_PATH_LIMIT = 500

_MACROS = r"""
create macro campaign_value(t) as
    case when lower(t) in ('null', 'undefined', 'nan', '(not set)') then null else t end;
create macro url_host(url) as nullif(regexp_replace(lower(coalesce(
    nullif(regexp_extract(url,
        '^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#]*@)?([^/?#:@ ]+)', 1), ''),
    regexp_extract(url, '^(?:[^/?# ]*@)?([^/?#:@ ]+[.][^/?#:@ ]+)(?:[:/?#]|$)', 1)
)), '^www[.]|[.]$', ''), '');
create macro url_parameter(query, name) as campaign_value(nullif(trim(url_decode(replace(
    regexp_extract(query, '(?:^|&)' || name || '=([^&]*)', 1, 'i'), '+', ' '))), ''));
create macro same_site(a, b) as
    coalesce(a = b or ends_with(a, '.' || b) or ends_with(b, '.' || a), false);
create macro whole_days(a, b) as (epoch_us(b) - epoch_us(a)) // 86400000000;
"""

_SEEDS = """
create table host_rules as
with categories as (select * from read_csv('{seeds}/source_categories.csv', all_varchar = true)),
suffixes as (select * from read_csv('{seeds}/country_suffixes.csv', all_varchar = true)),
expanded as (
    select source as host, category, 0 as is_expanded from categories
    where not ends_with(source, '.{{}}')
    union all
    select replace(source, '{{}}', suffix), category, 1 from categories cross join suffixes
    where ends_with(source, '.{{}}')
)
select host, arg_min(category, (is_expanded, category)) as category, false as is_internal
from expanded group by host
union all
select domain, null, true
from read_csv('{seeds}/own_domains.csv', all_varchar = true, header = true)
union all
select domain, null, true from read_csv('{seeds}/referral_exclusions.csv', all_varchar = true);
create table channel_rules as
select rank::int as rank, * exclude (rank)
from read_csv('{seeds}/channel_rules.csv', all_varchar = true, header = true, nullstr = '');
create table event_type_aliases as
select * from read_csv('{seeds}/event_type_aliases.csv', all_varchar = true);
"""

# Rules meet the distinct hosts: one row each, with the most particular rule.
_MATCHED_HOSTS = """
create table {table} as
with distinct_hosts as ({hosts}),
parents as (
    select host, array_to_string(labels[part:], '.') as parent, len(labels) - part as dots
    from (select host, string_split(host, '.') as labels from distinct_hosts),
        unnest(range(1, len(labels) + 1)) as parts(part)
    where part = 1 or len(labels) - part >= 1
)
select
    distinct_hosts.host,
    arg_max(category, dots) filter (where category is not null) as category,
    coalesce(bool_or(is_internal), false) as is_internal
from distinct_hosts
left join parents on distinct_hosts.host = parents.host
left join host_rules on parents.parent = host_rules.host
group by distinct_hosts.host
"""

_REFERRER_HOSTS = """
select distinct url_host(url) as host
from (
    select distinct referrer as url from read_parquet('{events}/*.parquet')
    union
    select distinct utm_source from read_parquet('{events}/*.parquet')
    union
    select distinct url_parameter(page_url, 'utm_source') from read_parquet('{events}/*.parquet')
    where page_url like '%utm_source=%'
)
where url_host(url) is not null
"""

_TYPED = """
create view typed as
with trimmed as (
    select {trimmed}, split_part(filename, '/', -1) as source_file, file_row_number as position
    from read_parquet('{events}/*.parquet', filename = true, file_row_number = true)
),
parsed as (
    select
        trimmed.* exclude (event_time, event_type, revenue),
        case
            when regexp_full_match(event_time, '[0-9]+') then make_timestamp(
                event_time::bigint * if(event_time::bigint < 100000000000, 1000000, 1000))
            else try_cast(event_time as timestamp)
        end as event_time,
        aliases.event_type,
        case when aliases.event_type = 'purchase' and try_cast(revenue as double) >= 0
            then try_cast(revenue as decimal(18, 2)) end as revenue
    from trimmed
    left join event_type_aliases as aliases on lower(trimmed.event_type) = aliases.alias
)
select
    *,
    case
        when client_id is null then 'missing_client_id'
        when event_time is null or event_time < timestamp '2000-01-01'
            or event_time > now()::timestamp + interval 24 hour then 'invalid_event_time'
        when event_type is null then 'unknown_event_type'
        when event_type = 'purchase' and revenue is null then 'invalid_revenue'
    end as reason
from parsed
"""

_BASE_EVENTS = """
create table base_events as
with queried as (
    select
        *,
        nullif(regexp_extract(page_url, '^[^?#]*[?]([^#]*)', 1), '') as query,
        url_host(page_url) as page_host,
        url_host(referrer) as referrer_host,
        replace(replace(lower(campaign_value(channel)), ' ', '_'), '-', '_') as given_channel
    from typed where reason is null
),
tagged as (
    select
        queried.*,
        {tags},
        {click} as click_rank
    from queried
),
found as (
    select
        tagged.*,
        coalesce(tag_source, clicks.source) as known_source,
        coalesce(tag_medium, clicks.medium) as known_medium,
        case when referrer_host is not null and not same_site(referrer_host, page_host)
            and not referrers.is_internal then coalesce(referrers.category, 'none')
        end as referrer_kind
    from tagged
    left join click_ids as clicks on tagged.click_rank = clicks.rank
    left join hosts as referrers on tagged.referrer_host = referrers.host
),
combined as (
    select
        found.*,
        coalesce(known_source, if(referrer_kind is not null, referrer_host, null)) as found_source,
        coalesce(known_medium, case
            when tag_campaign is not null or referrer_kind is null then null
            when referrer_kind = 'search' then 'organic'
            when referrer_kind = 'ai' then 'ai-assistant'
            when referrer_kind = 'email' then 'email'
            else 'referral' end) as found_medium,
        url_host(tag_source) as tag_source_host
    from found
),
judged as (
    select
        combined.*,
        case
            when given_channel in ('direct', '(direct)', 'none', '(none)') then false
            when given_channel is not null then true
            when coalesce(found_source, found_medium, tag_campaign) is null then false
            when lower(found_source) = '(direct)'
                and coalesce(lower(found_medium), '(none)') = '(none)' then false
            when tag_source is not null and coalesce(lower(found_medium), 'referral') = 'referral'
                and (same_site(tag_source_host, page_host) or coalesce(sources.is_internal, false))
                then false
            else true
        end as has_evidence
    from combined
    left join hosts as sources on combined.tag_source_host = sources.host
),
deduplicated as (
    select
        client_id, event_id, event_time, event_type, has_evidence,
        case when has_evidence then given_channel end as sender_channel,
        case when has_evidence then if(given_channel is null, found_source, tag_source) end
            as source,
        case when has_evidence then if(given_channel is null, found_medium, tag_medium) end
            as medium,
        case when has_evidence then tag_campaign end as campaign,
        referrer_host, page_url, platform, user_id, order_id, revenue, source_file, position,
        row_number() over (partition by client_id, event_id order by event_time) > 1
            as is_duplicate
    from judged
),
gaps as (
    select
        *,
        coalesce(event_time > lag(event_time) over in_order + interval {session} minute, true)
            as is_session_start
    from deduplicated
    window in_order as (partition by client_id, is_duplicate order by event_time, event_id)
)
select
    *,
    sum(is_session_start::int) over (
        partition by client_id, is_duplicate order by event_time, event_id
        rows between unbounded preceding and current row
    ) as session_number
from gaps
"""

_CHANNEL_LOOKUP = """
create table channel_lookup as
with evidence as (
    select distinct source, medium, campaign,
        regexp_replace(lower(source), '^www[.]', '') as host
    from base_events where has_evidence and not is_duplicate
)
select
    evidence.source, evidence.medium, evidence.campaign,
    coalesce(arg_min(rules.channel, rules.rank), 'unassigned') as channel
from evidence
left join source_hosts on evidence.host = source_hosts.host
left join channel_rules as rules on
    (source_pattern is null or regexp_matches(lower(evidence.source), source_pattern))
    and (source_category is null or source_hosts.category = source_category)
    and (medium_pattern is null or regexp_matches(lower(evidence.medium), medium_pattern))
    and (campaign_pattern is null or regexp_matches(lower(evidence.campaign), campaign_pattern))
group by evidence.source, evidence.medium, evidence.campaign
"""

_STG_EVENTS = """
create view staging.stg_events as
select
    base_events.* exclude (is_duplicate),
    base_events.event_time::date as event_date,
    coalesce(sender_channel, if(has_evidence, channel_lookup.channel, 'direct')) as channel
from base_events
left join channel_lookup on has_evidence
    and base_events.source is not distinct from channel_lookup.source
    and base_events.medium is not distinct from channel_lookup.medium
    and base_events.campaign is not distinct from channel_lookup.campaign
where not is_duplicate
"""

_TOUCHES = """
create table touches as
with evidence as (
    select
        client_id, event_time as touch_at, event_id, channel, source, medium, campaign,
        session_number,
        row(channel, source, medium, campaign) as shown,
        lag(row(channel, source, medium, campaign)) over in_session as shown_before,
        row_number() over in_session = 1 as is_session_evidence
    from staging.stg_events where has_evidence
    window in_session as (partition by client_id, session_number order by event_time, event_id)
)
select * exclude (shown, shown_before) from evidence
where is_session_evidence or shown is distinct from shown_before
union all
select client_id, event_time, event_id, channel, source, medium, campaign, session_number, false
from staging.stg_events where is_session_start and not has_evidence
"""

_CONVERSIONS = """
create table conversions as
select
    client_id, event_time, sum(revenue) as revenue, count(*) as purchase_count,
    max(session_number) as session_count,
    list(event_id order by event_id) as event_ids,
    list(order_id order by event_id) filter (where order_id is not null) as order_ids
from staging.stg_events where event_type = 'purchase'
group by client_id, event_time
"""

# One row an instant, so that ties are settled before the joins.
_CREDITED = """
create table credited as
with instants as (
    select
        touches.client_id, touch_at,
        arg_min(row(channel, source, medium, campaign, event_id), event_id) as first_touch,
        arg_max(row(channel, source, medium, campaign, event_id), event_id) as last_touch
    from touches
    where channel <> 'direct' and client_id in (select client_id from conversions)
    group by touches.client_id, touch_at
),
starts as (select *, event_time - interval {window} day as window_start from conversions),
lasts as (
    select starts.*, instants.touch_at as last_at, instants.last_touch
    from starts asof left join instants
        on starts.client_id = instants.client_id and starts.event_time >= instants.touch_at
)
select
    lasts.*,
    instants.touch_at as first_at, instants.first_touch,
    case when last_at >= window_start then 'marketing' when last_at is null then 'direct'
        else 'outside_window' end as attribution_status
from lasts asof left join instants
    on lasts.client_id = instants.client_id and lasts.window_start <= instants.touch_at
"""

_ATTRIBUTION = """
create table marts.{which}_touch_attribution as
select
    client_id, event_time,
    case attribution_status when 'marketing' then {which}_touch[1] when 'direct' then 'direct'
        else 'unattributed' end as channel,
    if(attribution_status = 'marketing', {which}_touch[2], null) as source,
    if(attribution_status = 'marketing', {which}_touch[3], null) as medium,
    if(attribution_status = 'marketing', {which}_touch[4], null) as campaign,
    if(attribution_status = 'marketing', {which}_at, null) as touch_at,
    revenue,
    if(attribution_status = 'outside_window', 0, revenue)::decimal(28, 2) as attributed_revenue,
    attribution_status
from credited
"""

_JOURNEYS = """
create table marts.client_journeys as
with clients as (
    select
        client_id, min(event_time) as first_purchase_at, max(event_time) as last_purchase_at,
        max(session_count) as session_count, sum(purchase_count) as purchase_count,
        sum(revenue) as total_revenue
    from conversions group by client_id
),
numbered as (
    select
        touches.client_id, channel, touch_at,
        row_number() over in_order as number,
        count(*) over (partition by touches.client_id) as total
    from touches inner join clients on touches.client_id = clients.client_id
        and touch_at <= last_purchase_at
    window in_order as (partition by touches.client_id order by touch_at, event_id)
),
paths as (
    select
        client_id, any_value(total) as touch_count, min(touch_at) as first_touch_at,
        arg_min(channel, number) as first_touch_channel,
        arg_min(channel, number) filter (where channel <> 'direct') as first_marketing,
        min(number) filter (where channel <> 'direct') as first_marketing_number,
        string_agg(channel, ' > ' order by number)
            filter (where number > total - {limit}) as latest,
        string_agg(channel, ' > ' order by number)
            filter (where number > total - {limit} + 1) as latest_but_one
    from numbered group by client_id
)
select
    client_id, first_touch_at, first_touch_channel, first_purchase_at, last_purchase_at,
    whole_days(first_touch_at, last_purchase_at) as journey_length_days,
    whole_days(first_touch_at, first_purchase_at) as days_to_first_purchase,
    session_count, touch_count, purchase_count, total_revenue,
    if(first_marketing_number <= touch_count - {limit},
        first_marketing || ' > ' || latest_but_one, latest) as channel_path
from clients inner join paths using (client_id)
"""

_CHANNEL_PERFORMANCE = """
create table marts.channel_performance as
with touch_totals as (
    select channel, count(*) as touches, count(distinct client_id) as clients,
        count_if(is_session_evidence) as evidence_sessions
    from touches group by channel
),
sessions as (
    select count_if(is_session_start) as sessions from base_events where not is_duplicate
),
direct as (
    select any_value(sessions.sessions) - (select sum(evidence_sessions) from touch_totals)
        as sessions from sessions
),
firsts as (
    select channel, count(*) as conversions, sum(attributed_revenue) as revenue
    from marts.first_touch_attribution group by channel
),
lasts as (
    select channel, count(*) as conversions, sum(attributed_revenue) as revenue,
        sum(revenue) as total, sum(revenue - attributed_revenue) as unattributed
    from marts.last_touch_attribution group by channel
),
marketing as (
    select distinct client_id, channel, touch_at from touches
    where channel <> 'direct' and client_id in (select client_id from conversions)
),
candidates as (
    select conversions.client_id, conversions.event_time, pairs.channel
    from marts.last_touch_attribution as conversions
    inner join (select distinct client_id, channel from marketing) as pairs
        on conversions.client_id = pairs.client_id and conversions.channel <> pairs.channel
    where attribution_status = 'marketing'
),
assists as (
    select candidates.channel, count(*) as conversions
    from candidates asof join marketing on candidates.client_id = marketing.client_id
        and candidates.channel = marketing.channel and candidates.event_time >= marketing.touch_at
    where marketing.touch_at >= candidates.event_time - interval {window} day
    group by candidates.channel
),
channels as (
    select channel from touch_totals union select channel from firsts
    union select channel from lasts
)
select
    channel,
    coalesce(if(channel = 'direct', (select sessions from direct), evidence_sessions), 0)
        as sessions,
    coalesce(touches, 0) as touches, coalesce(clients, 0) as clients,
    coalesce(firsts.conversions, 0) as first_touch_conversions,
    coalesce(firsts.revenue, 0) as first_touch_revenue,
    coalesce(lasts.conversions, 0) as last_touch_conversions,
    coalesce(lasts.revenue, 0) as last_touch_revenue,
    coalesce(assists.conversions, 0) as assisted_conversions,
    coalesce(unattributed, 0) as unattributed_revenue,
    lasts.total / lasts.conversions as average_order_value
from channels left join touch_totals using (channel) left join firsts using (channel)
left join lasts using (channel) left join assists using (channel)
"""

_CLIENTS = """
create table staging.stg_clients as
select
    client_id, min(event_time) as first_seen_at, max(event_time) as last_seen_at,
    arg_min(platform, (event_time, event_id)) as first_platform, count(*) as event_count,
    count_if(event_type = 'page_view') as page_view_count,
    count_if(event_type = 'purchase') as purchase_count, coalesce(sum(revenue), 0) as total_revenue
from base_events where not is_duplicate group by client_id
"""

_REJECTED = """
create table staging.rejected_events as
select * from typed where reason is not null
union all by name
select 'duplicate_event_id' as reason, typed.* exclude (reason) from typed
inner join (select source_file, position from base_events where is_duplicate) as duplicates
    using (source_file, position)
"""


def statements(events: Path, seeds: Path) -> list[tuple[str, str]]:
    """Give the build as named statements, in order.

    Args:
        events: a folder of Parquet files.
        seeds: the folder of the dbt project's seeds.
    """
    referrers = _REFERRER_HOSTS.format(events=events)
    sources = (
        "select distinct regexp_replace(lower(source), '^www[.]', '') as host"
        " from base_events where source is not null"
    )
    return [
        ("seeds", _MACROS + _SEEDS.format(seeds=seeds) + _click_id_table(seeds)),
        ("hosts", _MATCHED_HOSTS.format(table="hosts", hosts=referrers)),
        ("typed", _TYPED.format(events=events, trimmed=_trimmed_sql())),
        ("base_events", _base_events_sql(seeds)),
        ("source_hosts", _MATCHED_HOSTS.format(table="source_hosts", hosts=sources)),
        ("channel_lookup", _CHANNEL_LOOKUP),
        ("stg_events", _STG_EVENTS),
        ("touches", _TOUCHES),
        ("conversions", _CONVERSIONS),
        ("credited", _CREDITED.format(window=_WINDOW_DAYS)),
        ("first_touch_attribution", _ATTRIBUTION.format(which="first")),
        ("last_touch_attribution", _ATTRIBUTION.format(which="last")),
        ("client_journeys", _JOURNEYS.format(limit=_PATH_LIMIT)),
        ("channel_performance", _CHANNEL_PERFORMANCE.format(window=_WINDOW_DAYS)),
        ("stg_clients", _CLIENTS),
        ("rejected_events", _REJECTED),
    ]


def build(events: Path, seeds: Path, database: Path, threads: int) -> dict[str, object]:
    """Build all tables in a new database and answer the questions.

    Args:
        events: a folder of Parquet files.
        seeds: the folder of the dbt project's seeds.
        database: the file to write; a former one is replaced.
        threads: of DuckDB.

    Returns:
        Seconds in all and by statement, answers, bytes written, peak memory.
    """
    database.unlink(missing_ok=True)
    connection = duckdb.connect(str(database), config={"threads": threads})
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("create schema staging; create schema marts;")
    seconds = {}
    started = time.monotonic()
    for name, sql in statements(events, seeds):
        before = time.monotonic()
        connection.execute(sql)
        seconds[name] = time.monotonic() - before
    connection.execute("checkpoint")
    total = time.monotonic() - started
    answers = {
        name: as_answer(connection.execute(sql).fetchall()) for name, sql in EVERYTHING.items()
    }
    connection.close()
    return {
        "seconds": total,
        "by_statement": seconds,
        "answers": answers,
        "written_bytes": database.stat().st_size,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": threads,
        "version": duckdb.__version__,
    }


def _trimmed_sql() -> str:
    return ", ".join(f"nullif(trim({field}), '') as {field}" for field in _FIELDS)


def _click_rules(seeds: Path) -> list[dict[str, str]]:
    with (seeds / "click_ids.csv").open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["rank"]))


def _click_id_table(seeds: Path) -> str:
    return (
        "create table click_ids as select rank::int as rank, * exclude (rank) from"
        f" read_csv('{seeds}/click_ids.csv', all_varchar = true, nullstr = '');"
    )


def _base_events_sql(seeds: Path) -> str:
    tags = ",\n".join(
        f"coalesce(campaign_value({tag}), case when query like '%{tag}=%' then"
        f" url_parameter(query, '{tag}') end) as tag_{tag.removeprefix('utm_')}"
        for tag in _TAGS
    )
    cases = " ".join(
        f"when {_has_click(row['click_id'])} then {row['rank']}" for row in _click_rules(seeds)
    )
    return _BASE_EVENTS.format(tags=tags, click=f"case {cases} end", session=_SESSION_MINUTES)


def _has_click(name: str) -> str:
    parameter = f"(query like '%{name}=%' and url_parameter(query, '{name}') is not null)"
    column = f"campaign_value({name}) is not null or " if name in _FIELDS else ""
    return f"({column}{parameter})"


def main() -> None:
    """Read the arguments, build, print the outcome as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("seeds", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print(json.dumps(build(given.events, given.seeds, given.database, given.threads)))


if __name__ == "__main__":
    main()
