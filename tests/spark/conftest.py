"""One small classic Spark session, and the project's SQL macros evaluated on it."""

import sys

import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession, types

from tests.spark.macros import render


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/spark/" in str(item.path):
            item.add_marker(pytest.mark.spark)


# Per package, not per session: an open classic session would keep the tests of the other folders
# from opening Spark Connect's.
@pytest.fixture(scope="package")
def spark():
    # Left behind by Spark Connect sessions of this process, they would make this one of them.
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"):
            patch.delenv(name, raising=False)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # Else the landing's data source is run by whichever python3 the PATH finds first.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = (
            SparkSession.builder.master("local[2]")
            .appName("attribution-tests")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.memory", "1g")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            # as in every session of dbt-spark
            .config("spark.sql.ansi.enabled", "false")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture
def assert_answers(spark):
    """Compare what an SQL expression gives for one text each with the answers expected."""

    def check(expression, answers, kind="string", **variables):
        """Hold an expression on the column `text` against a mapping from text to answer."""
        columns = [
            types.StructField("text", types.StringType()),
            types.StructField("answer", types.StringType()),
        ]
        rows = [(text, None if a is None else str(a)) for text, a in answers.items()]
        given = spark.createDataFrame(rows, types.StructType(columns))
        sql = render(expression, **variables)
        assert_df_equality(
            given.selectExpr("text", f"{sql} as answer"),
            given.selectExpr("text", f"cast(answer as {kind}) as answer"),
            ignore_nullable=True,
        )

    return check
