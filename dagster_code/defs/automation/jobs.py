"""The jobs: land, build, check; and the upkeep of the tables."""

import dagster as dg

JOB_NAME = "attribution_job"

_UPKEEP = dg.AssetSelection.groups("maintenance")

attribution_job = dg.define_asset_job(
    name=JOB_NAME,
    selection=(dg.AssetSelection.all() - _UPKEEP) | dg.AssetSelection.all_asset_checks(),
    description=(
        "Lands what is new in the landing folder (or at the given paths), brings every table up"
        " to date with dbt and runs all checks. With nothing new it leaves the tables alone."
    ),
    executor_def=dg.in_process_executor,
    tags={"attribution/purpose": "refresh"},
)

table_upkeep_job = dg.define_asset_job(
    name="table_upkeep_job",
    selection=_UPKEEP,
    description=(
        "Makes small files large, takes deleted rows out of the files and removes files that no"
        " kept version needs, of every Delta table where it pays. The rows stay as they are."
    ),
    executor_def=dg.in_process_executor,
    tags={"attribution/purpose": "upkeep"},
)
