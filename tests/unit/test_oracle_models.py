"""The oracle's attribution models, worked by hand from issue 4 and ADR 7."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import Config, RawRecord, compare
from tests.oracle.attribution import Attribution, attribute, conversions_of
from tests.oracle.channels import NO_EVIDENCE, Evidence
from tests.oracle.models import (
    MODELS,
    RULE_BASED,
    Path,
    Total,
    markov,
    model_comparison_rows,
    multi_touch_rows,
    path_cents_of,
    paths_of,
    set_weights,
    shapley,
    shapley_value,
    shares_of,
    split,
    split_by_weight,
)
from tests.oracle.records import content_placeholder
from tests.oracle.sessions import Touch
from tests.oracle.staging import Event

NOON = datetime(2024, 6, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def touch(days_before: float, channel: str, event_id: str = "t") -> Touch:
    evidence = NO_EVIDENCE if channel == "direct" else Evidence(channel, channel[0], "m", "c")
    return Touch(NOON - days_before * DAY, event_id, evidence)


def conversion(
    touches: list[Touch], revenue: str = "100.00", config: Config | None = None
) -> Attribution:
    config = config or Config()
    purchase = Event(
        "c", "p", NOON, "purchase", NO_EVIDENCE, None, None, None, None, None, Decimal(revenue)
    )
    (only,) = conversions_of("c", [purchase])
    return attribute(only, touches, config.attribution_window, config.outside_window_channel)


def credits(attribution: Attribution, model: str, config: Config | None = None):
    rows = multi_touch_rows(attribution, config or Config())
    return [
        (row["channel"], round(row["weight"], 6), str(row["attributed_revenue"]))
        for row in rows
        if row["model"] == model
    ]


# --- Sharing a conversion -------------------------------------------------------------------------

FOUR = [touch(21, "email"), touch(14, "display"), touch(7, "email", "u"), touch(0, "paid_search")]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first_touch", [("email", 1, "100.00")]),
        ("last_touch", [("paid_search", 1, "100.00")]),
        (
            "linear",
            [(name, 0.25, "25.00") for name in ("email", "display", "email", "paid_search")],
        ),
        (
            "position_based",
            [
                ("email", 0.4, "40.00"),
                ("display", 0.1, "10.00"),
                ("email", 0.1, "10.00"),
                ("paid_search", 0.4, "40.00"),
            ],
        ),
        (
            # a half-life apart: 1 + 2 + 4 + 8 fifteenths; the cents left over are two, and the
            # largest remainders are 10/15 (email: 666.67) and 10/15 (email: 2666.67)
            "time_decay",
            [
                ("email", 0.066667, "6.67"),
                ("display", 0.133333, "13.33"),
                ("email", 0.266667, "26.67"),
                ("paid_search", 0.533333, "53.33"),
            ],
        ),
    ],
)
def test_each_model_shares_four_touches(model: str, expected: list) -> None:
    assert credits(conversion(FOUR), model) == expected


def test_two_touches_and_one() -> None:
    two = [touch(3, "email"), touch(1, "display")]
    assert credits(conversion(two), "position_based") == [
        ("email", 0.5, "50.00"),
        ("display", 0.5, "50.00"),
    ]
    for model in RULE_BASED:
        assert credits(conversion(two[:1]), model) == [("email", 1, "100.00")], model


@pytest.mark.parametrize(
    ("first", "last", "count", "shares"),
    [
        (40, 40, 5, [120, 20, 20, 20, 120]),
        (30, 10, 2, [30, 10]),
        (0, 0, 2, [1, 1]),
        (0, 0, 3, [0, 100, 0]),
        (100, 0, 2, [100, 0]),
        (50, 50, 4, [100, 0, 0, 100]),
        (0, 10, 1, [1]),
    ],
)
def test_position_shares_go_by_the_percents(
    first: int, last: int, count: int, shares: list[int]
) -> None:
    config = Config(position_based_first_percent=first, position_based_last_percent=last)
    assert shares_of("position_based", [timedelta(0)] * count, config) == shares


def test_a_touch_with_no_share_has_no_row() -> None:
    config = Config(position_based_first_percent=50, position_based_last_percent=50)
    assert credits(conversion(FOUR), "position_based", config) == [
        ("email", 0.5, "50.00"),
        ("paid_search", 0.5, "50.00"),
    ]


@pytest.mark.parametrize(
    ("age", "share"),
    [
        (timedelta(0), 10**12),
        (7 * DAY, 5 * 10**11),
        (70 * DAY, 976_562_500),
        (70 * 7 * DAY, 0),
        # 2^(-1/2), by hand from the square root of 2
        (3.5 * DAY, 707_106_781_186),
    ],
)
def test_a_touch_decays_by_its_age_before_the_last_one(age: timedelta, share: int) -> None:
    assert shares_of("time_decay", [-age, timedelta(0)], Config()) == [share, 10**12]


def test_the_half_life_is_a_variable() -> None:
    shares = shares_of("time_decay", [-2 * DAY, -DAY, 0 * DAY], Config(time_decay_half_life_days=1))
    assert shares == [25 * 10**10, 50 * 10**10, 10**12]


def test_the_purchase_s_own_age_changes_nothing() -> None:
    """ADR 7 counts from the last touch, so the same touches share alike however late the sale."""
    early = [touch(8, "email"), touch(1, "display")]
    late = [touch(28, "email"), touch(21, "display")]
    weights = [credits(conversion(one), "time_decay") for one in (early, late)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("cents", "shares", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (1, [1, 2, 1], [0, 1, 0]),
        (0, [1, 2], [0, 0]),
        (10, [40, 20, 40], [4, 2, 4]),
        (1, [40, 20, 40], [1, 0, 0]),
        (10**18 * 2, [1, 1, 1], [666666666666666667, 666666666666666667, 666666666666666666]),
        (7, [0, 1, 0], [0, 7, 0]),
    ],
)
def test_cents_left_over_go_to_the_largest_remainders(
    cents: int, shares: list[int], parts: list[int]
) -> None:
    assert split(cents, shares) == parts


@given(
    st.integers(0, 10**18),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any),
)
def test_a_split_loses_nothing_and_is_off_by_less_than_a_cent(
    cents: int, shares: list[int]
) -> None:
    parts = split(cents, shares)
    exact = [Fraction(cents * share, sum(shares)) for share in shares]
    assert sum(parts) == cents
    assert all(abs(part - one) < 1 for part, one in zip(parts, exact, strict=True))
    assert all(part == 0 for part, share in zip(parts, shares, strict=True) if not share)


@pytest.mark.parametrize(
    ("cents", "weights", "parts"),
    [
        # thirds as 333,333,333,333 and 666,666,666,667
        (
            3 * 10**12,
            {"a": Fraction(1, 3), "b": Fraction(2, 3)},
            {"a": 999_999_999_999, "b": 2_000_000_000_001},
        ),
        # 122,070,312.5 and 999,877,929,687.5: both go up
        (
            10**12 + 1,
            {"a": Fraction(1, 2**13), "b": Fraction(2**13 - 1, 2**13)},
            {"a": 122_070_313, "b": 999_877_929_688},
        ),
        # 0.4 of 10^-12 is no share
        (10**20, {"a": Fraction(4, 10**13), "b": 1 - Fraction(4, 10**13)}, {"a": 0, "b": 10**20}),
        # a sixth goes up: its half cent is the larger one, whatever its name
        (
            3,
            {"a": Fraction(1, 2), "b": Fraction(1, 3), "c": Fraction(1, 6)},
            {"a": 1, "b": 1, "c": 1},
        ),
        (1, {"b": Fraction(1, 2), "a": Fraction(1, 2)}, {"a": 1, "b": 0}),
        (0, {}, {}),
    ],
)
def test_weights_share_cents_by_twelve_digits(
    cents: int, weights: dict[str, Fraction], parts: dict[str, int]
) -> None:
    assert split_by_weight(cents, weights) == parts


def test_equal_times_share_by_the_event_id() -> None:
    at_once = [touch(1, "email", "a"), touch(1, "display", "b"), touch(1, "referral", "c")]
    assert credits(conversion(at_once, "0.01"), "linear") == [
        ("email", 0.333333, "0.01"),
        ("display", 0.333333, "0.00"),
        ("referral", 0.333333, "0.00"),
    ]


def test_direct_touches_get_nothing_beside_marketing() -> None:
    with_direct = [touch(9, "direct"), touch(5, "email"), touch(1, "direct", "u")]
    for model in RULE_BASED:
        assert credits(conversion(with_direct), model) == [("email", 1, "100.00")], model


def test_without_marketing_in_the_window_there_is_one_row_a_model() -> None:
    direct, old = conversion([touch(1, "direct")]), conversion([touch(31, "email")])
    as_direct = Config(outside_window_channel="direct")
    for model in RULE_BASED:
        assert credits(direct, model) == [("direct", 1, "100.00")]
        assert credits(old, model) == [("unattributed", 1, "0.00")]
        moved = conversion([touch(31, "email")], config=as_direct)
        assert credits(moved, model, as_direct) == [("direct", 1, "100.00")]
    row = multi_touch_rows(old, Config())[0]
    assert (row["touch_at"], row["touch_event_id"], row["source"]) == (None, None, None)
    assert (row["revenue"], row["attribution_status"]) == (Decimal("100.00"), "outside_window")


def test_a_bounded_list_shares_among_its_own_and_first_and_last_touch_stay() -> None:
    lost = [touch(9, "email"), touch(8, "display"), touch(7, "direct"), touch(6, "direct", "u")]
    config = Config(max_path_touches=2)
    assert credits(conversion(lost), "linear", config) == [("email", 1, "100.00")]
    assert credits(conversion(lost), "first_touch", config) == [("email", 1, "100.00")]
    assert credits(conversion(lost), "last_touch", config) == [("display", 1, "100.00")]


# --- Paths ----------------------------------------------------------------------------------------


def test_who_does_not_buy_is_a_path_that_ends_with_its_last_marketing_touch() -> None:
    browsing = [
        touch(40, "referral"),
        touch(30, "email"),
        touch(1, "direct"),
        touch(0.5, "display"),
        touch(0, "direct", "u"),
    ]
    paths = paths_of([conversion(FOUR)], [browsing, [touch(2, "direct")], []], Config())
    assert paths == {
        Path(("email", "display", "email", "paid_search"), True): 1,
        Path(("email", "display"), False): 1,
    }


def test_the_window_of_a_lost_path_includes_its_start() -> None:
    at_the_edge = [touch(30, "email"), touch(0, "display")]
    too_old = [Touch(NOON - 30 * DAY - timedelta(microseconds=1), "x", Evidence("email"))]
    assert paths_of([], [at_the_edge], Config()) == {Path(("email", "display"), False): 1}
    assert paths_of([], [too_old + at_the_edge[1:]], Config()) == {Path(("display",), False): 1}


def test_conversions_without_marketing_are_no_paths() -> None:
    assert not paths_of(
        [conversion([touch(1, "direct")]), conversion([touch(31, "x")])], [], Config()
    )


def test_a_path_brings_the_revenue_of_all_its_conversions() -> None:
    bought = [
        conversion([touch(3, "email")], "5.01"),
        conversion([touch(9, "email"), touch(1, "direct")], "0.99"),
        conversion([touch(3, "email"), touch(2, "email")], "7.00"),
        conversion([touch(40, "email")], "80.00"),
    ]
    assert path_cents_of(bought, Config()) == {
        Path(("email",), True): 600,
        Path(("email", "email"), True): 700,
    }


# --- Markov ---------------------------------------------------------------------------------------


def paths(*given: tuple[str, int, int]) -> Counter[Path]:
    """Paths like "a>b", how often they convert and how often they do not."""
    counted: Counter[Path] = Counter()
    for text, converting, lost in given:
        counted[Path(tuple(text.split(">")), True)] += converting
        counted[Path(tuple(text.split(">")), False)] += lost
    return counted


def test_markov_s_textbook_case() -> None:
    """Three paths, 1-2-3 converting, 1 and 2-3 lost: 1/3 converts, 1/6 without channel 1."""
    weights = markov(paths(("c1>c2>c3", 1, 0), ("c1", 0, 1), ("c2>c3", 0, 1)))
    assert weights == {"c1": Fraction(1, 5), "c2": Fraction(2, 5), "c3": Fraction(2, 5)}


def test_markov_credits_a_channel_that_never_was_on_a_converting_path() -> None:
    # p = 1/2; a leads to b half of the time: without a, only b>conversion is left, 1/2 x 1/2
    weights = markov(paths(("b", 1, 0), ("a>b", 0, 1)))
    assert weights == {"a": Fraction(1, 3), "b": Fraction(2, 3)}


def test_markov_is_not_moved_by_a_repeat_and_gives_the_hopeless_nothing() -> None:
    assert markov(paths(("a>a>b", 1, 1), ("c", 0, 5))) == {
        "a": Fraction(1, 2),
        "b": Fraction(1, 2),
        "c": 0,
    }


@pytest.mark.parametrize("counted", [paths(("a>b", 0, 3)), Counter()])
def test_where_nothing_converts_nothing_is_split(counted: Counter[Path]) -> None:
    assert markov(counted) == {}
    assert shapley(counted, Counter()) == {}


PATH_SETS = st.dictionaries(
    st.builds(
        Path, st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6).map(tuple), st.booleans()
    ),
    st.integers(1, 9),
    min_size=1,
    max_size=12,
)


@given(PATH_SETS)
def test_markov_by_removal_is_markov_by_the_fundamental_matrix(counted: dict[Path, int]) -> None:
    """ADR 7's form: the chance of ever reaching c is N[start, c] / N[c, c]."""
    names = sorted({one for path in counted for one in path.channels})
    size = len(names) + 1
    moves, won = np.zeros((size, size)), np.zeros(size)
    leaving = np.zeros(size)
    for path, count in counted.items():
        stops = [0, *(names.index(one) + 1 for one in path.channels)]
        for origin, target in pairwise(stops):
            moves[origin, target] += count
        won[stops[-1]] += count * path.converts
        for stop in stops:
            leaving[stop] += count
    fundamental = np.linalg.inv(np.eye(size) - moves / leaving[:, None])
    chance = fundamental @ (won / leaving)
    reached = fundamental[0] / np.diag(fundamental)
    effects = reached[1:] * chance[1:]
    weights = markov(counted)
    if not any(path.converts for path in counted):
        assert weights == {}
        return
    expected = dict(zip(names, effects / effects.sum(), strict=True))
    assert {name: float(weight) for name, weight in weights.items()} == pytest.approx(
        expected, abs=1e-9
    )


# --- Shapley --------------------------------------------------------------------------------------


def earned(**cents: int) -> Counter[Path]:
    """The cents of converting paths, each channel named by one letter."""
    return Counter({Path(tuple(channels), True): amount for channels, amount in cents.items()})


def conversions_by_shapley(counted: Counter[Path]) -> dict[str, Fraction]:
    totals = shapley(counted, Counter())
    return {channel: total.conversions for channel, total in totals.items()}


def cents_by_shapley(counted: Counter[Path], cents: Counter[Path]) -> dict[str, int]:
    return {channel: total.cents for channel, total in shapley(counted, cents).items()}


def test_shapley_splits_the_conversions_of_each_set() -> None:
    # worth: a 1/2, b 0, ab 3/4. In ab: a (1/2 + 3/4) / 2 = 5/8, b (0 + 1/4) / 2 = 1/8
    counted = paths(("a", 1, 1), ("b", 0, 1), ("a>b", 2, 1), ("b>a>b", 1, 0))
    assert conversions_by_shapley(counted) == {"a": Fraction(7, 2), "b": Fraction(1, 2)}


def test_a_negative_shapley_value_counts_as_nothing() -> None:
    # a alone always converts, together with b one time in four: b's value is -3/8
    counted = paths(("a", 1, 0), ("a>b", 1, 3))
    assert shapley(counted, earned(a=100, ab=33)) == {"a": Total(Fraction(2), 133), "b": Total()}


def test_a_set_of_more_than_twelve_channels_is_split_evenly() -> None:
    many = ">".join("abcdefghijklm")
    counted = paths((many, 1, 1), ("a", 1, 0))
    expected = dict.fromkeys("bcdefghijklm", Fraction(1, 13)) | {"a": Fraction(14, 13)}
    assert conversions_by_shapley(counted) == expected
    # 28 cents are two each, and two that are left go to the first names; a's own 5 stay with a
    cents = dict.fromkeys("cdefghijklm", 2) | {"a": 3 + 5, "b": 3}
    assert cents_by_shapley(counted, earned(abcdefghijklm=28, a=5)) == cents
    twelve = paths((many[:-2], 1, 1), ("a", 1, 0))
    assert conversions_by_shapley(twelve)["a"] > 1 + Fraction(1, 12)
    assert cents_by_shapley(twelve, earned(abcdefghijkl=1200))["a"] > 100


def test_the_revenue_of_a_single_channel_stays_with_it() -> None:
    # worth: a 1/2, b 1/5, ab 1. In ab: a (1/2 + 4/5) / 2 = 13/20, b (1/5 + 1/2) / 2 = 7/20
    counted = paths(("a", 1, 1), ("b", 1, 4), ("a>b", 1, 0), ("c>c", 2, 7))
    cents = earned(a=1, b=100_003, ab=1000, cc=77)
    assert cents_by_shapley(counted, cents) == {"a": 1 + 650, "b": 100_003 + 350, "c": 77}


def test_all_paths_of_a_set_share_its_revenue_at_once() -> None:
    # a half each: 1 + 1 cents are one each, not twice one for the first name
    counted = paths(("a>b", 1, 0), ("b>a", 1, 0))
    assert cents_by_shapley(counted, earned(ab=1, ba=1)) == {"a": 1, "b": 1}


def test_cents_left_over_of_a_set_go_by_the_channel_s_name() -> None:
    assert cents_by_shapley(paths(("b>a", 1, 0)), earned(ba=101)) == {"a": 51, "b": 50}
    three = cents_by_shapley(paths(("c>a>b", 1, 2)), earned(cab=1001))
    assert three == {"a": 334, "b": 334, "c": 333}
    # each set for itself: two odd cents, both to the first name of their own set
    two_sets = paths(("b>a", 1, 0), ("d>c", 3, 9))
    assert cents_by_shapley(two_sets, earned(ba=1, dc=1)) == {"a": 1, "b": 0, "c": 1, "d": 0}


@given(PATH_SETS, st.data())
def test_shapley_leaves_the_cents_of_a_set_with_its_channels(
    counted: dict[Path, int], data: st.DataObject
) -> None:
    converting = [path for path in counted if path.converts]
    cents = Counter({path: data.draw(st.integers(0, 10**9)) for path in converting})
    by_channel: Counter[str] = Counter()
    for channels in {frozenset(path.channels) for path in converting}:
        own = Counter({one: cents[one] for one in cents if frozenset(one.channels) == channels})
        parts = Counter(cents_by_shapley(counted, own))
        assert set(+parts) <= channels
        assert parts.total() == own.total()
        by_channel += parts
    assert +Counter(cents_by_shapley(counted, cents)) == by_channel
    conversions = conversions_by_shapley(counted).values()
    assert sum(conversions) == sum(counted[path] for path in converting)


@given(PATH_SETS)
def test_a_shapley_value_is_the_mean_over_all_orders(counted: dict[Path, int]) -> None:
    seen, won = Counter(), Counter()
    for path, count in counted.items():
        seen[frozenset(path.channels)] += count
        won[frozenset(path.channels)] += count * path.converts
    worth = {one: Fraction(won[one], seen[one]) for one in seen}
    channels = max(worth, key=lambda one: (len(one) <= 4, len(one), sorted(one)))
    if len(channels) > 4:
        channels = frozenset(sorted(channels)[:4])
    orders = list(permutations(sorted(channels)))
    for channel in channels:
        total = Fraction(0)
        for order in orders:
            before = frozenset(order[: order.index(channel)])
            total += worth.get(before | {channel}, 0) - worth.get(before, 0)
        assert shapley_value(channel, channels, worth) == total / len(orders)
    assert sum(set_weights(channels, worth).values()) == 1


# --- Side by side ---------------------------------------------------------------------------------


def comparison() -> dict[tuple[str, str], dict[str, object]]:
    bought = [
        conversion([touch(5, "email"), touch(1, "display")], "10.00"),
        conversion([touch(5, "email")], "5.01"),
        conversion([touch(40, "email")], "7.00"),
        conversion([touch(1, "direct")], "3.00"),
    ]
    rows = model_comparison_rows(
        bought, [[touch(1, "email")], [touch(3, "referral")]], Config(), {}
    )
    return {(row["channel"], row["model"]): row for row in rows}


def test_every_channel_meets_every_model() -> None:
    rows = comparison()
    # referral led to nothing in any model
    assert {channel for channel, _ in rows} == {"direct", "display", "email", "unattributed"}
    assert {model for _, model in rows} == set(MODELS)
    assert len(rows) == 4 * 7


def test_every_model_has_the_same_totals() -> None:
    rows = comparison()
    for model in MODELS:
        own = [row for (_, name), row in rows.items() if name == model]
        assert sum(row["conversions"] for row in own) == pytest.approx(4)
        assert sum(row["revenue"] for row in own) == Decimal("18.01")
        assert sum(row["unattributed_revenue"] for row in own) == Decimal("7.00")
        assert sum(row["revenue_share"] for row in own) == pytest.approx(1)
        left_out = rows["unattributed", model]
        assert (left_out["conversions"], left_out["revenue"]) == (1, Decimal("0.00"))
        assert rows["direct", model]["revenue"] == Decimal("3.00")


def test_a_shift_is_the_difference_to_last_touch() -> None:
    rows = comparison()
    assert rows["display", "first_touch"] == {
        "channel": "display",
        "model": "first_touch",
        "conversions": 0.0,
        "revenue": Decimal("0.00"),
        "revenue_share": 0.0,
        "conversions_shift": -1.0,
        "revenue_shift": Decimal("-10.00"),
        "share_shift": pytest.approx(-10 / 18.01),
        "unattributed_revenue": Decimal("0.00"),
        "cost": Decimal("0.00"),
        "cpa": None,
        "roas": None,
    }
    # shapley: worth email 1/2, both 1: email 3/4 of that one (7.50) and all of the other (5.01)
    assert rows["email", "shapley"]["revenue"] == Decimal("12.51")
    assert rows["display", "shapley"]["revenue"] == Decimal("2.50")
    assert rows["email", "shapley"]["conversions"] == pytest.approx(1.75)
    # markov: 2 of 4 convert (email, email>display; email and referral lost). Without display 1/4 of
    # them (start > email 3/4, then 1/3), without email nothing: effects 1/2 and 1
    assert rows["email", "markov"]["revenue"] == Decimal("10.01")
    assert rows["display", "markov"]["revenue_shift"] == Decimal("-5.00")


def test_only_shapley_leaves_the_money_of_a_single_channel_with_it() -> None:
    bought = [
        conversion([touch(5, "email")], "1000.00"),
        conversion([touch(9, "display"), touch(5, "display")], "1.01"),
    ]
    rows = model_comparison_rows(bought, [], Config(), {})
    revenue = {(row["channel"], row["model"]): str(row["revenue"]) for row in rows}
    assert revenue["email", "shapley"] == "1000.00"
    assert revenue["display", "shapley"] == "1.01"
    # one conversion each: half of the money, and the odd cent by the channel's name
    assert revenue["email", "markov"] == "500.50"
    assert revenue["display", "markov"] == "500.51"


# --- Comparing ------------------------------------------------------------------------------------


def test_only_billions_by_a_data_driven_model_may_be_a_cent_off() -> None:
    rows = list(comparison().values())
    large = [{**row, "revenue": row["revenue"] * 10**9} for row in rows]

    def off(rows: list[dict[str, object]], model: str) -> list[dict[str, object]]:
        return [
            {**row, "revenue": row["revenue"] + Decimal("0.01")}
            if (row["model"], row["channel"]) == (model, "email")
            else row
            for row in rows
        ]

    assert compare("model_comparison", large, off(large, "markov")) == []
    assert compare("model_comparison", large, off(large, "linear"))
    assert compare("model_comparison", rows, off(rows, "markov"))


def test_a_touch_without_id_is_found_by_its_time() -> None:
    placeholder = RawRecord({"client_id": "c"}, None, NOON, "f", 1)
    named = touch(1, "email", content_placeholder(placeholder))
    rows = multi_touch_rows(conversion([named]), Config())
    hashed = [{**row, "touch_event_id": "3f2a"} for row in rows]
    assert compare("multi_touch_attribution", rows, hashed) == []
    assert compare(
        "multi_touch_attribution", rows, [{**one, "touch_event_id": None} for one in hashed]
    )
