"""Which tables are published, what tells their rows apart, and which version of each there is.

They are the marts, and the events of staging, of which the brief asks one of its four questions.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_code.lib.build_state import row_version
from dagster_code.lib.publish.columns import postgres_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

SCHEMA = "marts"
EVENTS = "staging.stg_events"

_KEY_TEST = "primary_key"
_NULLABLE = re.compile(r"coalesce\((\w+), ''\)")


@dataclass(frozen=True)
class Mart:
    """A table of the project for others to read.

    Attributes:
        schema: in the warehouse.
        name: without its schema.
        keys: the columns whose values each row has for itself; the text ones may be null.
        beneath: of a view, which has no versions of its own, the tables that it reads.
    """

    schema: str
    name: str
    keys: tuple[str, ...]
    beneath: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """Its name with its schema, in the warehouse."""
        return f"{self.schema}.{self.name}"

    def published_as(self, marts_schema: str) -> str:
        """Its quoted name in PostgreSQL.

        Args:
            marts_schema: the schema that has the marts there.
        """
        schema = marts_schema if self.schema == SCHEMA else self.schema
        return f"{postgres_name(schema)}.{postgres_name(self.name)}"


@dataclass(frozen=True)
class MartVersion:
    """A mart as it stands in the warehouse.

    Attributes:
        mart: which one.
        delta_id: of the Delta table; one that is made anew has another. Of a view, a digest of
            what the tables beneath it are.
        version: of the Delta table; 0 of a view.
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


def marts_of(manifest: Path, has_events: bool) -> Iterator[Mart]:
    """Read the tables and their keys from what the project tests of them.

    Args:
        manifest: of dbt.
        has_events: whether the events are among them.

    Raises:
        ValueError: a mart has no test of its key, or one that is not understood.
    """
    known = json.loads(manifest.read_text(encoding="utf-8"))
    nodes = known["nodes"]
    keys = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in nodes.values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == _KEY_TEST
    }
    for unique_id, node in sorted(nodes.items()):
        if node["resource_type"] != "model":
            continue
        is_events = has_events and f"{node['schema']}.{node['name']}" == EVENTS
        if node["schema"] != SCHEMA and not is_events:
            continue
        if unique_id not in keys:
            raise ValueError(f"{node['name']} has no test {_KEY_TEST}")
        columns = tuple(_column(text) for text in keys[unique_id])
        beneath = tuple(sorted(set(_tables_beneath(unique_id, {**nodes, **known["sources"]}))))
        yield Mart(node["schema"], node["name"], columns, beneath)


def _tables_beneath(unique_id: str, nodes: Mapping[str, Any]) -> Iterator[str]:
    """The tables that a view reads, through other views; nothing for a table."""
    if not _is_view(nodes[unique_id]):
        return
    for parent in nodes[unique_id]["depends_on"]["nodes"]:
        node = nodes[parent]
        if _is_view(node):
            yield from _tables_beneath(parent, nodes)
        else:
            yield f"{node['schema']}.{node.get('identifier') or node['name']}"


def _is_view(node: Mapping[str, Any]) -> bool:
    return bool(node["config"].get("materialized") == "view")


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
    if mart.beneath:
        states = "\n".join(f"{table} {row_version(spark, table)}" for table in mart.beneath)
        digest = hashlib.sha256(states.encode()).hexdigest()
        return MartVersion(mart, digest, 0, as_of(spark, mart, 0).schema)
    detail = spark.sql(f"describe detail {mart.table}").first()
    newest = spark.sql(f"describe history {mart.table} limit 1").first()
    if detail is None or newest is None:
        raise ValueError(f"{mart.table} is no Delta table")
    # read as of the version, not of the moment: a run that begins meanwhile changes nothing here
    return MartVersion(
        mart, detail["id"], newest["version"], as_of(spark, mart, newest["version"]).schema
    )


def as_of(spark: "SparkSession", mart: Mart, version: int) -> "DataFrame":
    """Read a mart as it was; a view as it is.

    Args:
        spark: a session on the home's server.
        mart: which one.
        version: of its Delta table.
    """
    if mart.beneath:
        return spark.table(mart.table)
    return spark.read.option("versionAsOf", version).table(mart.table)
