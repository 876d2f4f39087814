"""What a column of a mart is called and holds in PostgreSQL.

Texts lose one thing on the way: PostgreSQL's hold no NUL, which becomes U+FFFD. Lists, structs and
maps become ``jsonb``, with times to the microsecond and nulls kept.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructField, StructType

_PLAIN = {
    "string": "text",
    "boolean": "boolean",
    "tinyint": "smallint",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double precision",
    "date": "date",
    # Both count microseconds since 1970 in UTC.
    "timestamp": "timestamp with time zone",
}
_JSON_OPTIONS = (
    "map('ignoreNullFields', 'false',"
    """ 'timestampFormat', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")"""
)
# `\\u0000` in JSON's text, unless its backslash is itself escaped.
_NUL_IN_JSON = r"r'(?<!\\)((?:\\\\)*)\\u0000', r'$1\\ufffd'"


def postgres_type(kind: "DataType") -> str:
    """Give PostgreSQL's type for one of Spark's.

    Args:
        kind: of a column.

    Raises:
        ValueError: PostgreSQL has none.
    """
    name = kind.simpleString()
    if name in _PLAIN:
        return _PLAIN[name]
    if name.startswith("decimal("):
        return f"numeric{name.removeprefix('decimal')}"
    if name.startswith(("array<", "struct<", "map<")):
        return "jsonb"
    raise ValueError(f"PostgreSQL has no type for {name}")


def postgres_name(name: str) -> str:
    """Quote a name for PostgreSQL.

    Args:
        name: of a table or column.
    """
    return '"' + name.replace('"', '""') + '"'


def column_definitions(schema: "StructType") -> str:
    """Write a table's columns as in ``create table``.

    Args:
        schema: in Spark.
    """
    return ", ".join(
        f"{postgres_name(field.name)} {postgres_type(field.dataType)}" for field in schema.fields
    )


def as_written(field: "StructField") -> str:
    """Write the expression in Spark's SQL whose value goes over JDBC.

    Args:
        field: the column.
    """
    column = f"`{field.name}`"
    kind = postgres_type(field.dataType)
    if kind == "text":
        return f"replace({column}, '\\u0000', '\\ufffd') as {column}"
    if kind == "jsonb":
        text = f"to_json({column}, {_JSON_OPTIONS})"
        return f"regexp_replace({text}, {_NUL_IN_JSON}) as {column}"
    return column
