"""Which models find what was planted; the pipeline has the oracle's tables, tested apart."""

from datetime import UTC, datetime

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.oracle import Rules, records_from, run
from tests.oracle.models import MODELS
from tests.oracle.planted import planted_shop

RULES = Rules.load(DBT_PROJECT_DIR / "seeds")


@pytest.fixture(scope="module", params=[1, 2, 3])
def shop(request):
    """The true worth of the channels, and what each model gives them."""
    records, worth = planted_shop(request.param, 6000)
    rows = run(records_from(records, datetime.now(UTC)), [], RULES)["model_comparison"]
    given = {
        model: {row["channel"]: row["conversions"] for row in rows if row["model"] == model}
        for model in MODELS
    }
    return worth, given


def order(amounts, channels):
    return sorted(channels, key=lambda channel: -amounts.get(channel, 0))


def distance(worth, given):
    """How many conversions stand at the wrong channel."""
    scale = sum(given[channel] for channel in worth) / sum(worth.values())
    return sum(abs(given[channel] - worth[channel] * scale) for channel in worth) / 2


def test_shapley_finds_the_planted_order_and_last_touch_does_not(shop):
    worth, given = shop
    assert order(given["shapley"], worth) == order(worth, worth)
    assert order(given["last_touch"], worth) != order(worth, worth)


def test_shapley_is_nearer_to_the_truth_than_every_rule(shop):
    worth, given = shop
    distances = {model: distance(worth, given[model]) for model in MODELS}
    assert min(distances, key=distances.__getitem__) == "shapley", distances
