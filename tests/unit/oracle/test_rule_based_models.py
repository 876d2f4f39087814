"""A conversion shared among its touches by rules, worked by hand from issue 4 and ADR 7."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import Config
from tests.oracle.attribution import Attribution
from tests.oracle.models import RULE_BASED, multi_touch_rows, shares_of, split, split_by_weight
from tests.unit.oracle.cases import DAY, FOUR, conversion, touch


def credits(attribution: Attribution, model: str, config: Config | None = None):
    rows = multi_touch_rows(attribution, config or Config())
    return [
        (row["channel"], round(row["weight"], 6), str(row["attributed_revenue"]))
        for row in rows
        if row["model"] == model
    ]


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
