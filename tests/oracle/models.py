"""Credit shared among several touches (issue 4, docs/adr/0007-attribution-models.md).

Everything is exact: shares are whole numbers, weights and probabilities fractions, money is cents.
Only the finished columns become floats.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, pairwise
from math import factorial, floor

from tests.oracle.attribution import MARKETING, Attribution, bounded
from tests.oracle.config import Config
from tests.oracle.sessions import Touch
from tests.oracle.spend import Costs, cost_columns

LAST_TOUCH = "last_touch"
RULE_BASED = ("first_touch", LAST_TOUCH, "linear", "position_based", "time_decay")
DATA_DRIVEN = ("markov", "shapley")
MODELS = (*RULE_BASED, *DATA_DRIVEN)

WHOLE_SHARE = 10**12
WHOLE_WEIGHT = 10**12
LEAST_VALUE = Fraction(1, 10**12)
MOST_SHAPLEY_CHANNELS = 12

Row = dict[str, object]
Weights = Mapping[str, Fraction]


@dataclass
class Total:
    """What a model gives a channel."""

    conversions: Fraction = Fraction(0)
    cents: int = 0
    unattributed_cents: int = 0


# --- Rule-based: one row per conversion, model and credited touch --------------------------------


@dataclass(frozen=True)
class Part:
    """What one touch, or none, gets of a conversion."""

    touch: Touch | None
    channel: str
    weight: Fraction
    cents: int


def multi_touch_rows(attribution: Attribution, config: Config) -> list[Row]:
    """The rows of multi_touch_attribution for one conversion."""
    conversion = attribution.conversion
    return [
        {
            "client_id": conversion.client_id,
            "event_time": conversion.event_time,
            "model": model,
            "touch_at": part.touch.touch_at if part.touch else None,
            "touch_event_id": part.touch.event_id if part.touch else None,
            "channel": part.channel,
            "source": part.touch.evidence.source if part.touch else None,
            "medium": part.touch.evidence.medium if part.touch else None,
            "campaign": part.touch.evidence.campaign if part.touch else None,
            "weight": float(part.weight),
            "revenue": conversion.revenue,
            "attributed_revenue": amount_of(part.cents),
            "attribution_status": attribution.status,
        }
        for model in RULE_BASED
        for part in parts_of(attribution, model, config)
    ]


def parts_of(attribution: Attribution, model: str, config: Config) -> list[Part]:
    """Who gets what of one conversion.

    Issue 4: "a conversion without marketing touches is one row with direct or unattributed as in
    SPEC.md"; ADR 7: "with weight 1"; "A touch with share 0 has no row".
    """
    if attribution.status != MARKETING:
        credit = attribution.last
        return [Part(None, credit.channel, Fraction(1), cents_of(credit.attributed_revenue))]
    touches = credited_touches(attribution, model, config)
    shares = shares_of(model, [touch.touch_at - touches[-1].touch_at for touch in touches], config)
    cents = split(cents_of(attribution.conversion.revenue), shares)
    return [
        Part(touch, touch.channel, Fraction(share, sum(shares)), part)
        for touch, share, part in zip(touches, shares, cents, strict=True)
        if share > 0
    ]


def credited_touches(attribution: Attribution, model: str, config: Config) -> list[Touch]:
    """The touches that a model looks at, in the order (touch_at, event_id).

    SPEC section 6: "models that share credit among touches share it among those of the list". First
    and last touch do not share: they are SPEC section 5's, also where a bounded list lost the last
    marketing touch behind many direct ones.
    """
    single = {"first_touch": attribution.first.touch, LAST_TOUCH: attribution.last.touch}.get(model)
    return [single] if single is not None else listed_marketing(attribution.window, config)


def listed_marketing(window: Sequence[Touch], config: Config) -> list[Touch]:
    """The marketing touches of the bounded list of a window's touches."""
    return [touch for touch in bounded(window, config.max_path_touches) if touch.is_marketing]


def shares_of(model: str, ages: Sequence[timedelta], config: Config) -> list[int]:
    """Whole-number shares of touches, given how far before the last one they were (0 or less)."""
    count = len(ages)
    if model in ("first_touch", LAST_TOUCH, "linear"):
        return [1] * count
    if model == "position_based":
        return _position_shares(count, config)
    return [_decayed(-age, config.half_life) for age in ages]


def _position_shares(count: int, config: Config) -> list[int]:
    """ADR 7: n = 1, n = 2 and n >= 3 apart."""
    first, last = config.position_based_first_percent, config.position_based_last_percent
    if count == 1:
        return [1]
    if count == 2:
        return [first, last] if first or last else [1, 1]
    middle = count - 2
    return [first * middle, *[100 - first - last] * middle, last * middle]


def _decayed(age: timedelta, half_life: timedelta) -> int:
    """ADR 7: "floor(10^12 x 2^(-(time of touch n - time of the touch) / half-life))"."""
    half_lives, rest = divmod(age, half_life)
    with localcontext() as context:
        context.prec = 60
        microsecond = timedelta(microseconds=1)
        exponent = Decimal(rest // microsecond) / Decimal(half_life // microsecond)
        rest_factor = Decimal(2) ** -exponent
    # a fraction from here on: whole half-lives halve exactly
    return int(WHOLE_SHARE * Fraction(rest_factor) / 2**half_lives)


def split(whole: int, shares: Sequence[int]) -> list[int]:
    """A whole number by shares: cut off, and what is left goes to the largest remainders.

    Ties go to the earlier one.
    """
    total = sum(shares)
    exact = [Fraction(whole * share, total) for share in shares]
    parts = [int(one) for one in exact]
    by_remainder = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for n in by_remainder[: whole - sum(parts)]:
        parts[n] += 1
    return parts


def cents_of(amount: Decimal) -> int:
    """A decimal with two places as cents."""
    return int(amount.scaleb(2))


def amount_of(cents: int) -> Decimal:
    """Cents as a decimal with two places."""
    return Decimal(cents).scaleb(-2)


# --- Data-driven: counted paths ------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """The channels of one client's marketing touches, in order, and whether it converts."""

    channels: tuple[str, ...]
    converts: bool


def paths_of(
    attributions: Iterable[Attribution],
    touches_of_others: Iterable[Sequence[Touch]],
    config: Config,
) -> Counter[Path]:
    """Path -> how often.

    Args:
        attributions: Every conversion; those of status marketing are a converting path each.
        touches_of_others: The touches of each client without a conversion.
        config: The vars.
    """
    converting = (_converting_path(one, config) for one in attributions if one.status == MARKETING)
    lost = (
        Path(_channels(_lost_touches(touches, config)), False)
        for touches in touches_of_others
        if any(touch.is_marketing for touch in touches)
    )
    return Counter([*converting, *lost])


def path_cents_of(attributions: Iterable[Attribution], config: Config) -> Counter[Path]:
    """Converting path -> the revenue of its conversions, in cents."""
    cents: Counter[Path] = Counter()
    for one in attributions:
        if one.status == MARKETING:
            cents[_converting_path(one, config)] += cents_of(one.conversion.revenue)
    return cents


def _converting_path(attribution: Attribution, config: Config) -> Path:
    return Path(_channels(listed_marketing(attribution.window, config)), True)


def _channels(touches: Sequence[Touch]) -> tuple[str, ...]:
    return tuple(touch.channel for touch in touches)


def _lost_touches(touches: Sequence[Touch], config: Config) -> list[Touch]:
    """ADR 7: "those of its touches that lie within attribution_window_days up to the last one".

    The last one is the last marketing touch: a client with marketing touches always is a path.
    """
    closes_at = max(touch.touch_at for touch in touches if touch.is_marketing)
    opens_at = closes_at - config.attribution_window
    window = [touch for touch in touches if opens_at <= touch.touch_at <= closes_at]
    return listed_marketing(window, config)


def markov(paths: Mapping[Path, int]) -> Weights:
    """Channel -> its removal effect, scaled so that all add up to 1; empty if nothing converts.

    Each channel is really removed: what led into it leads to null, and the chance of a conversion
    is solved for again.
    """
    steps: dict[str | None, Counter[str | None]] = defaultdict(Counter)
    converted: Counter[str | None] = Counter()
    for path, count in paths.items():
        for origin, target in pairwise((None, *path.channels)):
            steps[origin][target] += count
        # all that leaves a channel counts, also into the null state
        steps[path.channels[-1]][None] += count
        converted[path.channels[-1]] += count * path.converts
    whole = _conversion_chance(steps, converted, None)
    if not whole:
        return {}
    channels = sorted(channel for channel in steps if channel is not None)
    effects = {one: 1 - _conversion_chance(steps, converted, one) / whole for one in channels}
    return _scaled(effects)


def _conversion_chance(
    steps: Mapping[str | None, Mapping[str | None, int]],
    converted: Mapping[str | None, int],
    removed: str | None,
) -> Fraction:
    """The chance to get from the start (None) to a conversion without the removed channel.

    Whole-number elimination (Bareiss) of: leaving count x chance - counts x chances = conversions.
    The start comes last, so that it is what is left over.
    """
    states = [*(one for one in steps if one is not None and one != removed), None]
    if not converted:
        return Fraction(0)
    rows = [
        [
            *(
                (sum(steps[origin].values()) if origin == target else 0)
                - (steps[origin].get(target, 0) if target is not None else 0)
                for target in states
            ),
            converted.get(origin, 0),
        ]
        for origin in states
    ]
    divisor = 1
    for pivot in range(len(rows) - 1):
        for row in rows[pivot + 1 :]:
            row[:] = [
                (value * rows[pivot][pivot] - row[pivot] * above) // divisor
                for value, above in zip(row, rows[pivot], strict=True)
            ]
        divisor = rows[pivot][pivot]
    return Fraction(rows[-1][-1], rows[-1][-2])


def shapley(paths: Mapping[Path, int], cents: Counter[Path]) -> dict[str, Total]:
    """Channel -> its part of the conversions and of their cents; empty if nothing converts.

    ADR 7: "the conversions of each channel set T that converts are split by the Shapley values of
    the game whose coalitions are the subsets of T"; "the conversions and the revenue of each set T
    by T's own values".

    Args:
        paths: Path -> how often.
        cents: Converting path -> the revenue of its conversions.
    """
    seen: Counter[frozenset[str]] = Counter()
    converted: Counter[frozenset[str]] = Counter()
    earned: Counter[frozenset[str]] = Counter()
    for path, count in paths.items():
        channels = frozenset(path.channels)
        seen[channels] += count
        converted[channels] += count * path.converts
        earned[channels] += cents[path]
    # "worth the conversion rate of the paths with exactly those channels (0 for a set never seen)"
    worth = {one: Fraction(converted[one], seen[one]) for one in seen}
    totals: dict[str, Total] = defaultdict(Total)
    for channels, conversions in converted.items():
        if conversions:
            weights = set_weights(channels, worth)
            # set by set, so that no cent leaves the channels of those who spent it
            parts = split_by_weight(earned[channels], weights)
            for channel, weight in weights.items():
                totals[channel].conversions += conversions * weight
                totals[channel].cents += parts[channel]
    return totals


def set_weights(channels: frozenset[str], worth: Mapping[frozenset[str], Fraction]) -> Weights:
    """How the conversions and the revenue of one set of channels are split.

    "Negative values count as 0; where none is positive, or T has more than 12 channels, T is split
    evenly." "Values below 10^-12 count as 0 too."
    """
    if len(channels) <= MOST_SHAPLEY_CHANNELS:
        exact = {one: shapley_value(one, channels, worth) for one in channels}
        values = {
            one: value if value > LEAST_VALUE else Fraction(0) for one, value in exact.items()
        }
        if any(values.values()):
            return _scaled(values)
    return {one: Fraction(1, len(channels)) for one in channels}


def shapley_value(
    channel: str, channels: frozenset[str], worth: Mapping[frozenset[str], Fraction]
) -> Fraction:
    """What the channel adds to a coalition, over all coalitions of the others."""
    others = sorted(channels - {channel})
    nothing = Fraction(0)
    value = nothing
    for size in range(len(others) + 1):
        added = nothing
        for coalition in combinations(others, size):
            without = frozenset(coalition)
            with_channel = worth.get(without | {channel}, nothing)
            if with_channel or without in worth:
                added += with_channel - worth.get(without, nothing)
        ways = factorial(size) * factorial(len(others) - size)
        value += added * Fraction(ways, factorial(len(channels)))
    return value


def split_by_weight(cents: int, weights: Weights) -> dict[str, int]:
    """Cents by the weights of channels, which add up to 1.

    ADR 7: "shares of 10^-12 (a value's part of the sum, x 10^12, rounded half up), ties by channel
    name".
    """
    channels = sorted(weights)
    shares = [floor(weights[channel] * WHOLE_WEIGHT + Fraction(1, 2)) for channel in channels]
    return dict(zip(channels, split(cents, shares), strict=True))


def _scaled(amounts: Weights) -> Weights:
    total = sum(amounts.values())
    return {name: amount / total for name, amount in amounts.items()}


# --- Side by side ---------------------------------------------------------------------------------


def model_comparison_rows(
    attributions: Sequence[Attribution],
    touches_of_others: Sequence[Sequence[Touch]],
    config: Config,
    costs: Costs,
) -> list[Row]:
    """Every channel that any model gives something or that costs something, with each model."""
    paths = paths_of(attributions, touches_of_others, config)
    totals = {model: _rule_based_totals(attributions, model, config) for model in RULE_BASED}
    credited = {
        "markov": _split_as_a_whole(attributions, markov(paths)),
        "shapley": shapley(paths, path_cents_of(attributions, config)),
    }
    for model in DATA_DRIVEN:
        totals[model] = _data_driven_totals(attributions, credited[model], config)
    channels = sorted(
        {
            channel
            for by_channel in totals.values()
            for channel, total in by_channel.items()
            if total.conversions
        }
        | set(costs)
    )
    return [
        _comparison_row(channel, model, totals)
        | cost_columns(
            costs.get(channel, Decimal("0.00")),
            totals[model][channel].conversions if channel in totals[model] else 0,
            amount_of(totals[model][channel].cents if channel in totals[model] else 0),
        )
        for channel in channels
        for model in MODELS
    ]


def _rule_based_totals(
    attributions: Iterable[Attribution], model: str, config: Config
) -> dict[str, Total]:
    totals: dict[str, Total] = defaultdict(Total)
    for attribution in attributions:
        parts = parts_of(attribution, model, config)
        for part in parts:
            totals[part.channel].conversions += part.weight
            totals[part.channel].cents += part.cents
        left_out = cents_of(attribution.conversion.revenue) - sum(part.cents for part in parts)
        totals[parts[0].channel].unattributed_cents += left_out
    return totals


def _split_as_a_whole(attributions: Iterable[Attribution], weights: Weights) -> dict[str, Total]:
    """ADR 7: "the conversions and the revenue of status marketing as a whole"."""
    marketing = [one for one in attributions if one.status == MARKETING]
    parts = split_by_weight(sum(cents_of(one.conversion.revenue) for one in marketing), weights)
    return {
        channel: Total(len(marketing) * weight, parts[channel])
        for channel, weight in weights.items()
    }


def _data_driven_totals(
    attributions: Iterable[Attribution], credited: Mapping[str, Total], config: Config
) -> dict[str, Total]:
    """What a model credits for conversions of status marketing, and the rest.

    ADR 7: "what is not marketing stays with direct and unattributed as in every model".
    """
    others = [one for one in attributions if one.status != MARKETING]
    totals = defaultdict(Total, _rule_based_totals(others, LAST_TOUCH, config))
    for channel, total in credited.items():
        totals[channel].conversions += total.conversions
        totals[channel].cents += total.cents
    return totals


def _comparison_row(channel: str, model: str, totals: Mapping[str, Mapping[str, Total]]) -> Row:
    nothing = Total()
    own = totals[model].get(channel, nothing)
    last = totals[LAST_TOUCH].get(channel, nothing)
    share, last_share = (_share(totals[one], channel) for one in (model, LAST_TOUCH))
    shift = None if share is None or last_share is None else share - last_share
    return {
        "channel": channel,
        "model": model,
        "conversions": float(own.conversions),
        "revenue": amount_of(own.cents),
        "revenue_share": None if share is None else float(share),
        "conversions_shift": float(own.conversions - last.conversions),
        "revenue_shift": amount_of(own.cents - last.cents),
        "share_shift": None if shift is None else float(shift),
        "unattributed_revenue": amount_of(own.unattributed_cents),
    }


def _share(totals: Mapping[str, Total], channel: str) -> Fraction | None:
    """The channel's part of what the model attributes; null when that is nothing at all."""
    attributed = sum(total.cents for total in totals.values())
    own = totals[channel].cents if channel in totals else 0
    return Fraction(own, attributed) if attributed else None
