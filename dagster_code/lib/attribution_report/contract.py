"""What the attribution report is made of: read from the marts by one side, drawn by the other.

All of it is plain JSON: text, whole numbers, floats, booleans, lists, dicts with text as keys.

- Money is whole cents (`Cents`), of any size. Beyond `MOST_EXACT_CENTS` a browser rounds: the page
  says so at each number, and `notes` does.
- Facts come as columns of equal length, one row at each position. The columns `date`, `platform`,
  `channel`, `first`, `last`, `model` and `path` hold positions in the report's lists `dates`,
  `platforms`, `channels`, `models` and `paths`.
- `dates` has the first day of each bin of `grain`, ascending and without gaps; weeks begin on
  Monday, months on their first day. A conversion is in the bin of its UTC day.
- Times are ISO 8601 in UTC with `Z`, without fractions; days are ``YYYY-MM-DD``.
- Channels include whatever the marts name: `direct`, `unassigned`, `unattributed`, a sender's own.
- Rows may repeat a key: the page adds them up.
- It stays small whatever the history: rare channels and platforms are put together under a name
  that is none's, long lists end in a last bin (`MOST_TOUCHES`, `MOST_DAYS`), and `notes` tells what
  was put together.
"""

from typing import Literal, NotRequired, TypedDict

Cents = int

# Of what `page.render` understands; a change that older pages could not draw counts it up.
FORMAT: Literal[1] = 1

# In the order of the page. The first five are known for every conversion, hence by date; the last
# two only for all conversions together.
RULE_MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")
DATA_DRIVEN_MODELS = ("markov", "shapley")
MODELS = RULE_MODELS + DATA_DRIVEN_MODELS

# Whole numbers up to here are exact in JavaScript (`Number.MAX_SAFE_INTEGER`).
MOST_EXACT_CENTS = 2**53 - 1

# The last bins: `touches` and `days` of this value mean as many or more.
MOST_TOUCHES = 50
MOST_DAYS = 180


class EventPeriod(TypedDict):
    """What came in: UTC days of `stg_events`, null without events."""

    first: str | None
    last: str | None
    count: int
    clients: int


class Credits(TypedDict):
    """What the rule-based models give, by bin, platform and channel."""

    date: list[int]
    platform: list[int]
    channel: list[int]
    model: list[int]
    conversions: list[float]
    revenue: list[Cents]
    # Revenue that the model attributes to no channel: of conversions outside the window.
    unattributed: list[Cents]


class DataDriven(TypedDict):
    """What Markov and Shapley give, of the whole period."""

    model: list[int]
    channel: list[int]
    conversions: list[float]
    revenue: list[Cents]
    unattributed: list[Cents]


class Flows(TypedDict):
    """Conversions by the channel of first touch and that of last touch; revenue in full."""

    date: list[int]
    platform: list[int]
    first: list[int]
    last: list[int]
    conversions: list[int]
    revenue: list[Cents]


class TouchCounts(TypedDict):
    """Conversions by the touches in their window; the channel is the one last touch credits."""

    date: list[int]
    platform: list[int]
    channel: list[int]
    touches: list[int]
    conversions: list[int]
    revenue: list[Cents]


class Journeys(TypedDict):
    """Clients by the days of their journey; dated by the last purchase, channel of first touch."""

    date: list[int]
    platform: list[int]
    channel: list[int]
    days: list[int]
    clients: list[int]
    revenue: list[Cents]


class Path(TypedDict):
    """Channels in their order, as in `conversion_paths`; empty when the window has no touch."""

    path: str
    is_truncated: bool


class PathCounts(TypedDict):
    """The conversions of `paths`, the most frequent of the whole period."""

    path: list[int]
    date: list[int]
    platform: list[int]
    conversions: list[int]
    revenue: list[Cents]
    # Of days_to_conversion, summed over the conversions.
    days: list[int]


class Performance(TypedDict):
    """`marts.channel_performance` as it is, of the whole period."""

    channel: list[int]
    sessions: list[int]
    touches: list[int]
    # Null where channels were put together: one client may have come by several of them.
    clients: list[int | None]
    first_touch_conversions: list[int]
    first_touch_revenue: list[Cents]
    last_touch_conversions: list[int]
    last_touch_revenue: list[Cents]
    assisted_conversions: list[int]
    conversion_rate: list[float | None]
    average_order_value: list[Cents | None]
    unattributed_revenue: list[Cents]
    cost: list[Cents]
    cpa: list[Cents | None]
    roas: list[float | None]


class Totals(TypedDict):
    """Of all conversions; attributed + unattributed = revenue."""

    conversions: int
    revenue: Cents
    attributed: Cents
    unattributed: Cents
    purchasers: int


class RecordCounts(TypedDict):
    """Every landed record of events is staged or rejected."""

    landed: int
    staged: int
    rejected: int


class RejectedCount(TypedDict):
    """Records of one table that were rejected for one reason."""

    table: str
    reason: str
    records: int


class CheckResult(TypedDict):
    """How one check went last."""

    name: str
    table: str
    # What it says, like a sentence; may be empty.
    description: str
    passed: bool
    severity: Literal["ERROR", "WARN"]
    # What it saw; may be empty.
    message: str
    at: str | None


class Freshness(TypedDict):
    """How new the data is."""

    landed_at: str | None
    built_at: str | None
    last_event_at: str | None


class Quality(TypedDict):
    """What to know before one believes the numbers."""

    records: RecordCounts
    rejected: list[RejectedCount]
    checks: list[CheckResult]
    freshness: Freshness


class Report(TypedDict):
    """The whole report."""

    format: Literal[1]
    generated_at: str
    events: EventPeriod
    # Twelve hexadecimal digits of the rules' version; null before the first build.
    rule_version: str | None
    attribution_window_days: int
    models: list[str]
    channels: list[str]
    # Of a conversion: that of its first purchase event; "" when unknown.
    platforms: list[str]
    grain: Literal["day", "week", "month"]
    dates: list[str]
    credits: Credits
    data_driven: DataDriven
    flows: Flows
    touch_counts: TouchCounts
    journeys: Journeys
    paths: list[Path]
    path_counts: PathCounts
    performance: Performance
    totals: Totals
    quality: Quality
    # What was put together to keep the report small, in sentences; mostly none.
    notes: NotRequired[list[str]]
