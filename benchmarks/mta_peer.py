"""The package marketing-attribution-models (pandas) on our journeys, at a size of its own.

Runs by itself, ``python -m benchmarks.mta_peer JOURNEYS --below BUCKET``, and prints a line of JSON
after each model, so that what was measured stays when a model does not survive.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import style

# The package asks for a style by the name that it had before Matplotlib 3.8; it only draws with it.
style.library.setdefault("seaborn-white", style.library["seaborn-v0_8-white"])

from marketing_attribution_models import MAM  # noqa: E402  after the style it asks for

# A journey's bucket is a hash of its client: the first of so many buckets are a sample of clients.
BUCKETS = 1024

_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "first_touch": ("attribution_first_click", {}),
    "last_touch": ("attribution_last_click", {}),
    "linear": ("attribution_linear", {}),
    "position_based": ("attribution_position_based", {}),
    "time_decay": ("attribution_time_decay", {}),
    "markov": ("attribution_markov", {}),
    "shapley": ("attribution_shapley", {"values_col": "conversions"}),
}
_COMPARED = ("first_touch", "last_touch")


def load(path: Path, below: int) -> pd.DataFrame:
    """Read the journeys of a sample of clients.

    Args:
        path: a folder of Parquet files.
        below: which buckets: all below this one.
    """
    return pd.read_parquet(path, filters=[("bucket", "<", below)])


def main() -> None:
    """Read the arguments, run each model, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("journeys", type=Path)
    parser.add_argument("--below", type=int, default=BUCKETS)
    given = parser.parse_args()
    started = time.monotonic()
    frame = load(given.journeys, given.below)
    attributions = MAM(
        frame,
        channels_colname="channels",
        journey_with_conv_colname="is_converted",
        time_till_conv_colname="hours",
        conversion_value="revenue",
    )
    _tell("load", started, journeys=len(frame), conversions=int(frame["is_converted"].sum()))
    for name, (method, options) in _CALLS.items():
        started = time.monotonic()
        _, by_channel = getattr(attributions, method)(**options)[:2]
        _tell(name, started, revenue=_revenue(by_channel) if name in _COMPARED else None)


def _tell(name: str, started: float, **facts: object) -> None:
    told = {
        "model": name,
        "seconds": time.monotonic() - started,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **facts,
    }
    print(json.dumps(told), flush=True)


def _revenue(by_channel: pd.Series | pd.DataFrame) -> dict[str, str]:
    # The first model gives a series, later ones a frame of channels and values.
    if isinstance(by_channel, pd.DataFrame):
        by_channel = by_channel.set_index("channels").iloc[:, -1]
    # It gives a zero to a channel that was only ever on paths without a conversion.
    return {str(name): f"{value:.2f}" for name, value in by_channel.items() if value}


if __name__ == "__main__":
    main()
