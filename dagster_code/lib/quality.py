"""How a fact that must hold across tables is stated, asked and judged.

A check's SQL returns one row with the columns ``observed`` and ``expected``. It is the same
statement a user runs to look for himself; Dagster shows it with the result. The facts themselves
are in ``quality_checks``.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Planning takes most of a small check's time, and it keeps one core busy at most.
_CHECKS_AT_ONCE = 4

# As hashes 8 MB, and a few times that in a table to look them up.
_MOST_BROADCAST_EVENTS = 1_000_000


class Rule(StrEnum):
    """How ``observed`` has to stand to ``expected``."""

    EQUAL = "equal"
    AT_MOST = "at most"


@dataclass(frozen=True)
class QualityCheck:
    """One check.

    Attributes:
        name: its name in Dagster.
        table: the table it is shown at, as (schema, name).
        description: the fact in words.
        sql: the statement, with the dbt variables as ``{name}``.
        rule: how observed and expected compare.
        is_blocking: whether a failure fails the run: money and keys.
        is_warning: whether a failure only warns.
        off_when_zero: the variable that turns the check off when it is 0.
        where_to_look: a statement that shows what is wrong, with the dbt variables as ``{name}``;
            the check's own when there is no better one.
        increment_sql: the statement for what was landed after ``{checked_batch}`` alone, for a fact
            that no later record can change for those before; ``None``: all is looked at each time.
    """

    name: str
    table: tuple[str, str]
    description: str
    sql: str
    rule: Rule = Rule.EQUAL
    is_blocking: bool = False
    is_warning: bool = False
    off_when_zero: str | None = None
    where_to_look: str | None = None
    increment_sql: str | None = None

    def statement(self, variables: Mapping[str, Any], checked_batch: int | None = None) -> str:
        """Write the SQL with the variables that the tables were built with.

        Args:
            variables: all dbt variables of the build.
            checked_batch: the last batch of events that the check has looked at before, if any.
        """
        if checked_batch is None or self.increment_sql is None:
            return self.sql.format_map(variables)
        return self.increment_sql.format_map({**variables, "checked_batch": checked_batch})

    def look(self, variables: Mapping[str, Any]) -> str:
        """Write the statement to paste when the check does not pass, in one line.

        Args:
            variables: all dbt variables of the build.
        """
        return " ".join((self.where_to_look or self.sql).format_map(variables).split())


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        passed: whether the fact holds.
        observed: what the tables show.
        expected: what they should show, or the limit.
        where_to_look: a statement of one line that shows more.
        numbers: what Dagster draws over time.
    """

    passed: bool
    observed: Any
    expected: Any
    where_to_look: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What was observed, what was expected, and where to look when that is not the same."""
        told = f"observed {self.observed}, expected {self.expected}"
        if self.passed or self.where_to_look is None:
            return told
        return f"{told}\nlook at it with: {self.where_to_look}"


def evaluate(check: QualityCheck, row: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
    """Judge a check's row.

    Args:
        check: the check.
        row: its statement's only row, with ``observed`` and ``expected``.
        variables: all dbt variables of the build.

    Returns:
        A failure when either value is null: a fact that cannot be seen is not known to hold.
    """
    observed, expected = row["observed"], row["expected"]
    if check.off_when_zero is not None and variables[check.off_when_zero] == 0:
        return Outcome(True, observed, "not limited")
    is_known = observed is not None and expected is not None
    is_equal = check.rule is Rule.EQUAL
    holds = is_known and (observed == expected if is_equal else observed <= expected)
    return Outcome(
        passed=bool(holds),
        observed=_told(observed),
        expected=_told(expected) if is_equal else f"{check.rule} {_told(expected)}",
        where_to_look=check.look(variables),
    )


def _told(value: object) -> str:
    """Write a value for people: an empty text says so."""
    return "nothing" if value == "" else "unknown" if value is None else str(value)


def last_checked_batch(spark: "SparkSession") -> int | None:
    """Tell up to which batch of events the last build found its tables made.

    Args:
        spark: a session on the home's server.

    Returns:
        ``None`` when the build made all events anew, or added none, or more than a check can tell
        from the others better than it can look at all.
    """
    scope = spark.sql("select from_batch from builds.build_scope where not is_full_events").first()
    if scope is None:
        return None
    batch = int(scope["from_batch"])
    new = spark.sql(
        f"select count(*) as event_count from staging.base_events where batch > {batch}"
    ).first()
    is_small = new is not None and 0 < new["event_count"] <= _MOST_BROADCAST_EVENTS
    return batch if is_small else None


def run_checks(
    spark: "SparkSession",
    checks: Sequence[QualityCheck],
    variables: Mapping[str, Any],
    checked_batch: int | None = None,
) -> Iterator[tuple[QualityCheck, Outcome, str]]:
    """Run checks against the tables, a few at once.

    Args:
        spark: a session on the home's server.
        checks: which ones.
        variables: all dbt variables of the build.
        checked_batch: the last batch of events that the checks have looked at before, if any.

    Yields:
        Each check with its outcome and its statement, in the given order.
    """

    def run(check: QualityCheck) -> tuple[QualityCheck, Outcome, str]:
        sql = check.statement(variables, checked_batch)
        row = spark.sql(sql).first()
        found = {"observed": None, "expected": None} if row is None else row.asDict()
        return check, evaluate(check, found, variables), sql

    with ThreadPoolExecutor(_CHECKS_AT_ONCE) as pool:
        yield from pool.map(run, checks)
