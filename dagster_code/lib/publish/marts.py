"""Which marts are published, what tells their rows apart, and which version of each there is."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_code.lib.publish.columns import postgres_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

SCHEMA = "marts"

_KEY_TEST = "primary_key"
_NULLABLE = re.compile(r"coalesce\((\w+), ''\)")


@dataclass(frozen=True)
class Mart:
    """A mart of the project.

    Attributes:
        name: without its schema.
        keys: the columns whose values each row has for itself; the text ones may be null.
    """

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class MartVersion:
    """A mart as it stands in the warehouse.

    Attributes:
        mart: which one.
        delta_id: of the Delta table; one that is made anew has another.
        version: of the Delta table.
        schema: its columns.
    """

    mart: Mart
    delta_id: str
    version: int
    schema: "StructType"

    def key_expressions(self, alias: str = "") -> tuple[str, ...]:
        """What PostgreSQL compares and indexes as the key.

        A digest for texts: an index takes no value of more than 2,700 bytes, and an id of a client
        is as long as its sender likes.

        Args:
            alias: of the table in a statement; none in the definition of an index.
        """
        kinds = {field.name: field.dataType.simpleString() for field in self.schema.fields}
        columns = {key: f"{alias}{'.' * bool(alias)}{postgres_name(key)}" for key in self.mart.keys}
        return tuple(
            f"coalesce(md5({column}), '')" if kinds[key] == "string" else column
            for key, column in columns.items()
        )


def marts_of(manifest: Path) -> Iterator[Mart]:
    """Read the marts and their keys from what the project tests of them.

    Args:
        manifest: of dbt.

    Raises:
        ValueError: a mart has no test of its key, or one that is not understood.
    """
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    keys = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in nodes.values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == _KEY_TEST
    }
    for unique_id, node in sorted(nodes.items()):
        if node["resource_type"] != "model" or node["schema"] != SCHEMA:
            continue
        if unique_id not in keys:
            raise ValueError(f"{node['name']} has no test {_KEY_TEST}")
        yield Mart(node["name"], tuple(_column(text) for text in keys[unique_id]))


def _column(expression: str) -> str:
    matched = _NULLABLE.fullmatch(expression)
    if matched is not None:
        return matched[1]
    if not expression.isidentifier():
        raise ValueError(f"no column of a key: {expression}")
    return expression


def version_of(spark: "SparkSession", mart: Mart) -> MartVersion:
    """Read which version of a mart there is.

    Args:
        spark: a session on the home's server.
        mart: which one; the table exists.

    Raises:
        ValueError: it is no Delta table.
    """
    table = f"{SCHEMA}.{mart.name}"
    detail = spark.sql(f"describe detail {table}").first()
    newest = spark.sql(f"describe history {table} limit 1").first()
    if detail is None or newest is None:
        raise ValueError(f"{table} is no Delta table")
    # read as of the version, not of the moment: a run that begins meanwhile changes nothing here
    return MartVersion(
        mart, detail["id"], newest["version"], as_of(spark, mart, newest["version"]).schema
    )


def as_of(spark: "SparkSession", mart: Mart, version: int) -> "DataFrame":
    """Read a mart as it was.

    Args:
        spark: a session on the home's server.
        mart: which one.
        version: of its Delta table.
    """
    return spark.read.option("versionAsOf", version).table(f"{SCHEMA}.{mart.name}")
