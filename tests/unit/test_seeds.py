"""Shape and sanity of the dbt seeds, and GA4's answers for well-known sources."""

import csv
import re
from pathlib import Path

import pytest
import yaml

SEEDS = Path(__file__).parents[2] / "dbt_spark" / "seeds"
KEYS = {
    "event_type_aliases": "alias",
    "click_ids": "click_id",
    "channel_rules": "rank",
    "source_categories": "source",
    "country_suffixes": "suffix",
    "own_domains": "domain",
    "referral_exclusions": "domain",
}
RANKED = ("channel_rules", "click_ids")
CHANNELS = [
    "cross_network",
    "paid_shopping",
    "paid_search",
    "paid_social",
    "paid_video",
    "display",
    "paid_other",
    "organic_shopping",
    "organic_social",
    "organic_video",
    "organic_search",
    "ai_assistant",
    "referral",
    "email",
    "affiliates",
    "audio",
    "sms",
    "mobile_push",
]
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def read(seed: str) -> list[dict[str, str]]:
    """Rows of a seed; fails on a row with too few or too many values."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True, restkey="surplus", restval="?missing"))


ROWS = {seed: read(seed) for seed in KEYS}
CATEGORIES = {row["source"]: row["category"] for row in ROWS["source_categories"]}
SUFFIXES = {row["suffix"] for row in ROWS["country_suffixes"]}


def parents(host: str) -> list[str]:
    """The host and its parent domains, longest first, down to two labels."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def category_of(source: str) -> str | None:
    """Category of a source: whole, or by its longest listed parent domain.

    `{}` at the end of a listed host stands for a country suffix.
    """
    for name in parents(source):
        labels = name.split(".")
        splits = [(".".join(labels[:at]), ".".join(labels[at:])) for at in range(1, len(labels))]
        wild = [f"{head}.{{}}" for head, suffix in splits if suffix in SUFFIXES]
        if found := [CATEGORIES[entry] for entry in [name, *wild] if entry in CATEGORIES]:
            return found[0]
    return None


def channel_of(source: str, medium: str = "", campaign: str = "") -> str:
    """First rule whose conditions all hold; a missing value never matches."""

    def matches(pattern: str, value: str) -> bool:
        return not pattern or bool(value and re.search(pattern, value))

    for rule in ROWS["channel_rules"]:
        if (
            matches(rule["source_pattern"], source)
            and rule["source_category"] in ("", category_of(source))
            and matches(rule["medium_pattern"], medium)
            and matches(rule["campaign_pattern"], campaign)
        ):
            return rule["channel"]
    return "unassigned"


@pytest.mark.parametrize("seed", KEYS)
def test_a_seed_is_tidy_and_its_key_is_unique(seed: str) -> None:
    text = (SEEDS / f"{seed}.csv").read_bytes().decode("utf-8")
    keys = [row[KEYS[seed]] for row in ROWS[seed]]
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert text == text.lower()
    assert not {"\r", "\\", "\ufeff", "\t"} & set(text)
    for row in ROWS[seed]:
        assert "surplus" not in row, row
        assert all(value == value.strip() and value != "?missing" for value in row.values()), row
    assert all(keys)
    assert len(set(keys)) == len(keys)
    if seed not in RANKED and seed != "event_type_aliases":
        assert keys == sorted(keys)


@pytest.mark.parametrize("seed", RANKED)
def test_ranks_increase(seed: str) -> None:
    ranks = [int(row["rank"]) for row in ROWS[seed]]
    assert ranks == sorted(set(ranks))


def test_the_yaml_describes_and_types_every_column_of_every_seed() -> None:
    described = yaml.safe_load((SEEDS / "_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    assert {seed["name"] for seed in described} == {path.stem for path in SEEDS.glob("*.csv")}
    for seed in described:
        with (SEEDS / f"{seed['name']}.csv").open(encoding="utf-8", newline="") as lines:
            header = next(csv.reader(lines))
        assert [column["name"] for column in seed["columns"]] == header
        assert list(seed["config"]["column_types"]) == header
        assert seed["config"]["meta"]["dagster"]["owners"] == ["team:marketing-analytics"]
        assert all(column["description"].strip() for column in seed["columns"])


def test_the_aliases_and_click_ids_are_the_contract_s() -> None:
    # users may add to both
    aliases = {row["alias"]: row["event_type"] for row in ROWS["event_type_aliases"]}
    assert (
        aliases.items()
        >= {
            "page_view": "page_view",
            "pageview": "page_view",
            "screen_view": "page_view",
            "purchase": "purchase",
            "order_completed": "purchase",
            "transaction": "purchase",
            "in_app_purchase": "purchase",
        }.items()
    )
    assert [(row["click_id"], row["source"], row["medium"]) for row in ROWS["click_ids"]][:7] == [
        ("gclid", "google", "cpc"),
        ("gbraid", "google", "cpc"),
        ("wbraid", "google", "cpc"),
        ("dclid", "google", "cpc"),
        ("msclkid", "bing", "cpc"),
        ("ttclid", "tiktok", "paid_social"),
        ("fbclid", "facebook", ""),
    ]


def test_every_channel_has_rules_in_the_order_of_ga4() -> None:
    # from 9000 on stands what no other rule decides, as marts.unassigned_sources suggests it
    channels = [rule["channel"] for rule in ROWS["channel_rules"] if int(rule["rank"]) < 9000]
    ga4_channels = [channel for channel in channels if channel in CHANNELS]
    assert list(dict.fromkeys(ga4_channels)) == CHANNELS
    assert ga4_channels == sorted(ga4_channels, key=CHANNELS.index)


def test_every_rule_has_a_condition_and_patterns_that_compile() -> None:
    for rule in ROWS["channel_rules"]:
        patterns = [rule[f"{field}_pattern"] for field in ("source", "medium", "campaign")]
        assert any([*patterns, rule["source_category"]]), rule
        assert rule["source_category"] in ("", "search", "social", "shopping", "video")
        for pattern in filter(None, patterns):
            assert not re.search(pattern, ""), pattern


def test_hosts_are_bare_and_a_country_stands_last() -> None:
    hosts = [source for source in CATEGORIES if "." in source]
    hosts += [row["domain"] for row in ROWS["referral_exclusions"] + ROWS["own_domains"]]
    for host in hosts:
        assert HOST.fullmatch(host.removesuffix(".{}") + ".x"), host
        assert "." in host, host
        assert not host.startswith("www."), host
    categories = {"search", "social", "shopping", "video", "ai", "email", "none"}
    assert set(CATEGORIES.values()) == categories
    assert all(re.fullmatch(r"((com|co)\.)?[a-z]{2}|com|cat", suffix) for suffix in SUFFIXES)


def test_no_exclusion_hides_a_site_that_refers_visitors() -> None:
    excluded = {row["domain"] for row in ROWS["referral_exclusions"]}
    sites = "www.google.com www.facebook.com l.facebook.com mail.google.com www.amazon.com t.co"
    sites += " outlook.live.com www.bing.com search.yahoo.com www.naver.com yandex.ru shop.app"
    assert not [site for site in sites.split() if excluded & set(parents(site))]
    providers = "accounts.google.com www.paypal.com checkout.stripe.com login.microsoftonline.com"
    assert all(excluded & set(parents(site)) for site in providers.split())


def test_the_readme_names_each_source_and_carries_the_mit_notice() -> None:
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    for phrase in ("Velir/dbt-ga4", "Copyright (c) 2022 Adam Ribaudo", "CC0", "MIT License"):
        assert phrase in readme
    for phrase in ("SearchEngines.yml", "AIAssistants.yml", 'THE SOFTWARE IS PROVIDED "AS IS"'):
        assert phrase in readme


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("google.com", "search"),
        ("google.co.uk", "search"),
        ("google.com.br", "search"),
        ("images.google.fr", "search"),
        ("lens.google.com", "search"),
        ("de.search.yahoo.com", "search"),
        ("cn.bing.com", "search"),
        ("duckduckgo.com", "search"),
        ("com.google.android.googlequicksearchbox", "search"),
        ("mail.google.com", "email"),
        ("mail.yahoo.com", "email"),
        ("mail.yandex.ru", "email"),
        ("outlook.live.com", "email"),
        ("com.google.android.gm", "email"),
        ("gemini.google.com", "ai"),
        ("perplexity.ai", "ai"),
        ("chatgpt.com", "ai"),
        ("you.com", "ai"),
        ("com.openai.chatgpt", "ai"),
        ("docs.google.com", "none"),
        ("accounts.google.de", "none"),
        ("plus.google.com", "social"),
        ("blog.naver.com", "social"),
        ("facebook.com", "social"),
        ("x.com", "social"),
        ("cnn.com", None),
        ("notgoogle.com", None),
        ("google.com.example.org", None),
        ("blog.google", None),
    ],
)
def test_a_host_has_the_category_of_its_longest_match(host: str, kind: str | None) -> None:
    assert category_of(host) == kind


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("google", "cpc", "", "paid_search"),
        ("google", "cpm", "", "paid_search"),
        ("bing", "ppc", "", "paid_search"),
        ("foo", "cpm", "", "display"),
        ("foo", "banner", "", "display"),
        ("foo", "cpc", "", "paid_other"),
        ("foo", "retargeting", "", "paid_other"),
        ("google", "cpc", "x-cross-network-1", "cross_network"),
        ("google", "cpc", "eshop sale", "paid_shopping"),
        ("google", "cpc", "workshop", "paid_search"),
        ("ebay.de", "cpc", "", "paid_shopping"),
        ("foo", "newsletter", "my-shop", "organic_shopping"),
        ("foo", "newsletter", "shopping", "organic_shopping"),
        ("foo", "newsletter", "workshop", "unassigned"),
        ("google shopping", "organic", "", "organic_shopping"),
        ("tiktok", "paid_social", "", "paid_social"),
        ("m.facebook.com", "cpc", "", "paid_social"),
        ("youtube", "cpv", "", "paid_video"),
        ("youtube", "cpc", "", "paid_video"),
        ("facebook", "", "", "organic_social"),
        ("t.co", "referral", "", "organic_social"),
        ("foo", "social media", "", "organic_social"),
        ("x.com", "referral", "", "organic_social"),
        ("google.com", "cpc", "", "paid_search"),
        ("google.de", "cpc", "", "paid_search"),
        ("docs.google.com", "referral", "", "referral"),
        ("mail.google.com", "email", "", "email"),
        ("x", "social", "", "organic_social"),
        ("mastodon.social", "referral", "", "organic_social"),
        ("plus.google.com", "referral", "", "organic_social"),
        ("blog.naver.com", "referral", "", "organic_social"),
        ("com.facebook.katana", "referral", "", "organic_social"),
        ("com.google.android.youtube", "referral", "", "organic_video"),
        ("foo", "video-ad", "", "organic_video"),
        ("google.co.uk", "organic", "", "organic_search"),
        ("ecosia.org", "referral", "", "organic_search"),
        ("chatgpt.com", "ai-assistant", "", "ai_assistant"),
        ("chatgpt.com", "referral", "", "referral"),
        ("foo", "link", "", "referral"),
        ("newsletter", "email", "", "email"),
        ("mail", "e-mail", "", "email"),
        ("email", "", "", "email"),
        ("newsletter", "emailing", "", "unassigned"),
        ("foo", "affiliate", "", "affiliates"),
        ("foo", "audio", "", "audio"),
        ("sms", "", "", "sms"),
        ("foo", "sms", "", "sms"),
        ("firebase", "anything", "", "mobile_push"),
        ("firebase", "cpc", "", "paid_other"),
        ("foo", "web-push", "", "mobile_push"),
        ("foo", "pushed", "", "unassigned"),
        ("foo", "app notification", "", "mobile_push"),
        ("", "", "spring", "unassigned"),
    ],
)
def test_a_known_source_gets_the_channel_of_ga4(
    source: str, medium: str, campaign: str, channel: str
) -> None:
    assert channel_of(source, medium, campaign) == channel
