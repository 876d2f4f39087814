"""What came from outside (data, names of files, Spark's words), shown so that no terminal obeys it.

A control character can clear a screen or type for the user; one that turns the direction of writing
makes a name look like another.
"""

import re
import unicodedata

# JSON's own escapes leave these out.
_JSON_LEAVES = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SHOWN_LETTERS = 200
# Marks that stand on the letter before them, and letters that are not seen.
_TAKES_NO_COLUMN = ("Mn", "Me", "Cf")
# Vowels and finals of Hangul, written into the syllable before them.
_JOINED_JAMO = frozenset(map(chr, range(0x1160, 0x1200)))
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$-]")


def printable(text: str) -> str:
    r"""Write what is no letter, sign or space as an escape: ``\n``, ``\x1b``, ``\u202e``.

    Args:
        text: any text.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_plain(letter) else repr(letter)[1:-1] for letter in text)


def printable_json(text: str) -> str:
    r"""Escape in JSON what its encoders leave as it is; to a reader it is the same JSON.

    Args:
        text: JSON, in which such characters are inside texts only.
    """
    return _JSON_LEAVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str) -> str:
    """Cut a text that is too long for one line, and say how long it is.

    Args:
        text: any text.
    """
    if len(text) <= _SHOWN_LETTERS:
        return text
    return f"{text[:_SHOWN_LETTERS]}… ({len(text):,} letters)"


def columns(text: str) -> int:
    """Count the columns that a text takes in a terminal.

    A letter of East Asia takes two, an accent over the letter before it none. In which direction a
    text is written changes nothing.

    Args:
        text: as ``printable`` writes it: no control characters.
    """
    if text.isascii():
        return len(text)
    return sum(_columns_of(letter) for letter in text)


def padded(text: str, width: int, is_right: bool = False) -> str:
    """Fill a text up with blanks to a width in a terminal; a longer one stays as it is.

    Args:
        text: as for ``columns``.
        width: in columns.
        is_right: whether the blanks come first, as for numbers.
    """
    blanks = " " * (width - columns(text))
    return blanks + text if is_right else text + blanks


def _columns_of(letter: str) -> int:
    if unicodedata.category(letter) in _TAKES_NO_COLUMN or letter in _JOINED_JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def markdown_cell(text: str) -> str:
    """Write a text so that Markdown shows it as it is, in a cell of a table.

    Args:
        text: any text; a long one is cut.
    """
    return _MARKDOWN.sub(r"\\\g<0>", printable(shortened(text)))


def _is_plain(letter: str) -> bool:
    # a no-break space is a space
    return letter.isprintable() or unicodedata.category(letter) == "Zs"
