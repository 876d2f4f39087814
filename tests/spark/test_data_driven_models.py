"""Markov and Shapley in SQL against the oracle's exact ones, on random path sets."""

import random
from collections import Counter

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


def show(spark, paths):
    """The counted paths as the view int_channel_paths."""
    rows = []
    for channels in sorted({path.channels for path in paths}):
        listed = ", ".join(f"'{channel}'" for channel in channels)
        counts = [paths[models.Path(channels, converts)] for converts in (True, False)]
        rows.append(f"(array({listed}), {counts[0]}L, {counts[1]}L)")
    spark.sql(
        "create or replace temporary view int_channel_paths as select * from values "
        + ", ".join(rows)
        + " as t(channels, conversion_count, unconverted_count)"
    )


def credit_shares(spark, model):
    """Channel -> its share, as the model's SQL says."""
    answer = spark.sql(render_model(f"int_{model}_credits")).collect()
    return {row.channel: row.credit_share for row in answer}


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


@pytest.mark.parametrize("model", ["markov", "shapley"])
def test_random_path_sets_have_the_exact_shares(narrow, model):
    exact = getattr(models, model)
    for first in range(0, PATH_SETS, BATCH):
        # Sets without a common channel do not touch each other: within each, the shares keep their
        # proportions. So a query judges several.
        path_sets = {seed: random_paths(seed) for seed in range(first, first + BATCH)}
        show(narrow, sum(path_sets.values(), Counter()))
        answer = credit_shares(narrow, model)
        for paths in path_sets.values():
            expected = exact(paths)
            own = {channel for path in paths for channel in path.channels}
            shares = {channel: answer.get(channel, 0.0) for channel in own}
            total = sum(shares.values())
            if not expected:
                assert total == 0
                continue
            for channel, share in shares.items():
                difference = abs(share / total - float(expected.get(channel, 0)))
                assert difference < TOLERANCE, (channel, paths)


def test_nothing_converted_and_nobody_is_credited(narrow):
    show(narrow, Counter({models.Path(("email",), False): 2}))
    assert credit_shares(narrow, "markov") == {}
    assert credit_shares(narrow, "shapley") == {}


def test_a_set_of_more_than_twelve_channels_is_split_evenly(narrow):
    channels = tuple(f"channel {n:02}" for n in range(13))
    show(narrow, Counter({models.Path(channels, True): 2, models.Path(channels[:1], True): 3}))

    shares = credit_shares(narrow, "shapley")

    assert shares.pop("channel 00") == pytest.approx((3 + 2 / 13) / 5, abs=TOLERANCE)
    assert list(shares.values()) == pytest.approx([2 / 13 / 5] * 12, abs=TOLERANCE)
