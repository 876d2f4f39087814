"""What a command tells a program is what it tells a person. No server: Spark's part is put in."""

import json
from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace

import pytest

from dagster_code.lib.answers import QUESTIONS
from dagster_code.lib.commands import ask, run, tend
from dagster_code.lib.json_text import json_document
from dagster_code.lib.settings import load_settings
from dagster_code.lib.upkeep import TableFiles, TablePlan, TableUpkeep


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_HOME": str(tmp_path)})


def no_server(monkeypatch, module):
    monkeypatch.setattr(module, "spark_session", lambda *_: nullcontext("spark"))


def read(told):
    return "".join(told.lines), json.loads(json_document(told.document))


def test_a_plan_of_upkeep_has_the_reasons(settings, monkeypatch):
    plan = TablePlan("raw.events", TableFiles(1200, 5_000_000, 1100, 4_000_000), compact="small")
    monkeypatch.setattr("dagster_code.lib.upkeep.plan_upkeep", lambda *_: [plan])
    no_server(monkeypatch, tend)
    lines, document = read(tend.upkeep_plan(settings, print))
    (table,) = document["tables"]
    assert table["table"] == "raw.events"
    assert table["would"] == {"optimize": "small"}
    assert table["file_count"] == 1200
    assert "1,200" in lines
    assert "optimize" in lines


def test_upkeep_tells_what_it_did(settings, monkeypatch):
    done = TableUpkeep("raw.events", ("optimize",), 1200, 3, 5_000_000, 4_000_000, 0, 0, 1.5)
    monkeypatch.setattr("dagster_code.lib.upkeep.keep_up", lambda *_: [done])
    monkeypatch.setattr(tend, "writing_home", lambda *_: nullcontext("lock"))
    no_server(monkeypatch, tend)
    lines, document = read(tend.keep_up(settings, print))
    assert document["tables"][0]["files_before"] == 1200
    assert document["tables"][0]["done"] == ["optimize"]
    assert "1,200" in lines


def test_the_answers_are_rows_with_money_in_full(settings, monkeypatch):
    result = SimpleNamespace(
        names=["channel", "revenue"],
        kinds=["text", "number"],
        rows=lambda: iter([("email", Decimal("1234.50"))]),
    )
    monkeypatch.setattr("dagster_code.lib.query.run_statement", lambda *_: result)
    no_server(monkeypatch, ask)
    told = ask.answers(settings, print)
    assert '"revenue": 1234.50' in json_document(told.document)
    lines, document = read(told)
    assert [answer["name"] for answer in document["answers"]] == [one.name for one in QUESTIONS]
    assert document["answers"][0]["rows"] == [{"channel": "email", "revenue": 1234.5}]
    for question in QUESTIONS:
        assert question.title in lines
    assert "1,234.50" in lines


def test_a_plan_of_a_run_has_files_and_reasons(settings, monkeypatch, tmp_path):
    nothing = dict.fromkeys(("skipped", "refused", "ignored", "growing", "notes", "examples"), ())
    file = SimpleNamespace(source_file="ads.csv", format="csv", size_bytes=9)
    planned = SimpleNamespace(kind="spend", files=(file,), size_bytes=9, **nothing)
    monkeypatch.setattr("dagster_code.lib.landing.land.plan", lambda *_, **__: planned)
    monkeypatch.setattr(run.build_plan, "read_last_build", lambda _spark: None)
    monkeypatch.setattr(run.build_state, "raw_versions", lambda _spark: {})
    no_server(monkeypatch, run)
    given = {"spend": (str(tmp_path),)}
    lines, document = read(run.plan_run(settings, given, {}, False, print))
    assert document["would_land"]["ad_spend"]["files"][0]["file"] == "ads.csv"
    assert document["would_build"] == [
        {"what": "all tables anew", "why": "there is no complete build yet"}
    ]
    assert "would land: ads.csv" in lines
    assert "all tables anew: there is no complete build yet" in lines
