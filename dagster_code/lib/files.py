"""Files of which a reader sees all or nothing, and files that only their owner reads."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace a file: a reader sees the old text or the new one, also after a power cut.

    Args:
        path: the file.
        text: what it shall hold.
    """
    # as the umask has it
    _replace(path, text, 0o666)


def write_privately(path: Path, text: str) -> None:
    """Replace a file, at no moment readable for anybody else (mode 0600).

    Args:
        path: the file.
        text: what it shall hold.
    """
    _replace(path, text, 0o600)


def _replace(path: Path, text: str, mode: int) -> None:
    draft = path.with_name(f"{path.name}.new")
    # one that a killed process left may have another mode
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
