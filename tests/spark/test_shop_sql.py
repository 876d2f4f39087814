"""The generated shop on Spark: as many records as asked for, the same each time, and rich."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.settings import load_settings
from dagster_code.lib.shop.journeys import Shop, clients_sql, events_sql, spend_sql
from dagster_code.lib.shop.write import check_home, shop_folder, write_shop

SHOP = Shop(5_000, 1)


@pytest.fixture(scope="module")
def events(spark):
    return [row.asDict() for row in spark.sql(events_sql(SHOP)).collect()]


@pytest.fixture(scope="module")
def valid(events):
    """The records that are neither invalid nor a second delivery, by client, in order."""
    once = {event["event_id"]: event for event in events}.values()
    clients = defaultdict(list)
    for event in sorted(once, key=lambda event: event["event_time"]):
        if event["client_id"] and event["event_time"] != "yesterday":
            clients[event["client_id"]].append(event)
    return clients


def origin_of(event):
    """What an event shows of where it comes from; ``None`` if nothing."""
    url, referrer = event["page_url"] or "", event["referrer"] or ""
    shown = event["utm_source"] or event["gclid"] or event["fbclid"] or event["ttclid"]
    if "utm_source=" in url:
        return url.split("utm_source=")[1].split("&utm_campaign")[0]
    if shown or (referrer and "shop.example" not in referrer):
        return f"{event['utm_source']} {event['utm_medium']} {referrer}"
    return None


def test_there_are_exactly_as_many_records_as_asked_for(spark, events):
    assert len(events) == 5_000
    for count in (1_000, 1_001, 1_002, 2_002):
        assert spark.sql(events_sql(Shop(count, 1))).count() == count


def test_the_partitioning_and_the_time_change_nothing(spark, events):
    again = spark.sql(events_sql(SHOP)).repartition(5).collect()
    assert Counter(map(tuple, again)) == Counter(tuple(event.values()) for event in events)
    other = spark.sql(events_sql(replace(SHOP, seed=2))).collect()
    assert not {row["event_id"] for row in other} & {event["event_id"] for event in events}


def test_a_few_records_are_invalid_or_come_twice(events):
    ids = Counter(event["event_id"] for event in events)
    assert sum(count - 1 for count in ids.values()) == 4
    invalid = [
        event
        for event in events
        if event["client_id"] is None
        or event["event_time"] == "yesterday"
        or event["event_type"] == "add_to_cart"
    ]
    assert 1 <= len(invalid) <= 15


def test_the_journeys_have_several_visits_origins_and_purchases(valid):
    origins = [
        {origin for event in journey if (origin := origin_of(event))} for journey in valid.values()
    ]
    assert sum(len(found) >= 2 for found in origins) / len(origins) > 0.3
    assert sum(not found for found in origins) / len(origins) > 0.05
    bought = [
        sum(event["event_type"] == "purchase" for event in journey) for journey in valid.values()
    ]
    assert 0.06 < sum(map(bool, bought)) / len(bought) < 0.3
    assert max(bought) >= 2


def test_revenue_times_and_platforms_are_as_a_shop_has_them(valid):
    events = [event for journey in valid.values() for event in journey]
    paid = [
        Decimal(event["revenue"])
        for event in events
        if event["event_type"] == "purchase" and event["revenue"] != "free"
    ]
    assert min(paid) > 5
    assert max(paid) > 150
    assert all(event["order_id"] for event in events if event["event_type"] == "purchase")
    assert min(event["event_time"] for event in events)[:7] == "2026-03"
    assert max(event["event_time"] for event in events)[:10] <= "2026-06-30"
    assert {event["platform"] for event in events} == {"web", "ios", "android"}


def test_openers_open_and_closers_close(valid):
    first, last = Counter(), Counter()
    for journey in valid.values():
        shown = [origin for event in journey if (origin := origin_of(event))]
        if len(shown) >= 2:
            first[shown[0].split("&")[0]] += 1
            last[shown[-1].split("&")[0]] += 1
    assert first["facebook"] > 2 * last["facebook"]
    assert last["newsletter"] > 2 * first["newsletter"]


def test_clients_and_spend_belong_to_the_shop(spark, valid):
    clients = spark.sql(clients_sql(SHOP)).collect()
    ids = {row["client_id"] for row in clients}
    assert len(ids) == len(clients)
    assert len(ids & set(valid)) / len(ids) > 0.9
    spend = spark.sql(spend_sql(SHOP)).collect()
    assert len({(row["date"], row["campaign"]) for row in spend}) == len(spend) == 120 * 3 * 10
    assert min(row["date"] for row in spend) == "2026-03-03"
    assert max(row["date"] for row in spend) == "2026-06-30"
    revenue = sum(
        Decimal(event["revenue"])
        for journey in valid.values()
        for event in journey
        if event["event_type"] == "purchase" and event["revenue"] != "free"
    )
    assert revenue / 20 < sum(Decimal(row["cost"]) for row in spend) < revenue


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path / "home")})


def sums(folder):
    files = sorted(folder.rglob("*.parquet"))
    assert files
    return sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def test_the_files_are_written_once_and_have_the_same_bytes_in_another_home(
    spark, settings, tmp_path
):
    told = []
    shop = Shop(1_000, 7)
    paths = write_shop(spark, settings, shop, told.append)
    assert told == ["generating a shop of 1,000 event records (seed 7)"]
    folder = shop_folder(settings, shop)
    assert paths == {kind: (f"{folder}/{kind}",) for kind in ("events", "clients", "spend")}
    assert write_shop(spark, settings, shop, told.append) == paths
    assert len(told) == 1
    other = load_settings({"ATTRIBUTION_HOME": str(tmp_path / "other")})
    # what a killed writer left
    (shop_folder(other, shop).with_name(f".{shop.name}") / "events").mkdir(parents=True)
    write_shop(spark, other, shop, told.append)
    assert sums(shop_folder(other, shop)) == sums(folder)
    assert [path.name for path in shop_folder(other, shop).parent.iterdir()] == [shop.name]


class Register:
    """Stands for a session of which only the register is asked."""

    def __init__(self, spark, files):
        self.catalog = self
        self._files = None if files is None else spark.createDataFrame(files, "source_file string")

    def tableExists(self, name):  # noqa: N802  PySpark's name
        assert name == "raw.landed_files"
        return self._files is not None

    def table(self, name):
        return self._files


def test_a_home_with_other_data_is_refused(spark, settings):
    own = f"{shop_folder(settings, SHOP)}/events/part-0.parquet"
    check_home(Register(spark, None), settings, SHOP)
    check_home(Register(spark, []), settings, SHOP)
    check_home(Register(spark, [(own,)]), settings, SHOP)
    other = f"{shop_folder(settings, replace(SHOP, seed=2))}/events/part-0.parquet"
    for stranger in ("/data/real.csv", other):
        with pytest.raises(UserError, match="holds other data") as caught:
            check_home(Register(spark, [(own,), (stranger,)]), settings, SHOP)
        assert stranger in str(caught.value)
        assert "ATTRIBUTION_HOME=~/shop attribution demo --generated 5000" in str(caught.value)
