"""The house rules of the dbt project, held against its manifest."""

import re

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from dagster_code.lib.upkeep import OPERATIONS

LAYERS = ("builds", "staging", "intermediate", "marts")
PREFIXES = {
    "builds": ("build_",),
    "staging": ("base_", "stg_", "rejected_"),
    "intermediate": ("int_",),
}
ACCESS = {
    "builds": "protected",
    "staging": "protected",
    "intermediate": "private",
    "marts": "public",
}

# Which layers each layer may read; sources and seeds are the entrance, staging only.
# What a build covers and what it changes is known to all; its log is written when all is done.
READABLE = {
    "builds": {"builds", "staging", "intermediate", "marts"},
    "staging": {"builds", "staging"},
    "intermediate": {"builds", "staging", "intermediate"},
    "marts": {"builds", "staging", "intermediate", "marts"},
}

# Views: a test here would compute them once more, to find what a test of the table that is built
# from them finds as well.
KEYS_TESTED_ONE_STEP_LATER = {
    "base_event_records": "each of its rows is in base_events or rejected_events, under its key",
    "base_event_evidence": "each of its rows is in base_events, under its key",
    "base_ad_spend_records": "a record that came twice under its key counts once, as a duplicate",
    "base_channeled_events": "each of its rows is in stg_events, under its key",
    "build_changed_dates": "its rows are distinct dates",
    "build_changed_purchasers": "its rows are a union of clients",
    "build_new_events": "each of its rows is in base_events, under its key",
    "build_rejected_records": "each of its rows is in rejected_events, under its key",
    "build_scope": "has one row, which the build reads before any other table",
    "int_channel_costs": "each of its rows is in channel_performance, under its key",
}

CONSERVATION_IS_ELSEWHERE = {
    "attribution_changes": "has the conversions that changed only",
    "attribution_explain": "repeats a conversion's revenue on each touch that it explains",
    "unassigned_sources": "has a part of the revenue; a singular test holds it against last touch",
    "rejected_events_summary": "counts records, has no revenue",
}

# The behaviours that a change must not break unnoticed: words in the names of the unit tests.
UNIT_TESTED = {
    "base_event_records": ["event_time", "revenue"],
    "base_event_evidence": ["tags", "click_ids", "referrer", "self_referrals", "senders_channel"],
    "base_channel_lookup": ["first_rule", "longest", "once"],
    "base_ad_spend_records": ["reason", "equal_content"],
    "stg_ad_spend": ["channel"],
    "stg_rule_version": ["order", "changes"],
    "stg_channel_suggestions": ["lines_to_paste"],
    "unassigned_sources": ["missing_tags"],
    "base_events": ["gap", "repeated_evidence", "duplicates", "increment"],
    "int_purchaser_timelines": ["window", "direct"],
    "int_conversions_attributed": ["one_instant"],
    "first_touch_attribution": ["credits_by_status"],
    "last_touch_attribution": ["credits_by_status", "outside_the_window"],
    "multi_touch_attribution": ["largest_remainders", "without_marketing"],
    "int_unconverted_paths": ["without_a_conversion"],
    "int_attribution_events": ["touches_purchases"],
    "int_daily_traffic": ["spellings"],
    "rejected_events_summary": ["day_of_landing"],
}

# SPEC.md, sections 2 and 6: what users rely on. Further columns are welcome.
CONTRACT = {
    "stg_events": """
        event_id client_id event_time event_date event_type channel source medium campaign
        referrer_host page_url platform user_id order_id revenue
    """,
    "stg_clients": """
        client_id first_seen_at last_seen_at first_platform event_count page_view_count
        purchase_count total_revenue user_id created_at country
    """,
    "stg_ad_spend": "spend_id spend_date channel source medium campaign cost",
    "rejected_events": "reason record source_file source_position landed_at batch",
    "rejected_ad_spend": "reason record source_file source_position landed_at batch",
    "first_touch_attribution": """
        client_id event_time channel source medium campaign touch_at revenue attributed_revenue
        attribution_status
    """,
    "last_touch_attribution": """
        client_id event_time channel source medium campaign touch_at revenue attributed_revenue
        attribution_status
    """,
    "conversion_paths": """
        client_id event_time revenue purchase_count order_ids event_ids touch_count
        marketing_touch_count channel_path touches is_path_truncated days_to_conversion
        attribution_status
    """,
    "client_journeys": """
        client_id first_touch_at first_touch_channel first_purchase_at last_purchase_at
        journey_length_days days_to_first_purchase session_count touch_count purchase_count
        total_revenue channel_path
    """,
    "channel_performance": """
        channel sessions touches clients first_touch_conversions first_touch_revenue
        last_touch_conversions last_touch_revenue assisted_conversions conversion_rate
        average_order_value unattributed_revenue cost cpa roas
    """,
    "attribution_changes": """
        since_build changed_at client_id event_time reason previous_first_touch_channel
        first_touch_channel previous_last_touch_channel last_touch_channel previous_revenue revenue
    """,
    "attribution_explain": "client_id event_time touch_at is_first_touch is_last_touch decision",
    "multi_touch_attribution": """
        client_id event_time model touch_at channel source medium campaign weight attributed_revenue
    """,
    "model_comparison": """
        channel model conversions revenue revenue_share conversions_shift revenue_shift share_shift
        cost cpa roas
    """,
    "unassigned_sources": """
        source medium sessions touches clients last_touch_conversions last_touch_revenue
        example_campaign suggested_channel suggested_rule reason
    """,
    "rejected_events_summary": """
        reason source_file landed_date rejected_count record_count rejected_share example_position
    """,
}

# A mart's column says by its name what type it has. The first pattern that fits counts.
TYPES = [
    (r"(is|has)_.*", "boolean"),
    (r".*_ids", "array<string>"),
    (r".*_id", "string"),
    (r"event_time|.*_at", "timestamp"),
    (r".*_date", "date"),
    (r".*revenue|.*_value|cost|cpa", "decimal(28,2)"),
    (r".*(_count|_conversions)|sessions|clients", "bigint"),
    (r".*_days|days_.*", "int"),
    (r".*_share", "double"),
    (r".*(channel|source|medium|campaign|status|path|decision)", "string"),
]


# --- Layers ---------------------------------------------------------------------------------------


def test_every_model_is_in_one_of_the_layers(project):
    assert {model["fqn"][1] for model in project.models.values()} == set(LAYERS)


@pytest.mark.parametrize("layer", PREFIXES)
def test_models_bear_the_prefix_of_their_layer(project, layer):
    odd = [name for name in project.layer(layer) if not name.startswith(PREFIXES[layer])]
    assert odd == []


def test_marts_bear_no_prefix(project):
    # what was rejected is a subject of its own, which a mart may sum up
    of_layers = {*PREFIXES["staging"], *PREFIXES["intermediate"]} - {"rejected_"}
    prefixes = (*of_layers, "dim_", "fct_", "mart_")
    assert [name for name in project.layer("marts") if name.startswith(prefixes)] == []


def test_the_folder_is_the_layer_and_the_schema(project):
    placed = {
        name: (model["path"].split("/")[0], model["schema"])
        for name, model in project.models.items()
    }
    assert placed == {
        name: (model["fqn"][1], model["fqn"][1]) for name, model in project.models.items()
    }


def test_only_staging_reads_sources(project):
    readers = {
        model["name"] if model["fqn"][1] == "builds" else model["fqn"][1]
        for model in project.models.values()
        if any(kind == "source" for kind, _name in project.parents(model))
    }
    # what a build covers begins with what has landed
    assert readers == {"staging", "build_scope"}


def test_only_staging_reads_seeds(project):
    readers = {
        model["fqn"][1]
        for model in project.models.values()
        if any(kind == "seed" for kind, _name in project.parents(model))
    }
    assert readers == {"staging"}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_reads_a_later_one(project, layer):
    read = {
        project.models[name]["fqn"][1]
        for model in project.layer(layer).values()
        for kind, name in project.parents(model)
        if kind == "model"
    }
    assert read
    assert read <= READABLE[layer]


def test_what_is_internal_to_staging_is_read_by_staging_only(project):
    readers = {
        model["name"]: model["fqn"][1]
        for model in project.models.values()
        if any(name.startswith("base_") for _kind, name in project.parents(model))
    }
    # An increment leaves files out by the landing, which stg_events does not show: how records
    # were batched may not change what it shows.
    assert readers.pop("int_attribution_events") == "intermediate"
    assert set(readers.values()) == {"builds", "staging"}


# --- Documentation and ownership ------------------------------------------------------------------


def test_every_description_begins_with_the_grain(project):
    tables = [*project.models.values(), *project.seeds.values(), *project.sources.values()]
    assert [
        table["name"] for table in tables if not table["description"].startswith("One row per ")
    ] == []


def test_every_column_is_described(project):
    tables = [*project.models.values(), *project.seeds.values()]
    assert [table["name"] for table in tables if not table["columns"]] == []
    assert [
        f"{table['name']}.{column['name']}"
        for table in tables
        for column in table["columns"].values()
        if not column["description"].strip()
    ] == []


def test_everything_has_an_owner(project):
    owned = [*project.models.values(), *project.seeds.values(), *project.sources.values()]
    assert [
        node["name"]
        for node in owned
        if not node["config"].get("meta", {}).get("dagster", {}).get("owners")
    ] == []


def test_every_model_and_seed_belongs_to_a_group(project):
    nodes = [*project.models.values(), *project.seeds.values()]
    assert {node["config"]["group"] for node in nodes} == project.groups


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layer_decides_who_may_read_a_model(project, layer):
    assert {model["config"]["access"] for model in project.layer(layer).values()} == {ACCESS[layer]}


def test_names_are_given_once(project):
    defined = re.compile(r"\{%-?\s*(?:macro|test)\s+(\w+)")
    code = [path for folder in ("macros", "tests") for path in _sql_files(folder)]
    names = [
        *(name for path in code for name in defined.findall(path.read_text(encoding="utf-8"))),
        *(path.stem for path in _sql_files("models") + _sql_files("tests/singular")),
        *(path.stem for path in (DBT_PROJECT_DIR / "seeds").rglob("*.csv")),
    ]
    assert set(names) >= {"bounded_touches", "primary_key", "stg_events", "channel_rules"}
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


# --- Increments -----------------------------------------------------------------------------------


def test_the_log_of_builds_is_written_after_every_table_that_a_build_continues(project):
    continued = {
        model["unique_id"]
        for model in project.models.values()
        if model["config"]["materialized"] == "incremental" and model["name"] != "build_log"
    }
    assert len(continued) > 10
    waited_for = set(project.models["build_log"]["depends_on"]["nodes"])
    assert continued - waited_for == set()


def test_the_rules_are_the_seeds_and_what_is_made_of_them_alone(project):
    """A run may leave these out; anything else that it left out would miss what has landed."""
    rules = {("seed", name) for name in project.seeds}
    known = 0
    while len(rules) > known:
        known = len(rules)
        parents = {name: project.parents(model) for name, model in project.models.items()}
        rules |= {("model", name) for name, read in parents.items() if read and read <= rules}
    tagged = {
        (node["resource_type"], name)
        for name, node in (project.seeds | project.models).items()
        if "rules" in node["tags"]
    }
    assert tagged == rules


def test_a_model_that_a_build_continues_says_what_it_replaces(project):
    for model in project.models.values():
        if model["config"]["materialized"] == "incremental":
            assert model["config"]["meta"].get("replaces"), model["name"]
            assert model["config"]["unique_key"], model["name"]


def test_dbt_and_python_take_the_same_commits_for_upkeep():
    text = (DBT_PROJECT_DIR / "macros" / "builds.sql").read_text(encoding="utf-8")
    listed = re.search(r"macro is_upkeep.*?operation in \[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"'([^']+)'", listed.group(1))) == OPERATIONS


# --- The contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", CONTRACT)
def test_a_table_has_the_columns_that_the_contract_names(project, table):
    assert set(CONTRACT[table].split()) - set(project.models[table]["columns"]) == set()


def test_the_contract_names_every_mart(project):
    assert set(project.layer("marts")) <= set(CONTRACT)


def test_marts_enforce_the_type_of_every_column(project):
    assert [
        name
        for name, mart in project.layer("marts").items()
        if not mart["config"]["contract"]["enforced"]
    ] == []
    assert [
        f"{name}.{column['name']}"
        for name, mart in project.layer("marts").items()
        for column in mart["columns"].values()
        if not column["data_type"]
    ] == []


def test_a_marts_columns_have_the_type_that_their_name_says(project):
    odd = [
        (mart["name"], column["name"], column["data_type"])
        for mart in project.layer("marts").values()
        for column in mart["columns"].values()
        if _type_by_name(column["name"]) not in (None, column["data_type"])
    ]
    assert odd == []


def test_exposures_depend_on_public_models_only(project):
    read = {parent for node in project.exposures.values() for parent in project.parents(node)}
    assert read
    assert {kind for kind, _name in read} == {"model"}
    assert {project.models[name]["config"]["access"] for _kind, name in read} == {"public"}


def test_every_mart_has_a_known_reader(project):
    exposures = project.exposures.values()
    read = {name for node in exposures for _kind, name in project.parents(node)}
    assert set(project.layer("marts")) - read == set()


# --- Tests ----------------------------------------------------------------------------------------


def test_every_models_key_is_tested(project):
    untested = [
        name for name, model in project.models.items() if not project.tests_of(model, "primary_key")
    ]
    assert sorted(untested) == sorted(KEYS_TESTED_ONE_STEP_LATER)


def test_every_seeds_key_is_tested(project):
    seeds = project.seeds.items()
    assert [name for name, seed in seeds if not project.tests_of(seed, "primary_key")] == []


def test_a_key_consists_of_columns_of_its_table(project):
    unknown = [
        (table["name"], expression)
        for table in [*project.models.values(), *project.seeds.values()]
        for test in project.tests_of(table, "primary_key")
        for expression in test["test_metadata"]["kwargs"]["columns"]
        if not set(re.findall(r"\w+", expression)) & set(table["columns"])
    ]
    assert unknown == []


def test_every_mart_conserves_revenue(project):
    untested = [
        name
        for name, mart in project.layer("marts").items()
        if not project.tests_of(mart, "conserves_revenue")
    ]
    assert sorted(untested) == sorted(CONSERVATION_IS_ELSEWHERE)


def test_tests_with_parameters_have_a_name_of_their_own(project):
    parametrised = [
        node
        for node in project.tests.values()
        if set(node.get("test_metadata", {}).get("kwargs", {})) - {"model", "column_name"}
    ]
    assert parametrised
    assert [
        node["name"]
        for node in parametrised
        if node["name"].startswith(f"{node['test_metadata']['name']}_")
    ] == []


def test_singular_tests_assert_a_fact(project):
    singular = [name for name, node in project.tests.items() if "test_metadata" not in node]
    assert singular
    assert [name for name in singular if not name.startswith("assert_")] == []


@pytest.mark.parametrize(
    ("model", "behaviour"),
    [(model, behaviour) for model, behaviours in UNIT_TESTED.items() for behaviour in behaviours],
)
def test_a_models_unit_tests_cover_what_it_decides(project, model, behaviour):
    assert [name for name in project.unit_tests_of(model) if behaviour in name] != []


def test_unit_tests_are_named_after_a_behaviour(project):
    names = [test["name"] for test in project.unit_tests]
    assert [name for name in names if not re.fullmatch(r"test(_[a-z0-9]+){3,}", name)] == []


# --- Windows --------------------------------------------------------------------------------------


def moving_frames(sql):
    """The lower bounds of a statement's window frames that move with the row."""
    code = re.sub(r"\{#.*?#\}|--[^\n]*", " ", sql, flags=re.DOTALL).lower()
    code = " ".join(code.split())
    starts = re.findall(r"\b(?:rows|range) between (.+?) and\b", code)
    # the short form, whose end is the current row
    starts += re.findall(r"\b(?:rows|range) (?!between)((?:[^\s%]+ ){1,4}?preceding)\b", code)
    return [start for start in starts if start != "unbounded preceding"]


@pytest.mark.parametrize(
    ("frame", "moving"),
    [
        ("rows between unbounded preceding and current row", []),
        ("range between unbounded preceding and interval '30' day preceding", []),
        ("ROWS UNBOUNDED PRECEDING", []),
        ("rows between unbounded\n    preceding and unbounded following", []),
        ("-- not rows between 3 preceding and current row", []),
        (
            "range between interval 30 days preceding and current row",
            ["interval 30 days preceding"],
        ),
        (
            "range between interval '{{ var('days') }}' day preceding and current row",
            ["interval '{{ var('days') }}' day preceding"],
        ),
        ("rows between 3 preceding and current row", ["3 preceding"]),
        ("rows between current row and 1 following", ["current row"]),
        ("rows 3 preceding", ["3 preceding"]),
        ("range interval 3 days preceding", ["interval 3 days preceding"]),
        ("range current row", []),
        ("rows between\n    3\n    preceding and current row", ["3 preceding"]),
    ],
)
def test_a_frame_moves_unless_it_starts_at_the_first_row(frame, moving):
    assert moving_frames(f"sum(x) over (partition by y order by z {frame})") == moving


def test_no_window_has_a_moving_frame(project):
    # A moving frame computes its whole buffer anew for each row: quadratic in a client's events.
    code = {name: model["raw_code"] for name, model in project.models.items()}
    code |= {path.name: path.read_text(encoding="utf-8") for path in _sql_files("macros")}
    assert any("unbounded preceding" in sql for sql in code.values())
    assert {name: frames for name, sql in code.items() if (frames := moving_frames(sql))} == {}


def _sql_files(folder):
    return sorted((DBT_PROJECT_DIR / folder).rglob("*.sql"))


def _type_by_name(name):
    return next((kind for pattern, kind in TYPES if re.fullmatch(pattern, name)), None)
