"""Golden cases from the field: tables of cases, each with the place it comes from.

`expected` is what SPEC.md says. `source_says` is the source's answer where it is another one.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
EVENT_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "page_url", "referrer", "channel")

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """One line of one table.

    Attributes:
        table: the file, without its ending: channels, sessions, lookback, weights.
        number: of the line among the table's, from 1.
        row: the line.
    """

    table: str
    number: int
    row: Fields

    @property
    def kind(self) -> str:
        """What it is about, like `click_id`."""
        return self.row["kind"]

    @property
    def client_id(self) -> str:
        """The client that plays it in the pipeline."""
        return f"golden-{self.table}-{self.number:03}"

    @property
    def expected(self) -> str:
        """SPEC.md's answer."""
        return self.row["expected"]

    def records(self) -> Iterator[dict[str, str]]:
        """The raw records of the case's client."""
        if self.table == "channels":
            fields = {name: self.row[name] for name in EVENT_FIELDS if self.row[name]}
            fields |= dict(pair.split("=") for pair in self.row["click_id"].split())
            yield self._record("2025-01-10T12:00:00", "0", fields)
            return
        for number, text in enumerate(self.row["events"].split(";")):
            yield self._event(text.split(), number)

    def _event(self, words: Sequence[str], number: int) -> dict[str, str]:
        """`TIME EVIDENCE [buy=REVENUE] [id=EVENT_ID] [ch=CHANNEL]`; evidence: `-` or three tags."""
        time, evidence, *options = words
        given = dict(option.split("=") for option in options)
        assert set(given) <= {"buy", "id", "ch"}, words
        fields = {}
        if evidence != "-":
            tags = zip(EVENT_FIELDS[:3], evidence.split("/"), strict=True)
            fields = {name: tag for name, tag in tags if tag != "-"}
        if "buy" in given:
            fields |= {"event_type": "purchase", "revenue": given["buy"]}
        if "ch" in given:
            fields["channel"] = given["ch"]
        return self._record(time, given.get("id", f"{number:03}"), fields)

    def _record(self, time: str, event_id: str, fields: Fields) -> dict[str, str]:
        return {
            "client_id": self.client_id,
            "event_id": event_id,
            "event_time": time + "Z",
            "event_type": "page_view",
            **fields,
        }


def load_cases() -> list[Case]:
    """Read every table."""
    return [
        Case(path.stem, number, row)
        for path in sorted(FOLDER.glob("*.csv"))
        for number, row in enumerate(_rows(path), start=1)
    ]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, strict=True)


def write_landing(path: Path) -> Path:
    """Write all cases as one file of events, each case a client."""
    records = (record for case in load_cases() for record in case.records())
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
    return path


# --- What was answered ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """What the pipeline or the oracle made of the cases' clients.

    Attributes:
        events: client_id, event_time, event_id, channel, session_number, is_session_evidence,
            is_touch.
        conversions: client_id, event_time, attribution_status, first_channel, last_channel.
        credits: client_id, model, touch_at, channel, weight, attributed_revenue.
    """

    events: Iterable[Mapping[str, object]]
    conversions: Iterable[Mapping[str, object]]
    credits: Iterable[Mapping[str, object]]


def wrong_answers(cases: Sequence[Case], answers: Answers) -> list[str]:
    """Name each case whose answer is not the expected one."""
    events, conversions = _by_client(answers.events), _by_client(answers.conversions)
    credits = _by_client(answers.credits)
    wrong = []
    for case in cases:
        if case.table == "weights":
            of_model = [row for row in credits[case.client_id] if row["model"] == case.row["model"]]
            is_right = same_credits(case.expected, credits_text(of_model))
            actual = credits_text(of_model)
        else:
            actual = _answer(case, events[case.client_id], conversions[case.client_id])
            is_right = actual == case.expected
        if not is_right:
            wrong.append(
                f"{case.table} {case.number} ({case.kind}, {case.row['case']}):"
                f" expected {case.expected!r}, was {actual!r}"
            )
    return wrong


def _by_client(
    rows: Iterable[Mapping[str, object]],
) -> defaultdict[str, list[Mapping[str, object]]]:
    grouped: defaultdict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows:
        grouped[str(row["client_id"])].append(row)
    return grouped


def _answer(
    case: Case,
    events: list[Mapping[str, object]],
    conversions: list[Mapping[str, object]],
) -> str:
    ordered = sorted(events, key=lambda row: (str(row["event_time"]), str(row["event_id"])))
    if case.kind == "session":
        named = {
            row["session_number"]: row["channel"] for row in ordered if row["is_session_evidence"]
        }
        return " ".join(
            f"{row['session_number']}:{named.get(row['session_number'], 'direct')}"
            for row in ordered
        )
    if case.kind == "touch":
        return " ".join(str(row["channel"]) for row in ordered if row["is_touch"])
    if case.kind == "lookback":
        return "; ".join(
            f"{row['attribution_status']} {row['first_channel']} {row['last_channel']}"
            for row in sorted(conversions, key=lambda row: str(row["event_time"]))
        )
    return " ".join(str(row["channel"]) for row in ordered)


def credits_text(rows: Iterable[Mapping[str, object]]) -> str:
    """The credits of one conversion by one model, in the order of the touches."""
    ordered = sorted(rows, key=lambda row: str(row["touch_at"] or ""))
    return " ".join(
        f"{row['channel']}={float(str(row['weight'])):.9f}:{row['attributed_revenue']}"
        for row in ordered
    )


def same_credits(expected: str, actual: str) -> bool:
    """Whether channels and cents are equal and weights are equal to nine digits."""
    credit = re.compile(r"(\w+)=([\d.]+):([\d.]+)")
    pairs = list(zip(credit.findall(expected), credit.findall(actual), strict=False))
    return len(expected.split()) == len(actual.split()) == len(pairs) and all(
        one[0] == other[0] and abs(float(one[1]) - float(other[1])) <= 1e-9 and one[2] == other[2]
        for one, other in pairs
    )


# --- The page -------------------------------------------------------------------------------------

PAGE_HEAD = """\
# Golden cases

Questions that other systems and their users have answered, and this project's answers. The tables
are `tests/golden/*.csv`, each line with its source. All of them run through the real SQL
(`tests/integration/test_end_to_end.py`) and through the oracle (`tests/unit/test_golden.py`).
`python -m tests.golden` writes this page; a test holds it against the tables.

## How many
"""
PAGE_OTHERWISE = """
## Answered otherwise than by their source

| kind | case | source | it says | here | why |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """docs/golden_cases.md."""
    cases = load_cases()
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for case in cases:
        counts[case.table, case.kind] += 1
    lines = [PAGE_HEAD, "| table | kind | cases |", "| --- | --- | --- |"]
    lines += [f"| {table} | {kind} | {n} |" for (table, kind), n in counts.items()]
    lines += [f"| all | | {len(cases)} |", "", "| source | cases |", "| --- | --- |"]
    sources: defaultdict[str, int] = defaultdict(int)
    for case in cases:
        sources[case.row["source"]] += 1
    lines += [f"| {_cell(s)} | {n} |" for s, n in sorted(sources.items(), key=lambda x: (-x[1], x))]
    otherwise = [
        "| "
        + " | ".join(
            _cell(text)
            for text in (
                case.kind,
                case.row["case"],
                case.row["source"],
                case.row["source_says"],
                case.expected,
                case.row["note"],
            )
        )
        + " |"
        for case in cases
        if case.row["source_says"]
    ]
    return "\n".join(lines) + "\n" + PAGE_OTHERWISE + "\n".join(otherwise) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
