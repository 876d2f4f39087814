"""What an attacker, or a bad day, delivers: texts that mean something elsewhere, and odd names."""

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# A command that is executed anywhere leaves a file of this name where it ran.
CANARY = "canary"
EXECUTED = f"touch {CANARY}"

TEXTS = {
    "sql": "'; drop table marts.client_journeys; --",
    "jinja": "{{ 7 * 191 }}{% raw %}{# no #}{{ config(alias='x') }}",
    "shell": f"$({EXECUTED}) `{EXECUTED}`; {EXECUTED} && rm -rf . | {EXECUTED}",
    "variables": "${env:HOME} ${system:user.name} ${HOME} %HOME%",
    "html": "<script>alert(1)</script>&amp;<img src=x onerror='alert(1)'>",
    "quotes": "\\' \\\" '' `` \\\\ \\n \\u0041 %s {0} :client_id ? /* -- # ]]>",
    "nul": "a\0b\0",
    "control": "a\x1b[2J\x1b]0;title\x07\x08\x7f\x9b31m\x85b",
    "lines": "one\r\ntwo\rthree\nfour\u2028five\tsix",
    "direction": "invoice\u202efdp.\u2066exe\u200f",
    "formula": '=HYPERLINK("https://evil.example","a")',
    "plus": "+cmd|'/C calc'!A0",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "url": "javascript:alert(1)//../../etc/passwd?utm_source=x&utm_medium=%27%00%ff#'",
    "pattern": "^(.*)+$[%_]{9}|\\",
    "path": "../../../../etc/passwd",
    "json": '{"client_id": "other", "channel": ["email"]}',
}
# One who saw all of it, and has a name made of all of it.
EVERYTHING = " ".join(TEXTS.values())
MEGABYTE = "1 MB " + "x" * 1_000_000

NAMES = (
    "a space.jsonl",
    "quotes'\".jsonl",
    "two\nlines.jsonl",
    f"semicolon; {EXECUTED};.jsonl",
    f"$({EXECUTED}).jsonl",
    f"`{EXECUTED}`.jsonl",
    f"a | {EXECUTED} && {EXECUTED}.jsonl",
    "-dash.jsonl",
    "--full-refresh.jsonl",
    "a..b.jsonl",
    "%2e%2e%2fup.jsonl",
    "*?[a]{b,c}.jsonl",
    "ünï😀\u202elnosj.jsonl",
    "\x1b[2J\x07.jsonl",
    "{{ 7 * 191 }}{% raw %}.jsonl",
    "~root.jsonl",
    "${HOME}$HOME.jsonl",
    "back\\slash.jsonl",
    "l" + "o" * 240 + "ng.jsonl",
    os.fsdecode(b"not UTF-8 \xff.jsonl"),
)
# Those of them that are named one by one besides, as a user who stands in the folder would.
NAMED = (f"$({EXECUTED}).jsonl", "-dash.jsonl", "~root.jsonl", os.fsdecode(b"not UTF-8 \xff.jsonl"))


@dataclass(frozen=True)
class HostileFiles:
    """A delivery.

    Attributes:
        folder: offered as a whole.
        arguments: of `attribution run` in that folder.
        landing: paths that are to land.
        pipe: a FIFO in it, named as well: nobody will ever write to it.
        circle: a link to itself.
    """

    folder: Path
    arguments: tuple[str, ...]
    landing: tuple[Path, ...]
    pipe: Path
    circle: Path


def write_hostile(parent: Path) -> HostileFiles:
    """Write the delivery.

    Args:
        parent: where to.
    """
    folder, beside = parent / "in", parent / "beside"
    (folder / "folder.jsonl").mkdir(parents=True)
    beside.mkdir()
    link, up = folder / "link.jsonl", beside / "up.jsonl"
    files = [folder / name for name in NAMES]
    files += [folder / "folder.jsonl" / "inside.jsonl", beside / "outside.jsonl", up]
    for number, path in enumerate(files):
        path.write_text(f"{json.dumps(of_file(number))}\n", encoding="utf-8")
    link.symlink_to(files[-2])
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    pipe, circle = folder / "pipe.jsonl", folder / "circle.jsonl"
    os.mkfifo(pipe)
    circle.symlink_to(circle)
    texts, table = folder / "texts.jsonl", folder / "texts.csv"
    texts.write_text("".join(f"{json.dumps(one)}\n" for one in events()), encoding="utf-8")
    write_csv(
        table, [event | {"client_id": f"csv {event['client_id']}"} for event in events()[:-4]]
    )
    named = (*NAMED, "../in/../beside/up.jsonl", pipe.name)
    return HostileFiles(
        folder=folder,
        arguments=tuple(part for path in (str(folder), *named) for part in ("--events", path)),
        landing=(*files[:-2], link, folder / "../in/../beside/up.jsonl", texts, table),
        pipe=pipe,
        circle=circle,
    )


def of_file(number: int) -> dict[str, object]:
    """The only record of a file, of a client of its own."""
    return {
        "client_id": f"file {number}",
        "event_id": "1",
        "event_time": "2026-01-01T12:00:00Z",
        "event_type": "page_view",
    }


def events() -> list[dict[str, object]]:
    """Each text in each field, of a client with that name; then who saw all, and the long id."""
    histories = [
        event
        for number, text in enumerate(TEXTS.values())
        for event in history(text, [text], number)
    ]
    long = history(MEGABYTE, ["newsletter"], 1)
    return [*histories, *history(EVERYTHING, list(TEXTS.values()), 0), *long]


def history(client: str, texts: list[str], day: int) -> list[dict[str, object]]:
    """What a client saw, text by text, and then bought.

    Args:
        client: its id.
        texts: what stands in the fields.
        day: of January 2026 on which it began.
    """
    told: list[dict[str, object]] = []
    for text in texts:
        told += [
            tagged(text) | {"page_url": f"https://shop.example/{text}", "referrer": text},
            {"page_url": f"https://shop.example/?utm_source={quote(text)}&utm_medium={text}"},
            {"referrer": f"https://{text}/x", "channel": text},
        ]
    told.append({"event_type": "purchase", "revenue": "10.01", "order_id": texts[0]})
    return [
        {
            "event_type": "page_view",
            "client_id": client,
            "event_id": f"{texts[0]} {number}",
            "event_time": f"2026-01-{day % 20 + 1:02d}T{number // 60:02d}:{number % 60:02d}:00Z",
            "currency": texts[0],
            "platform": texts[0],
            f"field {texts[0]}": texts[0],
        }
        | event
        for number, event in enumerate(told)
    ]


def tagged(text: str) -> dict[str, object]:
    """The text as every tag."""
    names = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
    return dict.fromkeys(names, text)


def write_csv(path: Path, records: list[dict[str, object]]) -> None:
    """The records as CSV; fields that only some have are empty in the others."""
    names = list(dict.fromkeys(name for record in records for name in record))
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, names)
        writer.writeheader()
        writer.writerows(records)
