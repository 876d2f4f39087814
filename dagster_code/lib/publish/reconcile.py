"""A published table read back: does it hold what the mart holds, column by column.

Both sides add up their own rows, so that nothing that was written is taken for granted. Sums of
doubles depend on the order of adding and are left out; their ends and their number are not.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.publish.columns import postgres_name
from dagster_code.lib.publish.marts import MartVersion, as_of

if TYPE_CHECKING:
    import psycopg2.extensions
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructField

_WHOLE = ("tinyint", "smallint", "int", "bigint")
_ORDERED = ("date", "timestamp", "double", "float")


def reconcile(
    spark: "SparkSession", cursor: "psycopg2.extensions.cursor", now: MartVersion, table: str
) -> None:
    """Hold a table against its mart.

    Args:
        spark: a session in UTC on the home's server.
        cursor: of the transaction that brought the table up to date.
        now: the mart.
        table: its quoted name in PostgreSQL.

    Raises:
        RunFailedError: a column differs; says which and how.
    """
    facts = facts_of(now)
    in_spark = as_of(spark, now.mart, now.version).selectExpr(
        *(f"{expression} as `{name}`" for name, (expression, _) in facts.items())
    )
    expected = in_spark.first()
    cursor.execute(
        "select " + ", ".join(expression for _, expression in facts.values()) + f" from {table}"
    )
    found = cursor.fetchone()
    if expected is None or found is None:
        raise RunFailedError(f"{now.mart.name} cannot be read back")
    for name, one, other in zip(facts, expected, found, strict=True):
        if _comparable(one) != _comparable(other):
            raise RunFailedError(
                f"{now.mart.name} was not published: its {name} is {one} in the mart and {other} in"
                " PostgreSQL"
            )


def facts_of(now: MartVersion) -> dict[str, tuple[str, str]]:
    """Write what is compared, for Spark and for PostgreSQL, by its name.

    Args:
        now: the mart.
    """
    facts = {"number of rows": ("count(*)", "count(*)")}
    for field in now.schema.fields:
        for what, template in _templates(field):
            facts[f"{what} of {field.name}"] = (
                template[0].format(f"`{field.name}`"),
                template[1].format(postgres_name(field.name)),
            )
    return facts


def _templates(field: "StructField") -> list[tuple[str, tuple[str, str]]]:
    kind = field.dataType.simpleString()
    templates = [("number", ("count({0})", "count({0})"))]
    if kind in _WHOLE or kind.startswith("decimal"):
        exact = "sum(cast({0} as decimal(38, 6)))", "sum(cast({0} as numeric))"
        templates.append(("sum", exact))
    elif kind == "string":
        templates.append(("length", ("sum(char_length({0}))", "sum(char_length({0}))")))
    elif kind == "boolean":
        templates.append(("truths", ("count_if({0})", "count(*) filter (where {0})")))
    elif kind in ("timestamp",):
        # as numbers: the sides show times in zones of their own
        for end in ("min", "max"):
            ends = (
                f"unix_micros({end}({{0}}))",
                f"cast(extract(epoch from {end}({{0}})) * 1000000 as bigint)",
            )
            templates.append((end, ends))
    elif kind in _ORDERED:
        templates += [(end, (f"{end}({{0}})", f"{end}({{0}})")) for end in ("min", "max")]
    return templates


def _comparable(value: Any) -> Any:  # noqa: ANN401  whatever a column holds
    """Numbers by their value, however many places they have."""
    return Decimal(value) if isinstance(value, (int, Decimal)) else value
