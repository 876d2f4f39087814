"""The jobs: land, build, check, report; and the upkeep of the tables."""

import dagster as dg

from dagster_code.lib.landing.schema import KINDS, records_table

JOB_NAME = "attribution_job"

_UPKEEP = dg.AssetSelection.groups("maintenance")

# What the launchpad opens with: it runs as it is, and shows all that can be changed.
LAUNCHPAD = {
    "ops": {
        **{
            records_table(kind).replace(".", "__"): {"config": {"paths": [], "is_skipped": False}}
            for kind in KINDS
        },
        "attribution_models": {"config": {"full_refresh": False, "variables": {}}},
    }
}

attribution_job = dg.define_asset_job(
    name=JOB_NAME,
    selection=(dg.AssetSelection.all() - _UPKEEP) | dg.AssetSelection.all_asset_checks(),
    description="""\
Lands what is new in the landing folder (or at the given paths), brings every table up to date with
dbt, runs all checks and writes the report. With nothing new it leaves the tables alone.

The launchpad opens with what runs as it is: the landing folder, the project's rules.
To land a file from elsewhere, and to build with a window of 7 days:

```yaml
ops:
  raw__events:
    config: {paths: [/data/export/events.jsonl.gz], is_skipped: false}
  raw__clients:
    config: {paths: [], is_skipped: true}
  raw__ad_spend:
    config: {paths: [], is_skipped: true}
  attribution_models:
    config: {full_refresh: false, variables: {attribution_window_days: 7}}
```
""",
    config=LAUNCHPAD,
    executor_def=dg.in_process_executor,
    tags={"attribution/purpose": "refresh"},
)

table_upkeep_job = dg.define_asset_job(
    name="table_upkeep_job",
    selection=_UPKEEP,
    description=(
        "Makes small files large, takes deleted rows out of the files and removes files that no"
        " kept version needs, of every Delta table where it pays. The rows stay as they are."
        " There is nothing to configure: how long former versions are kept is a setting of the"
        " environment, `ATTRIBUTION_VACUUM_RETENTION_HOURS`."
    ),
    config={},
    executor_def=dg.in_process_executor,
    tags={"attribution/purpose": "upkeep"},
)
