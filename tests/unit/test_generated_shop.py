"""The generated shop, as far as no Spark is needed."""

import pytest
from click.testing import CliRunner

from dagster_code.cli import cli
from dagster_code.lib.commands.shop import DEFAULT_SEED, checked_shop
from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import load_settings
from dagster_code.lib.shop.journeys import (
    DAYS,
    FIRST_DAY,
    LAST_DAY,
    Shop,
    clients_sql,
    events_of_forty,
    events_sql,
    spend_sql,
)
from dagster_code.lib.shop.origins import DIRECT, ORIGINS
from dagster_code.lib.shop.write import shop_folder


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path)})


@pytest.mark.parametrize("role", ["opens", "assists", "closes", "alone"])
def test_the_shares_of_a_role_make_a_hundred(role):
    assert sum(getattr(origin, role) for origin in ORIGINS) == 100


def test_the_first_origin_is_direct():
    origin = ORIGINS[DIRECT - 1]
    assert (origin.source, origin.medium, origin.click_id, origin.referrer) == (None,) * 4


def test_openers_win_customers_and_closers_hardly_do():
    openers = [origin for origin in ORIGINS if origin.opens > 2 * origin.closes]
    closers = [origin for origin in ORIGINS if origin.closes > 2 * origin.opens]
    assert len(openers) >= 4
    assert len(closers) >= 4
    assert min(origin.effect for origin in openers) > max(origin.effect for origin in closers)


def test_the_period_has_120_days_and_is_over():
    assert (LAST_DAY - FIRST_DAY).days == DAYS - 1 == 119
    assert str(LAST_DAY) == "2026-06-30"


@pytest.mark.parametrize("records", [1_000, 1_001, 200_000, 50_000_000])
def test_there_are_enough_clients_for_the_records(records):
    shop = Shop(records, 1)
    assert shop.clients // 40 * events_of_forty() >= records
    assert (shop.clients - 40) // 40 * events_of_forty() < records


def test_other_seeds_and_sizes_are_other_shops():
    shops = [Shop(1_000, 1), Shop(1_000, 2), Shop(1_001, 1)]
    assert len({shop.name for shop in shops}) == 3
    for statement in (events_sql, clients_sql, spend_sql):
        assert len({statement(shop) for shop in shops}) >= 2


def test_a_seed_alone_is_refused(settings):
    with pytest.raises(UserError, match="--seed chooses among generated shops: give --generated N"):
        checked_shop(settings, None, 3)
    assert checked_shop(settings, None, None) is None
    assert checked_shop(settings, 5_000, None) == Shop(5_000, DEFAULT_SEED)


def test_the_sample_does_not_land_beside_a_generated_shop(settings):
    cut_off = settings.home / "generated" / ".5000-records-seed-1"
    cut_off.mkdir(parents=True)
    assert checked_shop(settings, None, None) is None
    shop_folder(settings, Shop(5_000, 1)).mkdir()
    with pytest.raises(UserError, match="invented events") as refusal:
        checked_shop(settings, None, None)
    assert str(refusal.value).endswith("ATTRIBUTION_HOME=~/sample attribution demo")
    assert checked_shop(settings, 5_000, 1) == Shop(5_000, 1)


@pytest.mark.parametrize("number", ["999", "50000001", "many"])
def test_a_shop_of_an_impossible_size_is_refused(number):
    result = CliRunner().invoke(cli, ["demo", "--generated", number])
    assert result.exit_code == 2
    assert "--generated" in result.output
