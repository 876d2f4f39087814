"""The daily run and the weekly upkeep."""

import dagster as dg

from dagster_code.defs.automation.jobs import attribution_job, table_upkeep_job

daily_attribution = dg.ScheduleDefinition(
    name="daily_attribution",
    job=attribution_job,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    description=(
        "Every day at 05:00 UTC, when the day before has been delivered. Off until someone turns"
        " it on: looking at the pipeline on a laptop must not start work at night."
    ),
    # Named for the reader; STOPPED is also Dagster's default.
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

weekly_table_upkeep = dg.ScheduleDefinition(
    name="weekly_table_upkeep",
    job=table_upkeep_job,
    cron_schedule="0 3 * * 0",
    execution_timezone="UTC",
    description=(
        "Every Sunday at 03:00 UTC, two hours before the daily run, which waits if it takes longer."
        " Off until someone turns it on."
    ),
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
