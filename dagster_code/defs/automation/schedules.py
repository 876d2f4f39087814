"""The daily run."""

import dagster as dg

from dagster_code.defs.automation.jobs import attribution_job

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
