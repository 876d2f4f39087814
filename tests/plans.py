"""Counts the exchanges of event-sized data in Spark's plans."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

# What has a row for each event. Views on them are in the plan as scans of these.
EVENT_SIZED = ("raw.events", "staging.base_events")

_NODE = re.compile(r"^(?P<indent>[ :+-]*)(?:\*\(\d+\) )?(?P<text>\w.*)$")
_REDUCES = re.compile(r"\w*Aggregate\(|\w*Aggregate ")


@dataclass
class Node:
    """An operator of a plan with those that it reads from."""

    text: str
    children: list["Node"] = field(default_factory=list)


def parse_plan(text: str) -> list[Node]:
    """Read the tree of ``explain``; its indentation says what is below what.

    Args:
        text: the answer of Spark, or a part of it.

    Returns:
        The topmost operators.
    """
    tops: list[Node] = []
    path: list[tuple[int, Node]] = []
    for line in text.splitlines():
        match = _NODE.match(line)
        if match is None or line.startswith("=="):
            continue
        node, depth = Node(match["text"]), len(match["indent"])
        while path and path[-1][0] >= depth:
            path.pop()
        (path[-1][1].children if path else tops).append(node)
        path.append((depth, node))
    return tops


def event_sized_exchanges(plan: str, tables: Iterable[str] = EVENT_SIZED) -> int:
    """Count the exchanges through which rows of events go one by one.

    An exchange counts if a scan of an event-sized table is below it and no aggregation in between,
    which sends on a row per group. Copies that a broadcast makes are no exchange of it.

    Args:
        plan: the answer of ``explain``.
        tables: the event-sized ones.
    """
    names = tuple(f"spark_catalog.{table}[" for table in tables)
    return sum(_exchanges(node, names)[0] for node in parse_plan(plan))


def _exchanges(node: Node, names: tuple[str, ...]) -> tuple[int, bool]:
    counted = [_exchanges(child, names) for child in node.children]
    count = sum(number for number, _ in counted)
    carries = any(carried for _, carried in counted) or (
        "Scan" in node.text and any(name in node.text for name in names)
    )
    if _REDUCES.match(node.text) or node.text.startswith("BroadcastExchange"):
        return count, False
    if node.text.startswith("Exchange ") and carries:
        return count + 1, True
    return count, carries
