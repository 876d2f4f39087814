"""A few lines of a report: the channels that bring most, under every model."""

from collections import defaultdict

from dagster_code.lib.attribution_report.contract import MODELS, Report
from dagster_code.lib.attribution_report.values import amount
from dagster_code.lib.terminal import markdown_cell

_SHOWN_CHANNELS = 10


def revenue_by_model(report: Report) -> dict[str, dict[str, int]]:
    """Add up the revenue of the whole period, in cents, by channel and model.

    Args:
        report: as it was read.
    """
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for part in (report["credits"], report["data_driven"]):
        for channel, model, cents in zip(
            part["channel"], part["model"], part["revenue"], strict=True
        ):
            sums[report["channels"][channel]][MODELS[model]] += cents
    return {channel: dict(by_model) for channel, by_model in sums.items()}


def preview(report: Report) -> str:
    """Write the channels that bring most as a table in Markdown.

    Args:
        report: as it was read.
    """
    sums = revenue_by_model(report)
    ranked = sorted(sums, key=lambda channel: (-max(sums[channel].values()), channel))
    if not ranked:
        return "No conversions yet."
    lines = [
        f"| channel | {' | '.join(model.replace('_', ' ') for model in MODELS)} |",
        f"| --- |{' ---: |' * len(MODELS)}",
    ]
    for channel in ranked[:_SHOWN_CHANNELS]:
        numbers = (f"{amount(sums[channel].get(model, 0)):,}" for model in MODELS)
        lines.append(f"| {markdown_cell(channel)} | {' | '.join(numbers)} |")
    rest = len(ranked) - _SHOWN_CHANNELS
    if rest > 0:
        lines.append(f"\nand {rest:,} more")
    return "\n".join(lines)
