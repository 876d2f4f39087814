"""What `attribution query` prints, from rows as Spark Connect gives them."""

import csv
import io
import json
from decimal import Decimal

import pytest

from dagster_code.lib.errors import ServerError, UserError
from dagster_code.lib.query import as_user_error, distinct_names, lines, run_statement
from dagster_code.lib.style import use_colour
from dagster_code.lib.terminal import columns


def printed(names, kinds, rows, output_format):
    return "".join(lines(names, kinds, rows, output_format))


def test_csv_tells_null_from_an_empty_text():
    text = printed(["a", "b"], ["text", "text"], [(None, "")], "csv")
    assert text == 'a,b\r\n,""\r\n'


@pytest.mark.parametrize("cell", ["x,y", 'say "hi"', "two\nlines", "carriage\rreturn", "Grüße 😀"])
def test_csv_is_read_back_by_a_csv_reader(cell):
    text = printed(["a", "b"], ["text", "text"], [(cell, "end")], "csv")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], [cell, "end"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0E-18"), "0.000000000000000000"),
        (Decimal("12345678901234567890.10"), "12345678901234567890.10"),
        (True, "true"),
        (0.1, "0.1"),
        (2**62, str(2**62)),
    ],
)
def test_csv_writes_numbers_in_full(value, text):
    assert printed(["a"], ["number"], [(value,)], "csv") == f"a\r\n{text}\r\n"


def test_json_is_an_array_of_objects_one_a_line():
    rows = [("x", Decimal("1.50"), None, '{"k":[1]}'), ("ü", Decimal(0), True, None)]
    text = printed(
        ["name", "revenue", "flag", "nested"], ["text", "number", "boolean", "json"], rows, "json"
    )
    assert json.loads(text) == [
        {"name": "x", "revenue": 1.5, "flag": None, "nested": {"k": [1]}},
        {"name": "ü", "revenue": 0, "flag": True, "nested": None},
    ]
    assert len(text.splitlines()) == 4
    assert '"revenue": 1.50' in text


def test_json_without_rows_is_an_empty_array():
    assert json.loads(printed(["a"], ["text"], [], "json")) == []


def test_json_has_no_number_for_infinity():
    rows = [(float("inf"),), (float("nan"),)]
    assert json.loads(printed(["a"], ["number"], rows, "json")) == [{"a": "Infinity"}, {"a": "NaN"}]


def test_a_name_that_repeats_is_numbered_in_json():
    assert distinct_names(["a", "a", "a_2", "a"]) == ["a", "a_2", "a_2_2", "a_3"]


def test_a_table_aligns_numbers_to_the_right_and_names_null():
    text = printed(["channel", "n"], ["text", "number"], [("email", 5), (None, 1200)], "table")
    assert text.splitlines() == [
        "channel      n",
        "-------  -----",
        "email        5",
        "NULL     1,200",
    ]


def test_a_spreadsheet_gets_no_formula_and_csv_the_very_text():
    rows = [("=cmd|'/C calc'!A0", -1, None), ("@SUM(1)", 2, "+49 1"), ("a=b", 3, '"=1"')]
    kinds = ["text", "number", "text"]
    assert printed(["-a", "n", "c"], kinds, rows, "sheet").splitlines() == [
        "'-a,n,c",
        "'=cmd|'/C calc'!A0,-1,",
        "'@SUM(1),2,'+49 1",
        'a=b,3,"""=1"""',
    ]
    assert printed(["a"], ["text"], [("=1",)], "csv") == "a\r\n=1\r\n"


def test_a_table_gives_a_terminal_nothing_to_obey():
    text = printed(["a"], ["text"], [("\x1b[2J\x07\x9b1m\tb",)], "table")
    assert text.splitlines()[-1] == r"\x1b[2J\x07\x9b1m\tb"


@pytest.mark.parametrize("output_format", ["table", "csv", "sheet", "json"])
def test_a_statement_without_result_prints_nothing(output_format):
    assert printed([], [], [], output_format) == ""


@pytest.mark.parametrize("output_format", ["csv", "sheet", "json", "table"])
def test_rows_are_read_as_the_lines_are(output_format):
    read = 0

    def rows():
        nonlocal read
        for number in range(10_000):
            read += 1
            yield (number,)

    iterator = lines(["a"], ["number"], rows(), output_format)
    for _ in range(4):
        next(iterator)
    assert read <= 1_001


@pytest.mark.parametrize("sql", ["", "  ", ";", " ;\n; "])
def test_no_statement_is_refused_before_spark_is_asked(sql):
    with pytest.raises(UserError, match="no SQL statement"):
        run_statement(None, sql)


def test_an_error_of_spark_is_one_line_with_its_state():
    error = RuntimeError(
        "[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found.\nTo tolerate the error,\nuse"
        " IF EXISTS. SQLSTATE: 42P01; line 1 pos 14;\n'Project [*]\n\nJVM stacktrace:\nat org.x"
    )
    assert str(as_user_error(error)) == (
        "[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found. To tolerate the error, use"
        " IF EXISTS. SQLSTATE: 42P01; line 1 pos 14"
    )
    assert as_user_error(error).exit_code == 2


def test_a_syntax_error_keeps_its_position():
    error = RuntimeError(
        "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'. SQLSTATE: 42601"
        " (line 1, pos 0)\n\n== SQL ==\nselec 1\n^^^\n"
    )
    assert str(as_user_error(error)) == (
        "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'. SQLSTATE: 42601 (line 1, pos 0)"
    )


def test_a_server_that_went_away_is_told_with_what_to_do():
    error = as_user_error(RuntimeError("status = StatusCode.UNAVAILABLE\nConnection refused"))
    assert isinstance(error, ServerError)
    assert "attribution up" in str(error)


def test_a_cell_of_a_megabyte_does_not_widen_the_other_rows():
    rows = [("a", 1), ("x" * 1_000_000, 2), ("b", 3)]
    text = printed(["client_id", "n"], ["text", "number"], rows, "table").splitlines()
    assert text[3] == "x" * 1_000_000 + "  2"
    assert max(map(len, [*text[:3], text[4]])) <= 203


def test_a_name_of_a_column_steers_no_terminal():
    text = printed(["a\x1b[2J"], ["text"], [("x",)], "table")
    assert text.startswith("a\\x1b[2J\n--------\n")


def test_json_steers_no_terminal_and_says_the_same():
    hostile = "\x1b[2J\x9b1m\x7f\u202e\u2028\n"
    text = printed([hostile, "b"], ["text", "json"], [(hostile, '{"k":"\x9b"}')], "json")
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == [{hostile: hostile, "b": {"k": "\x9b"}}]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_every_beginning_of_a_formula_is_made_a_text_in_a_sheet_alone(first):
    def read(output_format):
        text = printed(["a"], ["text"], [(f"{first}1",)], output_format)
        return list(csv.reader(io.StringIO(text, newline="")))[1]

    assert read("sheet") == [f"'{first}1"]
    assert read("csv") == [f"{first}1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_234_567, "1,234,567"),
        (-1_234, "-1,234"),
        (Decimal("1234567.80"), "1,234,567.80"),
        (Decimal("0E-18"), "0.000000000000000000"),
        (1234.5, "1,234.5"),
        (0.1 + 0.2, "0.3"),
        (45.0, "45.0"),
        (1.23456789e-9, "1.23456789e-09"),
        (float("-inf"), "-Infinity"),
        (None, "NULL"),
    ],
)
def test_a_number_in_a_table_is_for_people_and_in_other_formats_in_full(value, text):
    assert printed(["n"], ["number"], [(value,)], "table").split()[-1] == text
    for output_format in ("csv", "sheet", "json"):
        assert "," not in printed(["n"], ["number"], [(value,)], output_format).strip("[]\n")


@pytest.mark.parametrize(
    ("name", "is_separated"),
    [
        ("client_id", False),
        ("id", False),
        ("first_year", False),
        ("year(event_time)", False),
        ("max(batch)", False),
        ("version", False),
        ("Order_ID", False),
        ("revenue", True),
        ("journey_length_days", True),
        ("count(DISTINCT client_id)", True),
        ("paid", True),
        ("candidates", True),
    ],
)
def test_a_number_that_names_something_has_no_separators(name, is_separated):
    text = printed([name], ["number"], [(2021,)], "table").split()[-1]
    assert text == ("2,021" if is_separated else "2021")


def test_a_text_of_digits_and_a_boolean_stay_as_they_are():
    text = printed(["phone", "is_new"], ["text", "boolean"], [("4930123", True)], "table")
    assert text.splitlines()[-1] == "4930123  true"


def test_columns_stand_below_each_other_in_any_script():
    rows = [("統計", 1), ("cafe\u0301", 20), ("שלום", 300)]
    text = printed(["channel", "n"], ["text", "number"], rows, "table").splitlines()
    assert [columns(line) for line in text] == [12, 12, 12, 12, 12]


def test_the_names_of_a_table_are_bold_where_there_are_colours():
    use_colour(output=True, error=False)
    try:
        title, rule, _ = printed(["a"], ["text"], [("x",)], "table").splitlines()
        other = printed(["a"], ["text"], [("x",)], "csv")
    finally:
        use_colour(output=False, error=False)
    assert title == "\x1b[1ma\x1b[0m"
    assert "\x1b" not in rule + other
