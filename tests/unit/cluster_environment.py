"""The environment of a process that works on a cluster."""

from pathlib import Path


def on_cluster(home: Path, **changes: str) -> dict[str, str]:
    """Everything that ATTRIBUTION_TARGET=cluster demands.

    Args:
        home: ATTRIBUTION_HOME.
        changes: other values of some variables.
    """
    return {
        "ATTRIBUTION_HOME": str(home),
        "ATTRIBUTION_TARGET": "cluster",
        "ATTRIBUTION_SPARK_MASTER": "spark://master:7077",
        "ATTRIBUTION_DRIVER_HOST": "driver.example",
        "ATTRIBUTION_WAREHOUSE": "/shared/warehouse",
        "ATTRIBUTION_METASTORE_URL": "jdbc:postgresql://db:5432/metastore",
        "ATTRIBUTION_METASTORE_PASSWORD": "p w",
        **changes,
    }
