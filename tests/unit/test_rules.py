"""A wrong edit of a rule seed: one line that names file, line and what is wrong."""

import ast
import re
import shutil

import pytest

from dagster_code.lib import rules
from dagster_code.lib.commands.run import run_pipeline
from dagster_code.lib.errors import UserError
from dagster_code.lib.rules import SEEDS, check_rules, mistakes, pattern_problem
from dagster_code.lib.settings import DBT_PROJECT_DIR, load_settings
from tests.oracle import Rules

RULE = "7000,podcast_ads,,,^podcast$,,own\n"

# By the seed that gets the line: the line, and what is said of it.
WRONG_LINES = {
    "channel_rules": [
        ("100,email,,,^e$,,x", "rank '100' stands on line 2 already"),
        ("0100,email,,,^e$,,x", "rank '100' stands on line 2 already"),
        ("7e3,email,,,^e$,,x", "rank '7e3' is not a whole number"),
        ("-7,email,,,^e$,,x", "rank '-7' is not a whole number"),
        ("9999999999,email,,,^e$,,x", "rank '9999999999' is not a whole number"),
        (",email,,,^e$,,x", "rank '' is not a whole number"),
        ("7000,,,,^e$,,x", "channel is empty"),
        ("7000,direct,,,^e$,,x", "channel 'direct' is reserved"),
        ("7000,unattributed,,,^e$,,x", "channel 'unattributed' is reserved"),
        ("7000,Podcast Ads,,,^e$,,x", "channel 'Podcast Ads' is not in snake case"),
        ("7000,email,,,,,x", "the rule has no condition"),
        ("7000,email,,serach,,,x", "unknown source_category 'serach'"),
        ("7000,email,,,^(e-mail$,,x", "missing ), unterminated subpattern"),
        ("7000,email,*mail,,,,x", "nothing to repeat before '*'"),
        ("7000,email,,,,[z-a],x", "bad character range z-a"),
        ("7000,email,,,^Newsletter$,,x", "has a capital letter"),
        ("7000,email,,,mail\\.ru,,x", "has a backslash"),
        ("7000,email,,,^e$", "5 values for 7 columns"),
        ("7000,email,,,a{1,2},,x", "8 values for 7 columns"),
        ("7000, email,,,^e$,,x", "channel ' email' has a blank"),
        ('7000,email,,,"^e$,,x', "this is no CSV"),
    ],
    "source_categories": [
        ("google,search,own", "source 'google' stands on line"),
        ("new.example,serach,own", "unknown category 'serach'"),
        ("new.example,,own", "category is empty"),
        (",search,own", "source is empty"),
        ("www.new.example,search,own", "must be without www."),
        ("https://new.example,search,own", "is not a host"),
        ("new.example/path,search,own", "is not a host"),
        ("new..example,search,own", "is not a host"),
        ("{}.new.example,search,own", "only as the last label"),
        ("New,search,own", "must be in lower case"),
    ],
    "own_domains": [
        ("localhost", "'localhost' is not a host"),
        ("shop.example:8080", "'shop.example:8080' is not a host"),
        ("Shop.example", "must be in lower case"),
        ("a.b.c.d.e.f.g.example", "'a.b.c.d.e.f.g.example' has more than 7 labels"),
    ],
    "referral_exclusions": [
        ("paypal.com,paypal", "domain 'paypal.com' stands on line"),
        ("http://pay.example,pay", "is not a host"),
    ],
    "country_suffixes": [
        (".de", "suffix '.de' is not the end of a host"),
        ("de", "suffix 'de' stands on line"),
    ],
    "click_ids": [
        ("7,newid,new,cpc", "rank '7' stands on line 8 already"),
        ("8,gclid,google,cpc", "click_id 'gclid' stands on line 2 already"),
        ("8,newid,,cpc", "source is empty"),
        ("8,New Id,new,cpc", "is not a lower-case name"),
    ],
    "event_type_aliases": [
        ("refunded,refund", "unknown event_type 'refund'"),
        ("Bought,purchase", "must be in lower case"),
    ],
    "channel_suggestions": [
        ("9000,a,b,email,why", "either a source_pattern or a medium_pattern"),
        ("9000,a,,email,", "reason is empty"),
    ],
}


@pytest.fixture
def seeds(tmp_path):
    """A copy of the shipped seeds, to be spoilt."""
    folder = tmp_path / "seeds"
    shutil.copytree(DBT_PROJECT_DIR / "seeds", folder)
    return folder


def append(seeds, name, line):
    """Add a line to a seed and give its number."""
    path = seeds / f"{name}.csv"
    text = path.read_text(encoding="utf-8") + line + "\n"
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def test_the_shipped_seeds_are_right():
    assert mistakes(DBT_PROJECT_DIR / "seeds") == []


def test_every_seed_of_the_project_is_checked():
    assert set(SEEDS) == {path.stem for path in (DBT_PROJECT_DIR / "seeds").glob("*.csv")}


@pytest.mark.parametrize(
    ("name", "line", "what"),
    [(name, line, what) for name, cases in WRONG_LINES.items() for line, what in cases],
)
def test_a_wrong_line_is_named_by_file_and_line(seeds, name, line, what):
    number = append(seeds, name, line)
    with pytest.raises(UserError) as refused:
        check_rules(seeds)
    message = str(refused.value)
    assert message.startswith(f"dbt_spark/seeds/{name}.csv, line {number}: ")
    assert what in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("medium_pattern", "medium_patern"), "unknown column 'medium_patern'"),
        (("campaign_pattern,", ""), "the column 'campaign_pattern' is missing"),
        (("channel,", "channel,channel,"), "the column 'channel' is there twice"),
    ],
)
def test_a_wrong_header_is_named(seeds, change, what):
    path = seeds / "channel_rules.csv"
    header, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(header.replace(*change) + "\n" + rest, encoding="utf-8")
    found = mistakes(seeds)
    assert found[0].startswith(
        f"dbt_spark/seeds/channel_rules.csv, line 1: {what}; the columns are"
    )


def test_a_missing_and_an_unreadable_file_are_named(seeds):
    (seeds / "own_domains.csv").unlink()
    (seeds / "click_ids.csv").write_bytes(b"rank,click_id,source,medium\n8,\xff,a,b\n")
    assert [line.split(";")[0] for line in mistakes(seeds)] == [
        "dbt_spark/seeds/click_ids.csv, line 1: the file is not UTF-8",
        "dbt_spark/seeds/own_domains.csv, line 1: the file is missing",
    ]


def test_the_first_mistake_is_told_with_the_number_of_the_others(seeds):
    append(seeds, "own_domains", "a b")
    append(seeds, "own_domains", "c d")
    with pytest.raises(UserError, match=r"line 2: .*\(and 1 more\)$"):
        check_rules(seeds)


def test_columns_in_another_order_a_byte_order_mark_and_windows_lines_are_fine(seeds):
    (seeds / "click_ids.csv").write_bytes(
        "\ufeffmedium,source,click_id,rank\r\ncpc,google,gclid,1\r\n\r\n".encode()
    )
    assert mistakes(seeds) == []


@pytest.mark.parametrize(
    "pattern",
    ["", "^(a|b)$", "a*+", "(?<name>a)", "(?i)Mail", "[{(*]", "[A-Z]", "a{2}{3}", "^*a", "[a-[b]]"],
)
def test_what_java_may_read_is_not_refused(pattern):
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["a)", "(a", "[a", "+a", "a|*b", "(+a)", "a{", "{,3}", "a{3,2}"]
)
def test_what_no_engine_reads_is_refused(pattern):
    assert "no regular expression" in str(pattern_problem(pattern))


def test_a_channel_of_ones_own_is_one_line(seeds):
    path = seeds / "channel_rules.csv"
    path.write_text(path.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    assert mistakes(seeds) == []
    assert Rules.load(seeds).channel_rules[-1].channel == "podcast_ads"


def test_a_category_of_ones_own_needs_both_sides(seeds):
    append(seeds, "source_categories", "acast,podcasts,own")
    assert len(mistakes(seeds)) == 1
    append(seeds, "channel_rules", "7000,podcast_ads,,podcasts,,,podcast app")
    assert mistakes(seeds) == []


def test_a_run_with_a_wrong_rule_starts_nothing(seeds, monkeypatch):
    append(seeds, "channel_rules", RULE.replace("^podcast$", "(podcast").strip())
    monkeypatch.setattr(rules, "DBT_PROJECT_DIR", seeds.parent)
    told = []
    with pytest.raises(UserError, match=r"channel_rules.csv, line \d+: medium_pattern '\(podcast'"):
        run_pipeline(load_settings(), {"events": (), "clients": ()}, {}, False, told.append)
    assert told == []


def test_the_version_covers_every_column_that_decides_something():
    model = DBT_PROJECT_DIR / "models" / "staging" / "web" / "stg_rule_version.sql"
    listed = re.search(r"set seeds = (\{.*?\})\s*-?%\}", model.read_text("utf-8"), re.DOTALL)
    assert listed is not None
    for_the_reader = {"description", "origin", "provider"}
    assert ast.literal_eval(listed[1]) == {
        name: [column for column in seed.columns if column not in for_the_reader]
        for name, seed in SEEDS.items()
        if name != "channel_suggestions"
    }
