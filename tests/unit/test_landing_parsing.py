"""Text to records: every value as delivered, nothing lost, one bad line costs one line."""

import json
from collections.abc import Iterable
from io import BytesIO

import pyarrow as pa
import pytest

from dagster_code.lib.landing import csv_rows
from dagster_code.lib.landing.batches import numbered_names, spark_schema
from dagster_code.lib.landing.csv_rows import Header, csv_batches, read_header
from dagster_code.lib.landing.json_lines import document_batches, json_line_batches
from dagster_code.lib.landing.lines import decoded_lines, line_blocks, printable
from dagster_code.lib.landing.schema import CLIENT_FIELDS, EVENT_FIELDS

ORIGIN = ("/in/file", "0" * 64)


def rows_of(batches: Iterable[pa.RecordBatch]) -> list[dict[str, object]]:
    """Records in the order of the file, without what is absent."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    for row in rows:
        row["extra"] = dict(row["extra"]) if row["extra"] is not None else None
    rows.sort(key=lambda row: row["source_position"])
    return [
        {name: value for name, value in row.items() if value is not None}
        | {"source_position": row["source_position"]}
        for row in rows
    ]


def from_json(content: bytes | str) -> list[dict[str, object]]:
    raw = content.encode() if isinstance(content, str) else content
    lines, invalid = decoded_lines(raw)
    rows = rows_of(json_line_batches(lines, invalid, 1, EVENT_FIELDS, ORIGIN))
    return [_without_origin(row) for row in rows]


def from_csv(content: bytes | str, block_bytes: int = 1 << 20) -> list[dict[str, object]]:
    raw = content.encode() if isinstance(content, str) else content
    header = read_header(raw.decode("utf-8", "backslashreplace"))
    assert header is not None
    stream = BytesIO(raw)
    for _ in range(header.line_count):
        stream.readline()
    blocks = line_blocks(stream, block_bytes)
    rows = rows_of(csv_batches(blocks, header, header.line_count + 1, EVENT_FIELDS, ORIGIN))
    return [_without_origin(row) for row in rows]


def _without_origin(row: dict[str, object]) -> dict[str, object]:
    row.pop("source_file")
    row.pop("source_sha256")
    row["at"] = row.pop("source_position")
    return row


# --- JSON Lines


def test_numbers_keep_their_text_and_texts_stay_texts():
    rows = from_json('{"revenue": 1.50, "client_id": 12345678901234567890123, "order_id": "007"}\n')
    assert rows == [
        {"revenue": "1.50", "client_id": "12345678901234567890123", "order_id": "007", "at": 1}
    ]


@pytest.mark.parametrize("number", ["1e400", "-0", "1E-7", "0.10", "9007199254740993"])
def test_a_number_is_kept_verbatim(number):
    assert from_json(f'{{"revenue": {number}}}')[0]["revenue"] == number


def test_booleans_are_words_and_null_is_absent():
    assert from_json('{"channel": true, "platform": false, "user_id": null}') == [
        {"channel": "true", "platform": "false", "at": 1}
    ]


def test_nested_values_become_compact_json_with_their_numbers_verbatim():
    rows = from_json('{"page_url": {"a" : [1, 2.50, null, true, "x\\"é"], "b": {}}, "n": [ ]}')
    assert rows[0]["page_url"] == '{"a":[1,2.50,null,true,"x\\"é"],"b":{}}'
    assert rows[0]["extra"] == {"n": "[]"}
    assert json.loads(str(rows[0]["page_url"]))["b"] == {}


def test_names_match_whatever_their_case_and_outer_space():
    rows = from_json('{" Client_ID ": "c", "MyField": "x"}')
    assert rows == [{"client_id": "c", "extra": {"MyField": "x"}, "at": 1}]


def test_a_name_twice_keeps_the_first_that_is_not_empty_and_the_others_numbered():
    rows = from_json(
        '{"client_id": "", "client_id": "b", "Client_Id": "c", "x": 1, "x": 2}\n'
        '{"client_id": "d"}\n'
        '{"CLIENT_ID": "e"}\n'
    )
    assert rows == [
        {"client_id": "b", "extra": {"client_id#2": "", "client_id#3": "c", "x": "1", "x#2": "2"},
         "at": 1},
        {"client_id": "d", "at": 2},
        {"client_id": "e", "at": 3},
    ]  # fmt: skip


def test_a_repeated_name_never_hides_a_field_of_the_numbered_name():
    assert numbered_names(["a", "a#2", "a", "a"]) == ["a", "a#2", "a#3", "a#4"]


def test_blank_lines_are_no_records_and_count_as_lines():
    rows = from_json('\n{"client_id":"a"}\r\n \t\r\n{"client_id":"b"}')
    assert [(row["client_id"], row["at"]) for row in rows] == [("a", 2), ("b", 4)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{broken", "not valid JSON"),
        ("[1, 2]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("17", "not a JSON object"),
        ('{"a":1} {"b":2}', "something follows"),
        ('{"a":1},', "something follows"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_line_that_is_no_object_is_kept_as_unreadable(line, problem):
    rows = from_json(f'{{"client_id":"a"}}\n{line}\n{{"client_id":"b"}}\n')
    assert [row.get("client_id") for row in rows] == ["a", None, "b"]
    assert rows[1]["unreadable"] == line
    assert problem in str(rows[1]["problem"])


def test_invalid_utf8_costs_its_line_alone_and_shows_the_bytes():
    rows = from_json(b'{"client_id":"\xc3\xa9"}\n{"client_id":"\xff"}\n{"client_id":"b"}\n')
    assert rows[0]["client_id"] == "é"
    assert rows[1] == {
        "unreadable": '{"client_id":"\\xff"}',
        "problem": "not valid UTF-8",
        "at": 2,
    }
    assert rows[2]["client_id"] == "b"


def test_nul_and_lone_surrogates_reach_arrow():
    rows = from_json('{"client_id":"a\\u0000b","user_id":"\\ud800","\\udfff":"\\ud83d"}')
    assert rows[0]["client_id"] == "a\0b"
    assert rows[0]["user_id"] == "\\ud800"
    assert rows[0]["extra"] == {"\\udfff": "\\ud83d"}


def test_a_real_emoji_survives_its_escapes():
    assert from_json('{"channel":"\\ud83d\\ude00"}')[0]["channel"] == "😀"


def test_a_byte_order_mark_belongs_to_no_name():
    assert from_json(b'\xef\xbb\xbf{"client_id":"a"}\n')[0]["client_id"] == "a"


def test_a_line_of_ten_megabytes_is_a_record():
    url = "u" * 10_000_000
    content = json.dumps({"client_id": "a", "page_url": url}).encode() + b'\n{"client_id":"b"}\n'
    blocks = list(line_blocks(BytesIO(content), 1 << 20))
    assert b"".join(blocks) == content
    rows = from_json(content)
    assert [len(str(row.get("page_url", ""))) for row in rows] == [10_000_000, 0]


def test_nesting_deeper_than_python_can_call_is_written_back():
    depth = 500
    text = "[" * depth + "]" * depth
    assert from_json(f'{{"page_url":{text}}}')[0]["page_url"] == text


def test_unknown_fields_of_clients_are_those_that_only_events_have():
    lines, invalid = decoded_lines(b'{"client_id":"a","country":"DE","revenue":1.0}')
    rows = rows_of(json_line_batches(lines, invalid, 1, CLIENT_FIELDS, ORIGIN))
    assert (rows[0]["country"], rows[0]["extra"]) == ("DE", {"revenue": "1.0"})


def test_batches_have_the_columns_of_the_declared_schema():
    lines, invalid = decoded_lines(b'{"client_id":"a"}\nx\n')
    names = [column.split()[0] for column in spark_schema(EVENT_FIELDS).split(", ")]
    for batch in json_line_batches(lines, invalid, 1, EVENT_FIELDS, ORIGIN):
        assert batch.schema.names == names


# --- JSON documents


@pytest.mark.parametrize(
    "text",
    [
        '[\n  {"client_id": 1.0},\n  {\n    "client_id": "b"\n  }\n]\n',
        '\ufeff\n  {"client_id": 1.0}\n  {\n    "client_id":\n "b"\n  }\n',
    ],
)
def test_a_document_gives_its_records_with_the_lines_where_they_begin(text):
    rows = [_without_origin(row) for row in rows_of(document_batches(text, EVENT_FIELDS, ORIGIN))]
    assert rows == [{"client_id": "1.0", "at": 2}, {"client_id": "b", "at": 3}]


def test_an_element_that_is_no_object_is_unreadable():
    rows = rows_of(document_batches('[{"client_id":"a"},\n 5]', EVENT_FIELDS, ORIGIN))
    assert (rows[1]["unreadable"], rows[1]["source_position"]) == ("5", 2)


@pytest.mark.parametrize("text", ["[{}", "[{} {}]", "[{}] x", "{} x", "[" * 5000])
def test_a_broken_document_is_no_document(text):
    with pytest.raises(ValueError, match=r"\w"):
        list(document_batches(text, EVENT_FIELDS, ORIGIN))


# --- CSV


def test_csv_with_quotes_line_ends_and_any_column_order():
    rows = from_csv('revenue, Client_ID ,note\r\n1.50,c,"a ""b"",\r\nc"\r\n2,d,\r\n')
    assert rows == [
        {"revenue": "1.50", "client_id": "c", "extra": {"note": 'a "b",\r\nc'}, "at": 2},
        {"revenue": "2", "client_id": "d", "at": 4},
    ]


def test_an_empty_csv_field_is_absent_quoted_or_not():
    assert from_csv('client_id,user_id,order_id\na,,""\n') == [{"client_id": "a", "at": 2}]


def test_a_byte_order_mark_and_blank_lines_before_the_header():
    rows = from_csv(b"\xef\xbb\xbf\r\nclient_id,user_id\r\na,b\r\n")
    assert rows == [{"client_id": "a", "user_id": "b", "at": 3}]


def test_header_only_gives_no_records():
    assert from_csv("client_id,event_id\n") == []
    assert from_csv("client_id,event_id") == []


def test_missing_fields_are_absent_and_surplus_ones_make_the_row_unreadable():
    rows = from_csv("client_id,user_id\na\nb,c,,\nd,e,f\n")
    assert rows[0] == {"client_id": "a", "at": 2}
    assert rows[1] == {"client_id": "b", "user_id": "c", "at": 3}
    assert rows[2] == {
        "unreadable": "d,e,f",
        "problem": "3 fields, the header has 2",
        "at": 4,
    }


def test_a_column_twice_gives_the_first_value_that_is_there():
    rows = from_csv("client_id,CLIENT_ID,x,x,\na,b,1,2,\n,c,,4,z\n")
    assert rows == [
        {"client_id": "a", "extra": {"client_id#2": "b", "x": "1", "x#2": "2"}, "at": 2},
        {"client_id": "c", "extra": {"x": "4", "column_5": "z"}, "at": 3},
    ]


def test_an_unclosed_quote_at_the_end_costs_one_line():
    rows = from_csv('client_id,user_id\na,b\nc,"d\ne,f\ng,h\n')
    assert [row.get("client_id") for row in rows] == ["a", None, "e", "g"]
    assert (rows[1]["unreadable"], rows[1]["at"]) == ('c,"d', 3)


def test_an_unclosed_quote_costs_one_line_when_a_later_quote_seems_to_close_it():
    rows = from_csv('client_id,user_id\nc,"d\ne,f\ng,"h"\ni,j\n')
    assert [row.get("client_id") for row in rows] == [None, "e", "g", "i"]
    assert [row["at"] for row in rows] == [2, 3, 4, 5]


def test_an_unclosed_quote_does_not_read_on_for_ever():
    count = csv_rows.MAX_RECORD_LINES * 3
    rows = from_csv('client_id,user_id\nx,"y\n' + "a,b\n" * count)
    assert len(rows) == count + 1
    assert "not closed" in str(rows[0]["problem"])


@pytest.mark.parametrize("block_bytes", [1, 7, 30, 1 << 20])
def test_blocks_change_nothing(block_bytes):
    content = 'client_id,user_id\na,"b\nc"\nd,"e\nf,\xff\ng,h'
    assert from_csv(content, block_bytes) == from_csv(content)


def test_invalid_utf8_makes_its_csv_record_unreadable():
    rows = from_csv(b'client_id,user_id\na,\xff\nb,"x\n\xfe"\nc,d\n')
    assert [row.get("client_id") for row in rows] == [None, None, "c"]
    assert [row.get("unreadable") for row in rows[:2]] == ["a,\\xff", 'b,"x\n\\xfe"']
    assert {row["problem"] for row in rows[:2]} == {"not valid UTF-8"}


def test_a_nul_in_csv_is_a_letter():
    assert from_csv("client_id,user_id\na\0b,c\n")[0]["client_id"] == "a\0b"


def test_a_csv_field_of_ten_megabytes_is_a_value():
    rows = from_csv("client_id,page_url\na," + "u" * 10_000_000 + "\n")
    assert len(str(rows[0]["page_url"])) == 10_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("client_id;user_id\n", Header(("client_id", "user_id"), 1, ";")),
        ("client_id\tuser_id\n", Header(("client_id", "user_id"), 1, "\t")),
        ("a,b;c\n", Header(("a", "b;c"), 1, ",")),
        ("client_id\n", Header(("client_id",), 1, ",")),
        ('"client\n_id",b\nx', Header(("client\n_id", "b"), 2, ",")),
        ("\n \n", None),
        ('"never closed\n', None),
    ],
)
def test_the_header_tells_names_lines_and_delimiter(text, expected):
    assert read_header(text) == expected


def test_printable_shows_invalid_bytes_and_surrogates():
    assert printable("a\udcff\ud800é") == "a\\xff\\ud800é"
