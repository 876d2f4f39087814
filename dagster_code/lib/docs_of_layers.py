"""Where the documentation tells of a layer's tables."""

# Pages and headings, by the first part of an asset's key.
_DOCS = {
    "raw": "docs/data_contract.md#2-raw-as-delivered",
    "seeds": "docs/attribution_rules.md#2-channel-of-an-event",
    "builds": "docs/adr/0009-increments.md",
    "staging": "docs/data_contract.md#3-staging",
    "intermediate": "docs/data_contract.md#4-intermediate",
    "marts": "docs/data_contract.md#5-marts",
    "reports": "docs/report.md",
    "maintenance": "docs/runbook.md#upkeep",
    "published": "docs/runbook.md#the-marts-in-postgresql",
}


def docs_of(layer: str) -> str:
    """Give the page in the repository, by its name there, and the heading in it.

    Args:
        layer: the first part of an asset's key.

    Raises:
        KeyError: nothing is written of such a layer.
    """
    return _DOCS[layer]
