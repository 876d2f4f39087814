"""What Spark counted: bytes and stages from its REST API, memory from the process."""

import json
import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dagster_code.lib.server_state import ServerState

# Spark keeps the last 1,000 stages: often enough to see each, seldom enough to cost nothing.
_POLL_SECONDS = 20.0
_TIMEOUT_SECONDS = 120.0
_NODE = re.compile(r'"node_id": "([^"]+)"')


@dataclass(frozen=True)
class Stage:
    """A completed stage.

    Attributes:
        node: dbt's unique id; empty where dbt did not ask for it.
        input_bytes: read from tables and files.
        output_bytes: written to them.
        shuffle_write_bytes: handed over to the next stage.
        shuffle_write_records: the same in records.
        spilled_bytes: to disk, for want of memory.
    """

    node: str
    input_bytes: int
    output_bytes: int
    shuffle_write_bytes: int
    shuffle_write_records: int
    spilled_bytes: int


class StageWatcher:
    """Adds up the stages that Spark completes while the context is open.

    The server must stay the same; what Spark counts of files that the landing's Python source
    reads is not in it.
    """

    def __init__(self, server: ServerState) -> None:
        """Look at a server.

        Args:
            server: a running one.
        """
        self._base = f"http://127.0.0.1:{server.ui_port}/api/v1/applications"
        self._stages: dict[tuple[int, int], Stage] = {}
        self._before: set[tuple[int, int]] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> "StageWatcher":
        """Begin to count."""
        self._base = f"{self._base}/{_get(self._base)[0]['id']}"
        self._collect()
        self._before = set(self._stages)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look a last time."""
        self._done.set()
        self._thread.join()
        if error is None:
            self._collect()

    def stages(self) -> list[Stage]:
        """Give the stages that completed meanwhile."""
        return [stage for key, stage in self._stages.items() if key not in self._before]

    def _poll(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            try:
                self._collect()
            except OSError:
                # A server too busy to answer is asked again.
                continue

    def _collect(self) -> None:
        for stage in _get(f"{self._base}/stages?status=complete"):
            self._stages[stage["stageId"], stage["attemptId"]] = parsed_stage(stage)


def parsed_stage(record: Mapping[str, Any]) -> Stage:
    """Read a stage of the REST API; dbt signs its statements with the node's name.

    Args:
        record: as in the REST API.
    """
    node = _NODE.search(record.get("description") or "")
    return Stage(
        node=node.group(1) if node else "",
        input_bytes=int(record["inputBytes"]),
        output_bytes=int(record["outputBytes"]),
        shuffle_write_bytes=int(record["shuffleWriteBytes"]),
        shuffle_write_records=int(record["shuffleWriteRecords"]),
        spilled_bytes=int(record["diskBytesSpilled"]),
    )


def stage_totals(stages: Sequence[Stage], event_sized: int) -> dict[str, dict[str, object]]:
    """Add stages up by who asked for them.

    Args:
        stages: of one run.
        event_sized: an exchange of at least this many records counts as event-sized.

    Returns:
        ``models``: dbt's models and seeds; ``tests``: dbt's tests; ``rest``: landing, checks.
    """
    parts: dict[str, list[Stage]] = {"models": [], "tests": [], "rest": []}
    for stage in stages:
        kind = stage.node.split(".")[0]
        name = {"model": "models", "seed": "models", "test": "tests"}.get(kind, "rest")
        parts[name].append(stage)
    return {name: _totals(found, event_sized) for name, found in parts.items()}


def _totals(stages: Sequence[Stage], event_sized: int) -> dict[str, object]:
    exchanges = Counter(
        stage.node.split(".")[2] if stage.node else "other"
        for stage in stages
        if stage.shuffle_write_records >= event_sized
    )
    return {
        "stages": len(stages),
        "input_bytes": sum(stage.input_bytes for stage in stages),
        "output_bytes": sum(stage.output_bytes for stage in stages),
        "shuffle_write_bytes": sum(stage.shuffle_write_bytes for stage in stages),
        "spilled_bytes": sum(stage.spilled_bytes for stage in stages),
        "event_sized_exchanges": dict(sorted(exchanges.items())),
    }


def peak_memory(server: ServerState) -> dict[str, int]:
    """Read the driver's peaks since its start, in bytes.

    Args:
        server: a running one.

    Returns:
        ``resident``: of the process; ``heap``: used heap, garbage included, as Spark sampled it.
    """
    base = f"http://127.0.0.1:{server.ui_port}/api/v1/applications"
    application = _get(base)[0]["id"]
    executors = _get(f"{base}/{application}/allexecutors")
    peaks = [executor.get("peakMemoryMetrics", {}) for executor in executors]
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return {
        "resident": resident_peak(status),
        "heap": max((int(peak.get("JVMHeapMemory", 0)) for peak in peaks), default=0),
    }


def resident_peak(status: str) -> int:
    """Find the peak of resident memory in ``/proc/PID/status``, in bytes; 0 if it is not there.

    Args:
        status: the file's text.
    """
    values: Mapping[str, str] = dict(
        line.split(":", maxsplit=1) for line in status.splitlines() if ":" in line
    )
    return int(values.get("VmHWM", "0 kB").split()[0]) * 1024


def _get(url: str) -> Any:  # noqa: ANN401  whatever JSON holds
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
        return json.load(answer)
