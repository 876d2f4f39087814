"""What came from outside (data, names of files, Spark's words), shown so that no terminal obeys it.

A control character can clear a screen or type for the user; one that turns the direction of writing
makes a name look like another.
"""

import re
import unicodedata

# JSON's own escapes leave these out.
_JSON_LEAVES = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SHOWN_LETTERS = 200


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


def _is_plain(letter: str) -> bool:
    # a no-break space is a space
    return letter.isprintable() or unicodedata.category(letter) == "Zs"
