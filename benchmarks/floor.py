"""The least that any full build has to do: read, shuffle by client, sort, write."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def measure_floor(spark: "SparkSession", scratch: Path) -> dict[str, float]:
    """Time the floor on ``raw.events``, on the server that the pipeline uses.

    Args:
        spark: a session of that server.
        scratch: a folder for the table that is written; replaced by each measurement.

    Returns:
        Seconds of ``read``; ``shuffle``: the same, shuffled by client and sorted; ``delta``: the
        same, written as a Delta table with the defaults of Delta.
    """
    records = spark.table("raw.events")
    in_order = records.repartition("client_id").sortWithinPartitions(
        "client_id", "event_time", "event_id"
    )
    seconds = {}
    started = time.monotonic()
    records.write.format("noop").mode("overwrite").save()
    seconds["read"] = time.monotonic() - started
    started = time.monotonic()
    in_order.write.format("noop").mode("overwrite").save()
    seconds["shuffle"] = time.monotonic() - started
    started = time.monotonic()
    in_order.write.format("delta").mode("overwrite").save(str(scratch / "floor"))
    seconds["delta"] = time.monotonic() - started
    return seconds
