"""What came from outside cannot steer a terminal."""

import json
import unicodedata

from dagster_code.lib.terminal import printable, printable_json, shortened

# clears a screen, sets a title, begins a sequence in one letter, turns the writing, ends a line
HOSTILE = "\x1b[2J\x1b]0;t\x07\x9b1m\x7f\x00\r\n\t\u202e\u2066\u200f\u061c\u2028\x85"


def steering(text: str) -> list[str]:
    return [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")]


def test_no_letter_that_is_shown_steers():
    assert steering(printable("".join(map(chr, range(0x11000))))) == []


def test_escapes_are_those_of_python():
    assert printable("a\x1b\n\u202eb") == r"a\x1b\n\u202eb"
    assert printable("\udcff") == r"\udcff"


def test_letters_of_all_languages_and_spaces_stay():
    text = "Grüße 😀 日本語 שלום 1\u00a0000 \\x41"
    assert printable(text) == text


def test_json_is_the_same_to_a_reader():
    text = json.dumps({HOSTILE: [HOSTILE]}, ensure_ascii=False)
    assert steering(text) != []
    assert steering(printable_json(text)) == []
    assert json.loads(printable_json(text)) == {HOSTILE: [HOSTILE]}


def test_a_text_of_a_megabyte_is_cut_and_measured():
    assert shortened("x" * 200) == "x" * 200
    assert shortened("x" * 1_000_000) == "x" * 200 + "… (1,000,000 letters)"
