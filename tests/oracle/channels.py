"""What one event shows about where it came from (SPEC.md section 3)."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from tests.oracle.records import RawRecord, unless_missing

DIRECT = "direct"
UNASSIGNED = "unassigned"

# "direct, (direct), none, (none) mean no evidence."
DIRECT_BY_SENDER = frozenset({"direct", "(direct)", "none", "(none)"})

# "organic for a search engine, ai-assistant for an AI assistant, email for a mail client, referral
# for the rest as the medium."
MEDIUM_OF_CATEGORY = {"search": "organic", "ai": "ai-assistant", "email": "email"}
MEDIUM_OF_THE_REST = "referral"


@dataclass(frozen=True)
class Evidence:
    """The channel of an event, and the tags it follows from (all null without evidence)."""

    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None

    @property
    def is_marketing(self) -> bool:
        """Whether there is evidence. "Marketing touches are those whose channel is not direct"."""
        return self.channel != DIRECT


NO_EVIDENCE = Evidence(DIRECT)


@dataclass(frozen=True)
class Tags:
    """Source, medium and campaign while they are being put together."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None

    def filled(self, source: str | None = None, medium: str | None = None) -> "Tags":
        """SPEC: "Each step filling only what is still missing"."""
        return replace(self, source=self.source or source, medium=self.medium or medium)


@dataclass(frozen=True)
class ClickId:
    """A row of click_ids.csv."""

    name: str
    source: str
    medium: str | None


@dataclass(frozen=True)
class ChannelRule:
    """A row of channel_rules.csv; a condition that is None asks for nothing."""

    channel: str
    source: re.Pattern[str] | None
    category: str | None
    medium: re.Pattern[str] | None
    campaign: re.Pattern[str] | None

    def applies(self, tags: Tags, category: str | None) -> bool:
        """Whether every condition holds. A missing value never matches a pattern."""
        if self.category is not None and self.category != category:
            return False
        pairs = (
            (self.source, tags.source),
            (self.medium, tags.medium),
            (self.campaign, tags.campaign),
        )
        return all(
            value is not None and pattern.search(value.lower()) is not None
            for pattern, value in pairs
            if pattern is not None
        )


@dataclass(frozen=True)
class Rules:
    """The rules that are data: the seeds of the dbt project."""

    event_types: Mapping[str, str]
    click_ids: Sequence[ClickId]
    channel_rules: Sequence[ChannelRule]
    source_categories: Mapping[str, str]
    own_domains: frozenset[str]
    referral_exclusions: frozenset[str]

    @classmethod
    def load(cls, seeds_dir: Path) -> "Rules":
        """Reads the seeds as the user edits them."""
        suffixes = [row["suffix"] for row in _seed(seeds_dir, "country_suffixes")]
        return cls(
            event_types={
                row["alias"].lower(): row["event_type"]
                for row in _seed(seeds_dir, "event_type_aliases")
            },
            click_ids=[
                ClickId(row["click_id"].lower(), row["source"], row["medium"] or None)
                for row in _ranked(_seed(seeds_dir, "click_ids"))
            ],
            channel_rules=[
                _channel_rule(row) for row in _ranked(_seed(seeds_dir, "channel_rules"))
            ],
            source_categories=_categories(_seed(seeds_dir, "source_categories"), suffixes),
            own_domains=_domains(_seed(seeds_dir, "own_domains")),
            referral_exclusions=_domains(_seed(seeds_dir, "referral_exclusions")),
        )

    def source_category(self, source: str | None) -> str | None:
        """The category of a source.

        SPEC: "matched on the whole source, or for a host on it and its parent domains, the longest
        first". A name without a dot is no domain: it matches a whole source only (as the seed's own
        description says). The category `none` is an exception below a host that is something.
        """
        if source is None:
            return None
        whole = source.lower()
        name = whole.removeprefix("www.")
        domains = [domain for domain in with_parents(name) if "." in domain]
        for key in (whole, name, *domains):
            if key in self.source_categories:
                return self.source_categories[key]
        return None

    def referrer_medium(self, host: str) -> str:
        """The medium of an untagged visit from this host."""
        return MEDIUM_OF_CATEGORY.get(self.source_category(host) or "", MEDIUM_OF_THE_REST)

    def is_another_site(self, host: str, page_host: str | None) -> bool:
        """Whether a host is neither the visited site nor one that is passed through.

        SPEC: "Not another site are: the host of page_url, its parents and subdomains, the hosts in
        a seed of one's own domains, and those in the referral-exclusion seed".
        """
        if page_host is not None and (
            page_host in with_parents(host) or host in with_parents(page_host)
        ):
            return False
        listed = self.own_domains | self.referral_exclusions
        return not any(key in listed for key in with_parents(host))


def _seed(seeds_dir: Path, name: str) -> list[dict[str, str]]:
    """The rows of a seed, values trimmed."""
    with (seeds_dir / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {key: (value or "").strip() for key, value in row.items() if key is not None}
            for row in csv.DictReader(file)
        ]


def _ranked(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows by their rank, which is a number."""
    return sorted(rows, key=lambda row: int(row["rank"]))


def _channel_rule(row: Mapping[str, str]) -> ChannelRule:
    """A rule with its patterns compiled; they are matched against lower-cased values."""

    def pattern(column: str) -> re.Pattern[str] | None:
        return re.compile(row[column], re.IGNORECASE) if row[column] else None

    return ChannelRule(
        channel=row["channel"],
        source=pattern("source_pattern"),
        category=row["source_category"] or None,
        medium=pattern("medium_pattern"),
        campaign=pattern("campaign_pattern"),
    )


def _categories(rows: list[dict[str, str]], suffixes: Sequence[str]) -> dict[str, str]:
    """Source -> category; `google.{}` stands for google with each country suffix."""
    categories: dict[str, str] = {}
    for row in rows:
        if row["source"].endswith(".{}"):
            name = row["source"].removesuffix("{}").lower()
            categories.update({name + suffix: row["category"] for suffix in suffixes})
    # a source written out in full is more particular than a pattern
    in_full = [row for row in rows if "{}" not in row["source"]]
    categories.update({row["source"].lower(): row["category"] for row in in_full})
    return categories


def _domains(rows: list[dict[str, str]]) -> frozenset[str]:
    """The domains of a seed, in the form `host_of` gives."""
    return frozenset(host for row in rows if (host := host_of(row["domain"])) is not None)


# --- URLs -----------------------------------------------------------------------------------------


def host_of(url: str | None) -> str | None:
    """The host of a URL: lower case, without user, port, leading `www.` and trailing dot.

    The scheme may be missing, but then only a name with a dot is a host (`google.com/search`), not
    a word (`null`, `not a url`). "Android apps' referrers (android-app://…) count by the app."
    """
    if url is None:
        return None
    scheme, rest = _split_scheme(url.strip())
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    host = re.sub(r":[0-9]*$", "", host).lower().removesuffix(".").removeprefix("www.")
    is_name = re.fullmatch(r"[\w-]+(?:\.[\w-]+)*", host) is not None
    return host if is_name and (scheme or "." in host) else None


def _split_scheme(url: str) -> tuple[str, str]:
    """`https://a.b/c` -> (`https`, `a.b/c`); without a scheme the first part is empty."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://|//", url)
    return (match[1] or "//", url[match.end() :]) if match else ("", url)


def with_parents(host: str) -> list[str]:
    """The host and its parent domains, the longest first: a.b.c, b.c, c."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def query_parameter(url: str | None, name: str) -> str | None:
    """The first non-empty value of a query parameter; its name is matched ignoring case."""
    for key, value in _query(url or ""):
        if key.lower() == name and (decoded := _decoded(value).strip()):
            return decoded
    return None


def _query(url: str) -> Iterator[tuple[str, str]]:
    """Name and undecoded value of each parameter. The fragment is no part of the query string."""
    query = url.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        yield name, value


def _decoded(value: str) -> str:
    """`+` is a space, %XX is UTF-8; what cannot be decoded is kept as it is."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        return value
    try:
        return unquote(value.replace("+", " "), errors="strict")
    except UnicodeDecodeError:
        return value


# --- Evidence -------------------------------------------------------------------------------------


def evidence_of(record: RawRecord, rules: Rules) -> Evidence:
    """SPEC: "Channel is what this event alone shows (section 3), direct if it shows nothing"."""
    tags = campaign_tags(record)
    by_sender = record.campaign_text("channel")
    if by_sender is not None:
        return evidence_by_sender(by_sender, tags)

    page_host = host_of(record.text("page_url"))
    tags = with_click_ids(tags, record, rules)
    tags = with_referrer(tags, record, page_host, rules)
    if shows_nothing(tags, page_host, rules):
        return NO_EVIDENCE
    channel = channel_of(tags, rules)
    # A user's own rule may name direct: "Marketing touches are those whose channel is not direct."
    if channel == DIRECT:
        return NO_EVIDENCE
    return Evidence(channel, tags.source, tags.medium, tags.campaign)


def campaign_tags(record: RawRecord) -> Tags:
    """SPEC: "Campaign tags. Missing ones are read from page_url's query string"."""
    return Tags(*(_column_or_query(record, f"utm_{n}") for n in ("source", "medium", "campaign")))


def _column_or_query(record: RawRecord, name: str) -> str | None:
    """A campaign field from its column or, missing there, from page_url."""
    in_url = unless_missing(query_parameter(record.text("page_url"), name))
    return record.campaign_text(name) or in_url


def evidence_by_sender(channel: str, tags: Tags) -> Evidence:
    """Rule 1: the sender has decided.

    SPEC: "channel, if the sender gave one: trimmed, lower-cased, spaces and hyphens to _. It
    stands, and source, medium, campaign are the tags as given; direct, (direct), none, (none) mean
    no evidence".
    """
    if channel.lower() in DIRECT_BY_SENDER:
        return NO_EVIDENCE
    name = channel.lower().replace(" ", "_").replace("-", "_")
    return Evidence(name, tags.source, tags.medium, tags.campaign)


def with_click_ids(tags: Tags, record: RawRecord, rules: Rules) -> Tags:
    """Rule 2, second step, in the order of the seed.

    SPEC: "click ids: gclid, gbraid, wbraid, dclid -> google / cpc; msclkid -> bing / cpc; ttclid ->
    tiktok / paid_social; fbclid -> facebook, no medium (organic unless tagged)", "as columns or in
    page_url's query string".
    """
    for click_id in rules.click_ids:
        if _column_or_query(record, click_id.name) is not None:
            tags = tags.filled(click_id.source, click_id.medium)
    return tags


def with_referrer(tags: Tags, record: RawRecord, page_host: str | None, rules: Rules) -> Tags:
    """Rule 2, third step.

    SPEC: "the referrer, if it is another site: its host without www. as the source; and, if there
    is neither medium nor campaign, organic for a search engine, ..." as the medium.
    """
    host = host_of(record.text("referrer"))
    if host is None or not rules.is_another_site(host, page_host):
        return tags
    if tags.medium is None and tags.campaign is None:
        return tags.filled(host, rules.referrer_medium(host))
    return tags.filled(host)


def shows_nothing(tags: Tags, page_host: str | None, rules: Rules) -> bool:
    """Whether what was put together is no evidence.

    SPEC: "Nothing found, or source (direct) with medium (none), (not set) or none: no evidence,
    channel direct. Nor is a tagged source that is not another site, with medium referral or none
    (a self-referral that some tracker wrote down)".
    """
    if tags == Tags():
        return True
    source, medium = (tags.source or "").lower(), (tags.medium or "").lower()
    # medium (not set) has become missing when the tags were read
    if source == "(direct)" and medium in ("", "(none)"):
        return True
    host = source.removesuffix(".").removeprefix("www.")
    is_self = "." in host and not rules.is_another_site(host, page_host)
    return is_self and medium in ("", "referral")


def channel_of(tags: Tags, rules: Rules) -> str:
    """Rule 3.

    SPEC: "Anything found goes once through GA4's default channel groups, in GA4's order, not
    case-sensitive. Tagged but matching no rule: unassigned, which is evidence, not direct".
    """
    category = rules.source_category(tags.source)
    for rule in rules.channel_rules:
        if rule.applies(tags, category):
            return rule.channel
    return UNASSIGNED
