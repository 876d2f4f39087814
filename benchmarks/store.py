"""What has been measured so far: a JSON file, written after each measurement."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchError
from dagster_code.lib.files import write_atomically


class Store:
    """Results by key; keys of one step begin with its name and a slash."""

    def __init__(self, path: Path, options: Mapping[str, object], is_resumed: bool) -> None:
        """Open the file, or begin a new one.

        Args:
            path: the JSON file.
            options: what the measurements depend on.
            is_resumed: keep what is there.

        Raises:
            BenchError: what is there was measured with other options.
        """
        self._path = path
        self._content: dict[str, Any] = {"options": dict(options), "results": {}, "failures": {}}
        if is_resumed and path.is_file():
            self._content = json.loads(path.read_text(encoding="utf-8"))
            if self._content["options"] != dict(options):
                raise BenchError(
                    f"--resume: {path} was measured with {self._content['options']}, not {options}"
                )

    @property
    def results(self) -> dict[str, Any]:
        """Everything measured, by key."""
        return dict(self._content["results"])

    @property
    def failures(self) -> dict[str, str]:
        """Why steps failed, by step."""
        return dict(self._content["failures"])

    def record(self, key: str, value: object) -> None:
        """Keep a result, on disk before this returns.

        Args:
            key: ``step/what``.
            value: whatever JSON can hold.
        """
        self._content["results"][key] = value
        self._write()

    def drop(self, prefix: str) -> None:
        """Forget the results whose keys begin so.

        Args:
            prefix: of the keys.
        """
        kept = {
            key: value
            for key, value in self._content["results"].items()
            if not key.startswith(prefix)
        }
        self._content["results"] = kept
        self._write()

    def fail(self, step: str, reason: str) -> None:
        """Keep why a step did not end.

        Args:
            step: its name.
            reason: in one line.
        """
        self._content["failures"][step] = reason
        self._write()

    def clear_failure(self, step: str) -> None:
        """Forget a former failure.

        Args:
            step: its name.
        """
        self._content["failures"].pop(step, None)
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, json.dumps(self._content, indent=1) + "\n")
