"""Mapping files on Spark: each sample record of each form becomes the event expected of it."""

import json
import re

import pytest

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.reading import Reading
from dagster_code.lib.landing.schema import EVENT_FIELDS
from dagster_code.lib.landing.survey import survey
from dagster_code.lib.mapping.mapping import load_mapping, parsed_mapping, shipped_mappings
from dagster_code.lib.mapping.sql import check_sql, lenient_session, name_notes
from dagster_code.lib.settings import PROJECT_ROOT
from tests.forms import comparable, expected_events, record_count, sample_files

PLAIN = """\
version: 1
form: records
columns: [id, who, at, what, price]
recognised_by: [id]
event_name: what
event_types: {view: page_view, buy: purchase}
fields:
  event_id: id
  client_id: who
  event_time: at
  revenue: price
"""


def read(spark, mapping, paths):
    """The records of files as the landing reads them for a mapping."""
    reading = Reading("events", mapping)
    found = survey(paths, reading.fields, 0.0, lambda _: set(), lambda _: None, reading.foreign)
    assert not found.refused, found.refused
    pieces = [piece for file in found.files for piece in file.pieces]
    return reading, reading.records(spark, [pieces])


def plain_mapping(old="", new=""):
    assert old in PLAIN
    return parsed_mapping(PLAIN.replace(old, new), "own.yml", "own.yml")


@pytest.fixture
def own_records(spark, tmp_path):
    """Map lines with a mapping of one's own."""

    def mapped_lines(mapping, *lines):
        path = tmp_path / "records.jsonl"
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        reading, frame = read(spark, mapping, [path])
        with lenient_session(spark):
            return reading.as_landed(frame).collect(), reading.notes(frame)

    return mapped_lines


@pytest.mark.parametrize("form", shipped_mappings())
def test_each_sample_record_becomes_the_event_expected_of_it(spark, form):
    reading, frame = read(spark, load_mapping(form), sample_files(form))
    with lenient_session(spark):
        rows = reading.as_landed(frame).select(*EVENT_FIELDS, "source_position").collect()
    landed = [comparable({name: row[name] for name in EVENT_FIELDS}) for row in rows]
    wanted = [comparable(event) for event in expected_events(form)]
    assert len(wanted) >= 60

    def key(event):
        return (event["client_id"], event["event_id"])

    assert sorted(landed, key=key) == sorted(wanted, key=key)
    assert sum(event["event_type"] == "purchase" for event in wanted) >= 8
    assert len({key(event) for event in landed}) == len(landed)
    assert all(row["source_position"] >= 1 for row in rows)


@pytest.mark.parametrize("form", shipped_mappings())
def test_what_is_left_out_is_told_by_name_and_adds_up(spark, form):
    reading, frame = read(spark, load_mapping(form), sample_files(form))
    kept, left = reading.notes(frame)
    assert kept.path == f"mapping {form}"
    assert kept.reason.startswith(f"mapped: {len(expected_events(form)):,} records: page")
    left_count = record_count(form) - len(expected_events(form))
    assert left.reason.startswith(f"left out by the mapping: {left_count:,} records: ")
    counts = [int(part.rsplit(" ", 1)[1]) for part in left.reason.split(": ")[2].split(", ")]
    assert sum(counts) == left_count
    assert counts == sorted(counts, reverse=True)


def test_the_first_expression_that_gives_something_counts(own_records):
    mapping = plain_mapping("revenue: price", "revenue: [price, \"'7'\"]\n  user_id: [who, id]")
    rows, _ = own_records(
        mapping,
        json.dumps({"id": "1", "who": "", "at": "2026-01-01", "what": "Buy", "price": ""}),
        json.dumps({"id": "2", "who": "c", "at": "2026-01-01", "what": " view ", "price": 3.50}),
    )
    first, second = rows
    assert (first["revenue"], first["user_id"], first["client_id"]) == ("7", "1", None)
    assert first["event_type"] == "purchase"
    # names know neither case nor outer blanks; a number keeps its text
    assert (second["event_type"], second["revenue"]) == ("page_view", "3.5")


def test_an_unreadable_line_stays_one_whatever_the_expressions_make_of_nothing(own_records):
    mapping = plain_mapping("event_id: id", "event_id: sha2(coalesce(id, ''), 256)")
    rows, notes = own_records(mapping, '{"id": "1", "what": "scroll"}', "{broken")
    (row,) = rows
    assert (row["unreadable"], row["event_id"], row["event_type"]) == ("{broken", None, None)
    assert row["source_position"] == 2
    (note,) = notes
    assert note.reason == "left out by the mapping: 1 record: scroll 1"


@pytest.mark.parametrize(
    ("library", "channel", "platform"),
    [
        ("analytics.js", "client", "web"),
        ("RudderLabs JavaScript SDK", "web", "web"),
        ("@jitsu/js", None, "web"),
        ("analytics-ios", None, "ios"),
        ("analytics-kotlin", "mobile", "android"),
        ("analytics-node", "server", "server"),
        ("analytics-python", None, "server"),
        (None, "browser", "web"),
        (None, "server", "server"),
        (None, None, None),
    ],
)
def test_the_platform_of_segment_s_calls_is_told_by_library_and_channel(
    own_records, library, channel, platform
):
    call = {"type": "page", "messageId": "1", "channel": channel}
    call["context"] = {"library": {"name": library}}
    (row,), _ = own_records(load_mapping("segment"), json.dumps(call))
    assert row["platform"] == platform


def test_values_that_cannot_be_cast_are_null_and_end_nothing(own_records):
    mapping = plain_mapping("event_time: at", "event_time: timestamp_micros(cast(at as bigint))")
    rows, _ = own_records(mapping, '{"id": "1", "what": "buy", "at": "soon"}')
    assert rows[0]["event_time"] is None


def test_extra_values_are_kept_under_their_names_without_the_empty_ones(own_records):
    mapping = plain_mapping("fields:", "extra:\n  price: price\n  two: \"'2'\"\nfields:")
    rows, _ = own_records(mapping, '{"id": "1", "what": "buy", "price": ""}')
    assert rows[0]["extra"] == {"two": "2"}


def test_nested_columns_are_read_into_their_types(own_records):
    mapping = parsed_mapping(
        PLAIN.replace(
            "columns: [id, who, at, what, price]",
            "columns: {id: string, who: 'struct<key: string>', at: string, what: string,"
            " price: 'array<struct<value: string>>'}",
        )
        .replace("client_id: who", "client_id: who.key")
        .replace("revenue: price", "revenue: get(price, 0).value"),
        "own.yml",
        "own.yml",
    )
    line = {"id": "1", "who": {"key": "c"}, "what": "buy", "price": [{"value": 12.25}]}
    rows, _ = own_records(mapping, json.dumps(line))
    assert (rows[0]["client_id"], rows[0]["revenue"]) == ("c", "12.25")


def test_many_names_are_told_by_the_most_frequent(own_records):
    lines = [json.dumps({"id": str(n), "what": f"event {n % 30:02d}"}) for n in range(61)]
    _, (note,) = own_records(plain_mapping(), *lines)
    assert note.reason.startswith("left out by the mapping: 61 records: event 00 3, event 01 2, ")
    assert note.reason.endswith("event 19 2, 10 more names")


@pytest.mark.parametrize("form", shipped_mappings())
def test_spark_accepts_the_shipped_mappings(spark, form):
    check_sql(spark, load_mapping(form))


def test_spark_accepts_the_mapping_that_the_docs_show(own_records):
    guide = (PROJECT_ROOT / "docs/bring_your_own_events.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    mapping = parsed_mapping(text, "shown", "shown")
    cart = [{"price": 2.5, "count": 2}, {"price": 1, "count": 1}]
    line = {"visitor": "v", "at": "2026-06-01T09:00:00Z", "what": "Checkout done", "cart": cart}
    rows, _ = own_records(mapping, json.dumps(line))
    assert (rows[0]["client_id"], rows[0]["event_type"]) == ("v", "purchase")
    assert (rows[0]["revenue"], rows[0]["extra"]) == ("6.00", {"items": "2"})


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("revenue: price", "revenue: prize", "own.yml, line 11, field revenue: "),
        ("client_id: who", "client_id: [who, 'upper(']", "own.yml, line 9, field client_id: "),
        ("event_name: what", "event_name: nofunction(what)", "own.yml, line 5, event_name: "),
        ("revenue: price", "revenue: explode(split(price, ' '))", "line 11, field revenue: "),
        ("revenue: price", "revenue: max(price)", "line 11, field revenue: "),
        (
            "fields:",
            "values:\n  a: id\n  b: a.c.d\nfields:",
            "own.yml, line 9, value b: ",
        ),
        (
            "columns: [id, who, at, what, price]",
            "columns: {id: string, who: string, at: string, what: string, price: 'struct<a:'}",
            "own.yml, line 3, column price: ",
        ),
    ],
)
def test_wrong_sql_is_told_in_one_line_with_file_line_and_field(spark, old, new, told):
    mapping = plain_mapping(old, new)
    with pytest.raises(UserError) as caught:
        check_sql(spark, mapping)
    message = str(caught.value)
    assert told in message
    assert "\n" not in message
    assert len(message) < 600


def test_notes_of_nothing_are_none(spark):
    nothing = spark.createDataFrame(
        [], "event_name string, event_type string, records long, is_kept boolean"
    )
    assert name_notes(nothing, plain_mapping()) == ()
