"""Shares and cents of the rule-based models (ADR 7), against the oracle's exact ones."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from pyspark.sql import types

from tests.oracle import models
from tests.oracle.config import Config
from tests.spark.macros import render

START = datetime(2026, 1, 1, tzinfo=UTC)
SPLIT = types.StructType(
    [
        types.StructField("case", types.IntegerType()),
        types.StructField("amount", types.DecimalType(28, 2)),
        types.StructField("shares", types.ArrayType(types.LongType())),
    ]
)
TOUCHES = types.StructType(
    [
        types.StructField("case", types.IntegerType()),
        types.StructField(
            "touches",
            types.ArrayType(
                types.StructType([types.StructField("touch_at", types.TimestampType())])
            ),
        ),
    ]
)


def split_cases():
    """Amounts and shares: ties, one share, zeros, the largest amounts."""
    rng = random.Random(20260101)
    cases = [
        (Decimal("0.00"), [1, 1]),
        (Decimal("0.01"), [1, 1, 1]),
        (Decimal("10.00"), [1, 1, 1]),
        (Decimal("0.05"), [40, 20, 40]),
        (Decimal("99999999999999999.99"), [10**12] * 7),
        (Decimal("99999999999999999999.99"), [10**12 - n for n in range(500)]),
        (Decimal("1.00"), [0, 5, 0]),
    ]
    for _ in range(200):
        amount = Decimal(rng.randint(0, 10 ** rng.randint(0, 18))).scaleb(-2)
        largest = 10 ** rng.randint(0, 12)
        shares = [rng.randint(0, largest) for _ in range(rng.randint(1, 12))]
        cases.append((amount, [shares[0] or 1, *shares[1:]]))
    return cases


def test_cents_are_split_exactly(spark):
    cases = split_cases()
    rows = [(number, amount, shares) for number, (amount, shares) in enumerate(cases)]
    steps = spark.createDataFrame(rows, SPLIT)
    for name, expression in {
        "share_total": "total_share('shares')",
        "parts": "cent_parts('amount', 'shares', 'share_total')",
        "cutoff": "cent_cutoff('parts', 'amount')",
    }.items():
        steps = steps.selectExpr("*", f"{render(expression)} as {name}")
    rounded = render("rounded_part('part', 'cutoff')")
    answers = steps.selectExpr("case", f"transform(parts, part -> {rounded}) as amounts").collect()

    expected = {
        number: [models.amount_of(cents) for cents in models.split(models.cents_of(amount), shares)]
        for number, (amount, shares) in enumerate(cases)
    }
    assert {row.case: row.amounts for row in answers} == expected


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"position_based_first_percent": 30, "position_based_last_percent": 50},
        {"position_based_first_percent": 0, "position_based_last_percent": 0},
        {"position_based_first_percent": 50, "position_based_last_percent": 50},
        {"time_decay_half_life_days": 0.5},
    ],
)
def test_models_share_as_the_oracle_says(spark, variables):
    rng = random.Random(7)
    cases = []
    for count in [1, 2, 3, 4, 12, 500]:
        seconds = sorted(rng.randint(0, 30 * 86400) for _ in range(count))
        cases.append([START + timedelta(seconds=one) for one in seconds])
    # ages that are whole half-lives, and equal ones
    cases.append([START, START + timedelta(days=7), START + timedelta(days=14)])
    cases.append([START, START, START])
    rows = [(number, [(at,) for at in case]) for number, case in enumerate(cases)]
    macro = render(
        "model_shares('touches[0]', 'element_at(touches, -1)', 'touches', 'size(touches)',"
        " 'element_at(touches, -1).touch_at')",
        **variables,
    )
    given = spark.createDataFrame(rows, TOUCHES)
    answers = given.selectExpr("case", f"inline({macro})").collect()

    config = Config(**variables)
    assert len(answers) == len(cases) * len(models.RULE_BASED)
    for row in answers:
        case = cases[row.case]
        if row.model in ("first_touch", "last_touch"):
            assert row.shares == [1]
            assert len(row.touches) == 1
            continue
        expected = models.shares_of(row.model, [at - case[-1] for at in case], config)
        # pow() of a double is one unit in the last place off at most, which can move the floor
        slack = 1 if row.model == "time_decay" else 0
        assert len(row.shares) == len(expected)
        assert all(abs(a - b) <= slack for a, b in zip(row.shares, expected, strict=True))


COSTS = [
    # ties, which half up decides, and doubles do not
    ("1234567.89", 6.0, "205761.32"),
    ("0.01", 2.0, "0.01"),
    ("1.01", 8.0, "0.13"),
    ("0.03", 8.0, "0.00"),
    ("9999999999999999.99", 2.0, "5000000000000000.00"),
    # a third three times is one
    ("10.00", 1 / 3 + 1 / 3 + 1 / 3, "10.00"),
    ("10.00", 0.1 + 0.2, "33.33"),
    ("0.02", 0.4 + 0.4, "0.03"),
    ("0.00", 0.5, "0.00"),
    ("10.00", 0.0, None),
]


def test_a_cost_by_conversions_is_rounded_half_up(spark):
    rows = [(Decimal(cost), conversions) for cost, conversions, _ in COSTS]
    given = spark.createDataFrame(rows, "cost decimal(28, 2), conversions double")
    sql = render("cost_per_conversion('cost', 'conversions')")
    found = [row["cpa"] for row in given.selectExpr(f"{sql} as cpa").collect()]
    assert found == [None if cpa is None else Decimal(cpa) for _, _, cpa in COSTS]


def test_whole_conversions_divide_as_fractions_do(spark):
    rng = random.Random(20261127)
    pairs = [(Decimal(rng.randint(0, 10**12)).scaleb(-2), rng.randint(1, 400)) for _ in range(2000)]
    given = spark.createDataFrame(
        [(cost, float(count)) for cost, count in pairs], "cost decimal(28, 2), conversions double"
    )
    sql = render("cost_per_conversion('cost', 'conversions')")
    found = [row["cpa"] for row in given.selectExpr(f"{sql} as cpa").collect()]
    cents = [floor(Fraction(cost) / count * 100 + Fraction(1, 2)) for cost, count in pairs]
    assert found == [Decimal(one).scaleb(-2) for one in cents]
