"""Small marts written by hand, for what reads them."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal

SCHEMAS = ("raw", "staging", "marts")
RULE_MODELS = ("first_touch", "last_touch", "linear", "position_based", "time_decay")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A conversion with its path; without marketing touches it is direct, or unattributed."""

    client_id: str
    event_time: str
    revenue: str
    path: tuple[str, ...]
    platforms: tuple[str | None, ...] = ("web",)
    days: int | None = 0
    is_outside_window: bool = False
    is_truncated: bool = False

    @property
    def at(self):
        return datetime.fromisoformat(self.event_time).replace(tzinfo=UTC)

    @property
    def status(self):
        if self.is_outside_window:
            return "outside_window"
        return "marketing" if self.marketing else "direct"

    @property
    def marketing(self):
        return [channel for channel in self.path if channel != "direct"]

    def credited(self, model):
        """Channels with their weights; all but first and last touch share equally."""
        if self.status != "marketing":
            return [("unattributed" if self.is_outside_window else "direct", 1.0)]
        if model == "first_touch":
            return [(self.marketing[0], 1.0)]
        if model == "last_touch":
            return [(self.marketing[-1], 1.0)]
        return [(channel, 1 / len(self.marketing)) for channel in self.marketing]

    def part(self, weight):
        whole = Decimal(0) if self.is_outside_window else Decimal(self.revenue)
        return (whole * Decimal(weight)).quantize(Decimal("0.01"))


def write_marts(spark, conversions, spend=None, rejected=()):
    """Write all that the report reads.

    Args:
        spark: a classic session.
        conversions: what there is; events besides their purchases are counted, two for each.
        spend: cost by channel.
        rejected: reasons of rejected events.
    """
    tables = {**_staging(conversions, rejected), **_conversion_marts(conversions)}
    tables |= _channel_marts(conversions, spend or {})
    for name, (schema, rows) in tables.items():
        frame = spark.createDataFrame(rows, schema)
        frame.write.mode("overwrite").format("parquet").saveAsTable(name)


def _staging(conversions, rejected):
    clients = {conversion.client_id for conversion in conversions}
    purchases = [
        (one.client_id, one.at, f"purchase {number}", "purchase", platform)
        for one in conversions
        for number, platform in enumerate(one.platforms)
    ]
    views = [(one.client_id, one.at, "view", "page_view", "tv") for one in conversions]
    seen = {
        client: [one.at for one in conversions if one.client_id == client] for client in clients
    }
    reasons = "reason string"
    events = len(purchases) + len(views)
    landed = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return {
        "raw.events": ("n int", [(n,) for n in range(events + len(rejected))]),
        "raw.landed_files": ("landed_at timestamp", [(landed,)] if events else []),
        "staging.rejected_events": (reasons, [(reason,) for reason in rejected]),
        "staging.rejected_clients": (reasons, []),
        "staging.rejected_ad_spend": (reasons, []),
        "staging.stg_rule_version": ("rule_version string", [("0123456789ab",)]),
        "staging.stg_events": (
            "client_id string, event_time timestamp, event_id string, event_type string,"
            " platform string",
            [*purchases, *views],
        ),
        "staging.stg_clients": (
            "client_id string, first_seen_at timestamp, last_seen_at timestamp,"
            " event_count bigint, purchase_count bigint",
            [
                (
                    client,
                    min(times),
                    max(times),
                    sum(one[0] == client for one in [*purchases, *views]),
                    sum(one[0] == client for one in purchases),
                )
                for client, times in seen.items()
            ],
        ),
    }


def _conversion_marts(conversions):
    single = (
        "client_id string, event_time timestamp, channel string, revenue decimal(28,2),"
        " attributed_revenue decimal(28,2)"
    )
    singles = {
        f"marts.{model}_attribution": (
            single,
            [
                (one.client_id, one.at, channel, Decimal(one.revenue), one.part(1))
                for one in conversions
                for channel, _ in one.credited(model)
            ],
        )
        for model in ("first_touch", "last_touch")
    }
    return {
        **singles,
        "marts.multi_touch_attribution": (
            "client_id string, event_time timestamp, model string, channel string, weight double,"
            " revenue decimal(28,2), attributed_revenue decimal(28,2), attribution_status string",
            [
                (
                    one.client_id,
                    one.at,
                    model,
                    channel,
                    weight,
                    Decimal(one.revenue),
                    one.part(weight),
                    one.status,
                )
                for one in conversions
                for model in RULE_MODELS
                for channel, weight in one.credited(model)
            ],
        ),
        "marts.conversion_paths": (
            "client_id string, event_time timestamp, revenue decimal(28,2), touch_count bigint,"
            " channel_path string, is_path_truncated boolean, days_to_conversion int",
            [
                (
                    one.client_id,
                    one.at,
                    Decimal(one.revenue),
                    len(one.path),
                    " > ".join(one.path),
                    one.is_truncated,
                    one.days,
                )
                for one in conversions
            ],
        ),
        "marts.client_journeys": (
            "client_id string, last_purchase_at timestamp, first_touch_channel string,"
            " journey_length_days int, total_revenue decimal(28,2)",
            [_journey(client, conversions) for client in {one.client_id for one in conversions}],
        ),
    }


def _journey(client, conversions):
    own = sorted((one for one in conversions if one.client_id == client), key=lambda one: one.at)
    total = sum(Decimal(one.revenue) for one in own)
    return (client, own[-1].at, (*own[0].path, "direct")[0], own[-1].days or 0, total)


def _channel_marts(conversions, spend):
    channels = sorted(
        {
            *spend,
            *(channel for one in conversions for channel in one.path),
            *(channel for one in conversions for channel, _ in one.credited("last_touch")),
        }
    )
    money = "decimal(28,2)"

    def performance(channel):
        by_model = {
            model: [one.part(1) for one in conversions if one.credited(model)[0][0] == channel]
            for model in ("first_touch", "last_touch")
        }
        first, last = by_model["first_touch"], by_model["last_touch"]
        left_out = sum(
            (Decimal(one.revenue) for one in conversions if one.is_outside_window), Decimal(0)
        )
        cost = Decimal(spend.get(channel, 0))
        revenue = sum(last, Decimal(0))
        return (
            channel,
            10,
            20,
            5,
            len(first),
            sum(first, Decimal(0)),
            len(last),
            revenue,
            1,
            len(last) / 10,
            (revenue / len(last)).quantize(Decimal("0.01")) if last else None,
            left_out if channel == "unattributed" else Decimal(0),
            cost,
            (cost / len(last)).quantize(Decimal("0.01")) if last else None,
            float(revenue / cost) if cost else None,
        )

    return {
        "marts.channel_performance": (
            "channel string, sessions bigint, touches bigint, clients bigint,"
            f" first_touch_conversions bigint, first_touch_revenue {money},"
            f" last_touch_conversions bigint, last_touch_revenue {money},"
            f" assisted_conversions bigint, conversion_rate double, average_order_value {money},"
            f" unattributed_revenue {money}, cost {money}, cpa {money}, roas double",
            [performance(channel) for channel in channels],
        ),
        "marts.model_comparison": (
            f"channel string, model string, conversions double, revenue {money},"
            f" unattributed_revenue {money}",
            [
                (channel, model, row[6] + 0.0, row[7], row[11])
                for channel in channels
                for row in [performance(channel)]
                for model in ("last_touch", "markov", "shapley")
            ],
        ),
    }
