"""Is there room left: a full disk is behind many errors that do not say so."""

import shutil
from pathlib import Path

from dagster_code.lib.settings import Settings

# Less than this and neither Derby nor a first commit of Delta fits.
_FLOOR_BYTES = 100 * 1024**2


def shortage(settings: Settings) -> str | None:
    """Say which disk is full, and what to do; ``None`` where there is room.

    Args:
        settings: whose home and warehouse.
    """
    for place in (settings.home, settings.warehouse_dir):
        if place is None:
            continue
        free = shutil.disk_usage(existing(place)).free
        if free < _FLOOR_BYTES:
            return f"only {free // 1024**2} MiB are free on the disk of {place}: free some space"
    return None


def existing(path: Path) -> Path:
    """Give the path, or the nearest folder above it that is there.

    Args:
        path: absolute.
    """
    return next(one for one in (path, *path.parents) if one.exists())
