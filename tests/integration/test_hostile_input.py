"""Input that would do something if anybody took it for more than data: it stays data.

Ids, tags and addresses of clients with SQL, Jinja, shell and markup in them, an id of a megabyte,
names of files that a shell would obey; and the secrets of a home, which nobody shall see.
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_code.lib.connect_token import read_token, token_path
from tests.increments.homes import DrivenHome
from tests.increments.judge import oracle_differences
from tests.leaks import leaks

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Whoever obeys one of the texts makes this file, in its working directory or beside the input.
CANARY = "canary-of-the-hostile-input"

TEXTS = [
    "'; drop table marts.client_journeys; --",
    '"; drop schema marts cascade; --',
    "`x`) union select * from raw.events --",
    "{{ 1 / 0 }}{% raw %}{{ env_var('HOME') }}",
    f"$(touch {CANARY})`touch {CANARY}`; touch {CANARY} | tee {CANARY} & #",
    "<script>alert(1)</script>&lt;img src=x onerror=alert(1)>",
    "back\\slash \\' \\u0041 \\n %s %(x)s {0} ${HOME}",
    "\u202egnirts desrever \u200f\u2066",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "../../../etc/passwd",
    "line\nbreak",
]
LONG_ID = "x" * 1_000_000

NAMES = [
    "a space.jsonl",
    'it\'s "quoted".jsonl',
    "a new\nline.jsonl",
    f"; touch {CANARY};.jsonl",
    f"$(touch {CANARY}).jsonl",
    f"`touch {CANARY}`.jsonl",
    f"| touch {CANARY} &.jsonl",
    "--full-refresh.jsonl",
    "-rf.jsonl",
    "*?[a-z].jsonl",
    "{{ 1 / 0 }}.jsonl",
    "%2e%2e%2fescaped.jsonl",
    "'; drop table raw.events; --.jsonl",
    "ünïcode 😀.jsonl",
]


def history(client_id: str, text: str) -> list[dict[str, str]]:
    """A click and a purchase of a client, with the text wherever a sender can put one."""
    common = {"client_id": client_id, "platform": "web", "referrer": f"https://{text}"}
    return [
        {
            **common,
            "event_id": f"click {text}",
            "event_time": "2026-02-01T10:00:00Z",
            "event_type": "page_view",
            "page_url": f"https://shop.example/{text}?utm_source={text}",
            "utm_source": text,
            "utm_medium": text,
            "utm_campaign": text,
        },
        {
            **common,
            "event_id": f"purchase {text}",
            "event_time": "2026-02-02T10:00:00Z",
            "event_type": "purchase",
            "page_url": "https://shop.example/thanks",
            "revenue": "10.01",
            "order_id": text,
        },
    ]


def write_lines(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files whose names are as hostile as what is in them."""
    root = tmp_path_factory.mktemp("hostile")
    folder = root / "in"
    folder.mkdir()
    texts = [*TEXTS, "a long id"]
    clients = [*TEXTS, LONG_ID]
    write_lines(
        folder / "texts.jsonl",
        [record for one in zip(clients, texts, strict=True) for record in history(*one)],
    )
    for number, name in enumerate(NAMES):
        write_lines(folder / name, history(f"of file {number}", f"file {number}"))
    # what is no file to read, or is one elsewhere
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    (folder / "a folder.jsonl").mkdir()
    write_lines(folder / "a folder.jsonl" / "in it.jsonl", history("in a folder", "folder"))
    (folder / "a folder.jsonl" / "around").symlink_to(folder)
    write_lines(root / "elsewhere.jsonl", history("of a link", "link"))
    (folder / "link.jsonl").symlink_to(Path("..") / "elsewhere.jsonl")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, delivery: Path) -> Iterator[DrivenHome]:
    """A home that has landed and built it all."""
    made = DrivenHome.at(tmp_path_factory.mktemp("hostile-home") / "home")
    made.run("run", "--events", delivery)
    yield made
    made.stop()


def test_nothing_of_it_is_obeyed(home: DrivenHome, delivery: Path) -> None:
    places = {Path.cwd(), delivery.parent, home.settings.home.parent}
    assert [path for place in places for path in place.rglob(CANARY)] == []


def test_every_file_lands_under_its_name_and_once(home: DrivenHome) -> None:
    rows = home.rows("select source_file, record_count from raw.landed_files")
    names = {Path(str(row["source_file"])).name: row["record_count"] for row in rows}
    printable = {name.replace("\n", "\\n") for name in NAMES}
    assert names.keys() == printable | {"texts.jsonl", "in it.jsonl", "link.jsonl"}
    assert len(rows) == len(names)
    assert sum(names.values()) == 2 * (len(TEXTS) + 1 + len(NAMES) + 2)


def test_what_is_no_file_is_told_and_waited_for_by_nobody(home: DrivenHome, delivery: Path) -> None:
    told = home.run("run", "--events", delivery, "--dry-run").stdout
    assert f"{delivery}/pipe.jsonl: not a regular file" in told
    assert f"{delivery}/loop.jsonl: cannot be read" in told
    # named itself, it is a mistake
    refused = home.attribution("run", "--events", delivery / "pipe.jsonl")
    assert refused.returncode == 1
    assert "1 file refused" in refused.stderr


def test_the_tables_are_as_the_contract_says(home: DrivenHome) -> None:
    tables = home.read_tables(("staging", "marts"))
    assert oracle_differences(home.raw(), tables, {}) == []
    found = set(tables["marts.client_journeys"].column("client_id").to_pylist())
    assert {*TEXTS, LONG_ID} <= found | {text.strip() for text in TEXTS}
    assert len(found) == len(TEXTS) + 1 + len(NAMES) + 2


@pytest.mark.parametrize("text", TEXTS)
def test_a_client_is_explained_without_a_word_to_the_terminal(home: DrivenHome, text: str) -> None:
    told = home.run("explain", "--", text).stdout
    assert "10.01" in told
    assert not any(ord(one) < 0x20 and one != "\n" for one in told)


def test_no_cell_of_a_sheet_is_a_formula(home: DrivenHome) -> None:
    columns = "client_id, utm_source, order_id"
    sql = f"select {columns} from staging.stg_events where length(client_id) < 1000"
    sheet = list(csv.reader(io.StringIO(home.run("query", sql, "--format", "sheet").stdout)))
    plain = list(csv.reader(io.StringIO(home.run("query", sql, "--format", "csv").stdout)))
    assert len(sheet) == len(plain) > len(TEXTS)
    assert any(cell.startswith(("=", "+", "-", "@")) for row in plain for cell in row)
    assert [cell for row in sheet for cell in row if cell.startswith(("=", "+", "-", "@"))] == []


def test_the_token_is_shown_nowhere(home: DrivenHome) -> None:
    token = read_token(home.settings)
    assert len(token) > 30
    assert leaks(home, token, [token_path(home.settings)]) == []
    told = home.run("status")
    assert str(token_path(home.settings)) in told.stdout
