"""The four questions of the brief and the statements that answer them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question and its answer's SQL.

    Attributes:
        name: short name, for tests and file names.
        title: the question as people ask it.
        sql: one statement; the dbt project's schemas are written out.
    """

    name: str
    title: str
    sql: str


QUESTIONS = (
    Question(
        "first_touch_by_channel",
        "Which channels bring customers in? First-touch revenue and clients by channel",
        """\
select
    channel,
    sum(attributed_revenue) as revenue,
    count(distinct client_id) as clients
from marts.first_touch_attribution
group by channel
order by revenue desc, channel""",
    ),
    Question(
        "journey_length",
        "How long are customer journeys? Clients and their revenue by length in days",
        """\
select
    journey_length_days,
    count(*) as client_count,
    avg(total_revenue) as avg_revenue
from marts.client_journeys
group by 1
order by 1""",
    ),
    Question(
        "events_by_channel",
        "What came in? Events by type and channel",
        """\
select
    event_type,
    channel,
    count(*) as event_count
from staging.stg_events
group by event_type, channel
order by event_type, event_count desc, channel""",
    ),
    Question(
        "first_against_last_touch",
        "Who opens, who closes? First touch against last touch",
        """\
select
    f.channel as first_channel,
    l.channel as last_channel,
    count(*) as conversions,
    sum(f.revenue) as revenue
from marts.first_touch_attribution as f
inner join marts.last_touch_attribution as l using (client_id, event_time)
group by f.channel, l.channel
order by revenue desc, first_channel, last_channel""",
    ),
)

MODELS_SIDE_BY_SIDE = Question(
    "models_side_by_side",
    "What does each model say? Revenue by channel under every model, side by side",
    """\
select
    channel,
    sum(credited) filter (where model = 'first_touch') as first_touch,
    sum(credited) filter (where model = 'last_touch') as last_touch,
    sum(credited) filter (where model = 'linear') as linear,
    sum(credited) filter (where model = 'position_based') as position_based,
    sum(credited) filter (where model = 'time_decay') as time_decay,
    sum(credited) filter (where model = 'markov') as markov,
    sum(credited) filter (where model = 'shapley') as shapley,
    max(cost) as cost
from (
    select *, revenue + unattributed_revenue as credited
    from marts.model_comparison
)
group by channel
order by markov desc, channel""",
)

REJECTED_BY_REASON = """\
select
    raw_table,
    reason,
    count(*) as record_count
from (
    select 'raw.events' as raw_table, reason from staging.rejected_events
    union all
    select 'raw.clients' as raw_table, reason from staging.rejected_clients
    union all
    select 'raw.ad_spend' as raw_table, reason from staging.rejected_ad_spend
)
group by raw_table, reason
order by record_count desc, raw_table, reason"""

# The three files and days that have the most of each reason.
REJECTED_BY_FILE = """\
select
    reason,
    source_file,
    cast(landed_date as string) as landed_date,
    rejected_count,
    record_count,
    example_position,
    file_count
from (
    select
        *,
        count(*) over (partition by reason) as file_count,
        row_number() over (
            partition by reason
            order by rejected_count desc, landed_date desc, source_file
        ) as file_rank
    from marts.rejected_events_summary
)
where file_rank <= 3
order by reason, file_rank"""
