"""Files of which a reader sees all or nothing."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace a file: a reader sees the old text or the new one, also after a power cut.

    Args:
        path: the file.
        text: what it shall hold.
    """
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
