"""What the commands do that look after the tables: `upkeep`, `publish`."""

from dataclasses import asdict

from dagster_code.lib.dbt import prepare_manifest
from dagster_code.lib.errors import RunFailedError
from dagster_code.lib.lock import other_writer
from dagster_code.lib.progress import Progress
from dagster_code.lib.session import spark_session, writing_home
from dagster_code.lib.settings import Settings
from dagster_code.lib.told import Told


def upkeep_plan(settings: Settings, progress: Progress) -> Told:
    """Say what upkeep would do, and why, without doing it.

    Args:
        settings: whose home, and the retention.
        progress: told what is being done.

    Returns:
        A table with a line for each Delta table.
    """
    from dagster_code.lib import upkeep
    from dagster_code.lib.query import lines

    with spark_session(settings, progress) as spark:
        plans = upkeep.plan_upkeep(spark, settings.vacuum_retention_hours, progress)
    return Told(
        lines(*upkeep.plan_table(plans), "table"),
        {
            "tables": [
                {"table": one.table, **asdict(one.files), "would": one.reasons} for one in plans
            ]
        },
    )


def keep_up(settings: Settings, progress: Progress) -> Told:
    """Keep the Delta tables up, if nobody else writes to the home.

    Args:
        settings: whose home, and the retention.
        progress: told what is being done.

    Returns:
        A table with a line for each Delta table.

    Raises:
        RunFailedError: another process writes; or a statement failed.
        ServerError: the server cannot be started, or went away.
    """
    from dagster_code.lib import upkeep
    from dagster_code.lib.query import lines

    # A run waits for its turn; upkeep has time until another day.
    other = other_writer(settings)
    if other is not None:
        raise RunFailedError(f"{other} writes to {settings.home}; upkeep can wait until it ended")
    with (
        writing_home(settings, progress, "attribution upkeep") as lock,
        spark_session(settings, progress) as spark,
    ):
        done = upkeep.keep_up(spark, lock, settings.vacuum_retention_hours, progress)
    return Told(
        lines(*upkeep.upkeep_table(done), "table"), {"tables": [asdict(one) for one in done]}
    )


def publish_marts(settings: Settings, progress: Progress) -> Told:
    """Publish the marts to the configured database, while nobody changes them.

    Args:
        settings: whose marts, and where to.
        progress: told what is being done.

    Returns:
        A table with a line for each mart.

    Raises:
        RunFailedError: the database cannot be reached, or has something else afterwards.
        ServerError: the server cannot be started, or went away.
    """
    from dagster_code.lib.publish.marts import marts_of
    from dagster_code.lib.publish.run import publication_table, publish
    from dagster_code.lib.query import lines

    marts = list(marts_of(prepare_manifest(settings, progress).path, settings.publishes_events))
    with (
        writing_home(settings, progress, "attribution publish"),
        spark_session(settings, progress) as spark,
    ):
        done = publish(spark, settings, marts, progress)
    return Told(lines(*publication_table(done), "table"), {"tables": [asdict(one) for one in done]})
