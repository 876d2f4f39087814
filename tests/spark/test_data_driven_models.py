"""Markov and Shapley in SQL against the oracle's exact ones, on random path sets."""

import random
from collections import Counter
from decimal import Decimal

import pytest

from tests.oracle import models
from tests.spark.macros import render_model

PATH_SETS = 60
BATCH = 10
TOLERANCE = 1e-9
LENGTHS = [1, 1, 2, 3, 5, 9]


def random_paths(seed):
    """Counted paths; also such that nothing converts, or all do."""
    rng = random.Random(seed)
    channels = [f"channel {seed:02}-{n}" for n in range(rng.randint(1, 8))]
    paths = Counter()
    for _ in range(rng.randint(1, 25)):
        chosen = tuple(rng.choice(channels) for _ in range(rng.choice(LENGTHS)))
        converted = rng.choice([0, 0, 1, 3, 20]) if seed % 10 else 0
        paths[models.Path(chosen, True)] += converted
        paths[models.Path(chosen, False)] += rng.choice([0, 1, 5, 100]) if converted else 1
    return +paths


def random_cents(seed, paths):
    """What the converting paths brought; often few cents, so that many are left over."""
    rng = random.Random(seed)
    converting = [path for path in paths if path.converts]
    return Counter({path: rng.randint(0, rng.choice([9, 10**4, 10**12])) for path in converting})


def show(spark, paths, cents):
    """The counted paths, with their revenue, as the view int_channel_paths."""
    rows = []
    for channels in sorted({path.channels for path in paths}):
        listed = ", ".join(f"'{channel}'" for channel in channels)
        counts = [paths[models.Path(channels, converts)] for converts in (True, False)]
        revenue = models.amount_of(cents[models.Path(channels, True)])
        rows.append(
            f"(array({listed}), {counts[0]}L, {counts[1]}L, cast({revenue} as decimal(28, 2)))"
        )
    spark.sql(
        "create or replace temporary view int_channel_paths as select * from values "
        + ", ".join(rows)
        + " as t(channels, conversion_count, unconverted_count, revenue)"
    )


def markov_shares(spark):
    """Channel -> its share, as the model's SQL says."""
    answer = spark.sql(render_model("int_markov_credits")).collect()
    return {row.channel: row.credit_share for row in answer}


def shapley_credits(spark):
    """Channel -> its conversions and its revenue, as the model's SQL says."""
    answer = spark.sql(render_model("int_shapley_credits")).collect()
    return {row.channel: (row.conversions, row.revenue) for row in answer}


@pytest.fixture
def narrow(spark):
    """A handful of rows: plans of one task, run as they are."""
    settings = {
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
    }
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


def batches():
    """Path sets without a common channel, several to a query, with what the paths brought.

    They do not touch each other: what markov gives keeps its proportions within each set, and what
    shapley gives is the same as if each were alone.
    """
    for first in range(0, PATH_SETS, BATCH):
        path_sets = [random_paths(seed) for seed in range(first, first + BATCH)]
        yield [(paths, random_cents(first + n, paths)) for n, paths in enumerate(path_sets)]


def show_together(spark, batch):
    """All path sets of a batch as one view."""
    paths, cents = (sum(counters, Counter()) for counters in zip(*batch, strict=True))
    show(spark, paths, cents)


def test_markov_gives_random_path_sets_the_exact_shares(narrow):
    for batch in batches():
        show_together(narrow, batch)
        answer = markov_shares(narrow)
        for paths, _ in batch:
            expected = models.markov(paths)
            own = {channel for path in paths for channel in path.channels}
            shares = {channel: answer.get(channel, 0.0) for channel in own}
            total = sum(shares.values())
            if not expected:
                assert total == 0
                continue
            for channel, share in shares.items():
                difference = abs(share / total - float(expected.get(channel, 0)))
                assert difference < TOLERANCE, (channel, paths)


def test_shapley_gives_random_path_sets_the_exact_conversions_and_cents(narrow):
    for batch in batches():
        show_together(narrow, batch)
        answer = shapley_credits(narrow)
        for paths, cents in batch:
            expected = models.shapley(paths, cents)
            for channel in {channel for path in paths for channel in path.channels}:
                conversions, revenue = answer.get(channel, (0.0, Decimal("0.00")))
                exact = expected.get(channel, models.Total())
                difference = abs(conversions - float(exact.conversions))
                assert difference < TOLERANCE, (channel, paths)
                assert revenue == models.amount_of(exact.cents), (channel, paths, cents)


def test_nothing_converted_and_nobody_is_credited(narrow):
    show(narrow, Counter({models.Path(("email",), False): 2}), Counter())
    assert markov_shares(narrow) == {}
    assert shapley_credits(narrow) == {}


def test_a_set_of_more_than_twelve_channels_is_split_evenly(narrow):
    channels = tuple(f"channel {n:02}" for n in range(13))
    together, alone = models.Path(channels, True), models.Path(channels[:1], True)
    # 28 cents of the set: two each, and the two that are left to the first names
    show(narrow, Counter({together: 2, alone: 3}), Counter({together: 28, alone: 500}))

    credits = shapley_credits(narrow)

    conversions, revenue = credits.pop("channel 00")
    assert conversions == pytest.approx(3 + 2 / 13, abs=TOLERANCE)
    assert revenue == Decimal("5.03")
    conversions, revenue = credits.pop("channel 01")
    assert conversions == pytest.approx(2 / 13, abs=TOLERANCE)
    assert revenue == Decimal("0.03")
    rest = list(credits.values())
    assert [one for one, _ in rest] == pytest.approx([2 / 13] * 11, abs=TOLERANCE)
    assert [one for _, one in rest] == [Decimal("0.02")] * 11
