"""Markov and Shapley over all paths, worked by hand from issue 4 and ADR 7."""

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import Config
from tests.oracle.channels import Evidence
from tests.oracle.models import (
    Path,
    Total,
    markov,
    path_cents_of,
    paths_of,
    set_weights,
    shapley,
    shapley_value,
)
from tests.oracle.sessions import Touch
from tests.unit.oracle.cases import DAY, FOUR, NOON, conversion, touch

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
