"""The one job: land, build, check."""

import dagster as dg

JOB_NAME = "attribution_job"

attribution_job = dg.define_asset_job(
    name=JOB_NAME,
    selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
    description=(
        "Lands what is new in the landing folder (or at the given paths), brings every table up"
        " to date with dbt and runs all checks. With nothing new it leaves the tables alone."
    ),
    executor_def=dg.in_process_executor,
    tags={"attribution/purpose": "refresh"},
)
