"""Dagster's entry point: everything under ``defs/``, with what holds for whole layers on top."""

import warnings
from datetime import timedelta
from pathlib import Path

import dagster as dg

from dagster_code.lib.docs_of_layers import docs_of
from dagster_code.lib.settings import PROJECT_ROOT

# The daily run starts at 05:00 UTC; the tables of a day are due three hours later.
MARTS_FRESHNESS = dg.FreshnessPolicy.cron(
    deadline_cron="0 8 * * *", lower_bound_delta=timedelta(hours=24)
)


@dg.definitions
def defs() -> dg.Definitions:
    """Load the assets, checks, jobs, schedules and sensors of the project."""
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    documented = loaded.permissive_map_resolved_asset_specs(
        func=_with_docs,
        selection=None,
    )
    return documented.permissive_map_resolved_asset_specs(
        func=lambda spec: dg.apply_freshness_policy(spec, MARTS_FRESHNESS),
        selection=dg.AssetSelection.key_prefixes(["marts"]),
    )


def _with_docs(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Add where to read on: by its name in the repository, and as a link beside the source code."""
    docs = docs_of(spec.key.path[0])
    page = str(PROJECT_ROOT / docs.partition("#")[0])
    known = spec.metadata.get("dagster/code_references")
    with warnings.catch_warnings():
        # What shows source code may change; each asset would say so on the user's terminal.
        warnings.simplefilter("ignore", dg.BetaWarning)
        references = [
            *(known.code_references if isinstance(known, dg.CodeReferencesMetadataValue) else ()),
            dg.LocalFileCodeReference(file_path=page, label=docs),
        ]
        beside_source = dg.CodeReferencesMetadataValue(code_references=references)
    return spec.merge_attributes(metadata={"docs": docs, "dagster/code_references": beside_source})
