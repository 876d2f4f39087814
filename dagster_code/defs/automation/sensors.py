"""The watch on the landing folder, and the one on runs that died."""

import dagster as dg

from dagster_code.defs.automation.jobs import attribution_job
from dagster_code.lib.dead_runs import end_dead_runs
from dagster_code.lib.landing_watch import observe
from dagster_code.lib.settings import load_settings


@dg.sensor(
    name="landing_folder",
    job=attribution_job,
    minimum_interval_seconds=30,
    description=(
        "Starts the job when files in the landing folder are new or changed and none is still"
        " growing. Off until someone turns it on. It goes by names, sizes and times only; whether"
        " a file's content is new is decided by the landing. A failed run is not repeated until"
        " the folder changes again: the daily schedule and a person are there for that."
    ),
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def landing_folder(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when the landing folder has settled into a state not seen before."""
    settings = load_settings()
    seen = observe(settings.landing_dir, settings.settle_seconds)
    if seen.file_count == 0:
        return dg.SkipReason(f"no files in {settings.landing_dir}")
    if seen.digest == context.cursor:
        return dg.SkipReason(f"nothing changed among {seen.file_count} files")
    if not seen.is_settled:
        return dg.SkipReason(f"{seen.newest} is still being written")
    request = dg.RunRequest(run_key=seen.digest, tags={"attribution/trigger": "landing_folder"})
    return dg.SensorResult(run_requests=[request], cursor=seen.digest)


@dg.sensor(
    name="dead_runs",
    target=None,
    minimum_interval_seconds=30,
    description=(
        "Marks runs as failed whose process is gone, for instance with the whole machine: one that"
        " counts as started for ever would hold up every later run. The next run heals what they"
        " left."
    ),
    # It starts nothing.
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """End the runs that nobody works on any more."""
    ended = end_dead_runs(context.instance)
    return dg.SkipReason(f"ended {', '.join(ended)}" if ended else "every run is alive")
