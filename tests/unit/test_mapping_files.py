"""Mapping files: a mistake is one line that names the file and the line, before anything starts."""

import json
import re

import pytest
from click.testing import CliRunner

from dagster_code.cli import cli
from dagster_code.lib.commands.arguments import checked_mapping
from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.reading import Reading
from dagster_code.lib.landing.schema import EVENT_FIELDS
from dagster_code.lib.landing.survey import survey
from dagster_code.lib.landing.tab_lines import tab_line_batches
from dagster_code.lib.mapping.mapping import (
    FORMS_DIR,
    load_mapping,
    parsed_mapping,
    shipped_mappings,
)
from tests.forms import FORMS, records, sample_files
from tests.forms.compose import write_all

GOOD = """\
version: 1
form: records
columns: [id, who, at, what]
recognised_by: [id]
values:
  name: lower(what)
event_name: name
event_types:
  view: page_view
fields:
  client_id: who
  event_time: at
"""


def read(text):
    return parsed_mapping(text, "own.yml", "own.yml")


def found_in(path, mapping):
    """What a landing finds in a file that a mapping is to read."""
    reading = Reading("events", mapping)
    return survey([path], reading.fields, 0.0, lambda _: set(), lambda _: None, reading.foreign)


def test_the_shipped_mappings_are_read():
    assert shipped_mappings() == ("ga4", "segment", "snowplow_table", "snowplow_tsv")
    for name in shipped_mappings():
        mapping = load_mapping(name)
        assert {"client_id", "event_time", "revenue", "page_url"} <= set(dict(mapping.fields))
        assert set(dict(mapping.event_types).values()) == {"page_view", "purchase"}


def test_a_copy_of_a_shipped_mapping_is_a_mapping(tmp_path):
    copy = tmp_path / "my_ga4.yml"
    text = (FORMS_DIR / "ga4.yml").read_text(encoding="utf-8")
    copy.write_text(text.replace("  page_view: page_view\n", "  view_item: page_view\n"))
    assert "view_item" in dict(load_mapping(str(copy)).event_types)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version: 1", "version: 2", "own.yml, line 1: version 2: this program reads 1"),
        ("version: 1\n", "", "own.yml, line 1: the key version is missing"),
        ("form: records", "form: avro", "line 2: form avro is not one of records, tab_lines"),
        ("values:", "value:", "line 5: unknown key value; known: version"),
        ("event_types:", "fields:", "line 10: fields stands here a second time, first in line 8"),
        ("[id, who, at, what]", "[id, id]", "line 3: columns: id is there twice"),
        ("[id, who, at, what]", "[id, a b]", "line 3: columns: 'a b' is no name of a column"),
        ("[id, who, at, what]", "[id, batch]", "line 3: columns: the name batch is taken"),
        ("[id, who, at, what]", "[]", "line 3: columns: there is none"),
        ("recognised_by: [id]", "recognised_by: [no]", "line 4: recognised_by: no is not one of"),
        ("recognised_by: [id]", "recognised_by: []", "line 4: recognised_by: name at least one"),
        ("  name: lower", "  who: lower", "line 6: values: the name who is taken"),
        ("lower(what)", "''", "line 6: value name: there is nothing here"),
        ("lower(what)", "[a, b]", "line 6: value name: give a single text here"),
        ("lower(what)", "uuid()", "line 6: value name: uuid gives something else each time"),
        ("lower(what)", "NOW()", "line 6: value name: NOW gives something else each time"),
        ("lower(what)", "max(what) over ()", "an expression sees nothing but its own record"),
        ("lower(what)", "(select 1)", "an expression sees nothing but its own record"),
        ("view: page_view", "view: visit", "line 9: event_types: visit is not one of page_view"),
        ("  view: page_view\n", "  {}\n", "event_types: no event is kept"),
        ("client_id: who", "clientid: who", "line 11: fields: there is no field clientid; known:"),
        ("client_id: who", "user_id: who", "fields: client_id is missing; an event needs it"),
        ("client_id: who", "event_type: who", "fields: event_type follows from event_types"),
        ("client_id: who", "client_id: []", "line 11: fields: client_id has no expression"),
        ("fields:\n", "fields: 3\nextra:\n", "line 10: fields: give `name: value` pairs"),
        ("client_id: who", "client_id: {who", "line 12: this is no YAML"),
        ("version: 1", "- 1", "this is no YAML"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(old, new, told):
    assert read(GOOD)
    assert old in GOOD
    with pytest.raises(UserError, match=re.escape(told)) as caught:
        read(GOOD.replace(old, new, 1))
    assert str(caught.value).startswith("own.yml, line ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "just a text", "- a\n- b\n"])
def test_a_file_that_is_no_mapping_is_told(text):
    with pytest.raises(UserError, match="a mapping file holds `key: value` pairs"):
        read(text)


def test_words_in_texts_and_parts_of_names_are_no_unsteady_functions():
    text = GOOD.replace("lower(what)", "concat('select now() ', random_id)")
    assert read(text.replace("[id, who,", "[id, random_id, who,"))


def test_an_unknown_name_tells_the_shipped_ones():
    with pytest.raises(UserError, match="there is no mapping ga5: give the path of a file, or one"):
        load_mapping("ga5")


def test_a_file_that_is_not_utf_8_is_told(tmp_path):
    path = tmp_path / "latin.yml"
    path.write_bytes("version: 1 # für\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.yml: the file is not UTF-8"):
        load_mapping(str(path))


def test_a_mapping_needs_events_to_read():
    with pytest.raises(UserError, match="--mapping reads the files of --events PATH"):
        checked_mapping("ga4", ())
    assert checked_mapping("ga4", ("a",)) == "ga4"
    assert checked_mapping(None, ()) is None


def test_the_path_of_a_mapping_is_made_absolute(tmp_path, monkeypatch):
    (tmp_path / "own.yml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert checked_mapping("own.yml", ("a",)) == str(tmp_path / "own.yml")


def test_the_command_refuses_a_wrong_mapping_before_it_starts_anything(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    own = tmp_path / "own.yml"
    own.write_text(GOOD.replace("client_id: who", "client: who"))
    events = str(sample_files("ga4")[0])
    result = CliRunner().invoke(cli, ["run", "--events", events, "--mapping", str(own)])
    assert isinstance(result.exception, UserError)
    assert "own.yml, line 11: fields: there is no field client" in str(result.exception)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("form", shipped_mappings())
@pytest.mark.parametrize("other", shipped_mappings())
def test_files_of_another_form_are_refused_in_one_line(form, other):
    for path in sample_files(form):
        found = found_in(path, load_mapping(other))
        if form == other:
            assert [file.path for file in found.files] == [path]
            assert not found.files[0].note
        else:
            (refused,) = found.refused
            assert refused.path == str(path)
            assert "\n" not in refused.reason


def test_the_refusal_tells_what_is_missing():
    (refused,) = found_in(FORMS / "segment/events.jsonl", load_mapping("ga4")).refused
    assert refused.reason.startswith(
        "not of the form ga4: no record with event_name and event_timestamp, but anonymousId, "
    )
    (refused,) = found_in(FORMS / "ga4/events.jsonl", load_mapping("snowplow_tsv")).refused
    assert refused.reason == (
        "not of the form snowplow_tsv: 1 value between tabs in its first line, not 131"
    )


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_records_is_looked_at_as_well(tmp_path, indent):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(records(FORMS / "ga4/events.jsonl"), indent=indent))
    assert [file.path for file in found_in(path, load_mapping("ga4")).files] == [path]
    (refused,) = found_in(path, load_mapping("segment")).refused
    assert "not of the form segment: no record with type and messageId" in refused.reason


def test_lines_that_are_no_records_are_kept_to_be_told_one_by_one(tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text("{broken\n" * 3)
    assert [file.path for file in found_in(path, load_mapping("ga4")).files] == [path]


def test_tab_lines_keep_their_places_and_a_short_one_is_unreadable():
    lines = ["a\tb\t\n", "\n", "only one\n", "\t\tz\r\n", "bad\t\udcff\t\n"]
    columns = ("first", "second", "batch")
    good, bad = tab_line_batches(lines, {4}, 10, columns, columns, ("f", "0" * 64))
    assert good.column("source_position").to_pylist() == [10, 13]
    assert good.column("first").to_pylist() == ["a", None]
    assert good.column("second").to_pylist() == ["b", None]
    assert bad.column("source_position").to_pylist() == [12, 14]
    assert bad.column("problem").to_pylist() == [
        "1 value between tabs instead of 3",
        "not valid UTF-8",
    ]
    assert bad.column("unreadable").to_pylist() == ["only one", "bad\t\\xff\t"]


def test_a_plain_delivery_is_read_as_before():
    found = survey([FORMS / "segment"], EVENT_FIELDS, 0.0, lambda _: set(), lambda _: None)
    (file,) = found.files
    assert file.pieces[0].keeps_others


def test_the_sample_files_are_what_their_composer_writes(tmp_path):
    write_all(tmp_path)
    for form in shipped_mappings():
        for path in sample_files(form):
            composed = tmp_path / form / path.name
            if path.suffix == ".parquet":
                # other versions of pyarrow write other bytes
                assert records(composed) == records(path)
            else:
                assert composed.read_bytes() == path.read_bytes()
