"""What Spark counted: bytes and stages from its REST API, memory from the process."""

import json
import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dagster_code.lib.server_state import ServerState

# Spark keeps the last 1,000 stages and statements: often enough to see each, seldom enough to cost
# little.
_POLL_SECONDS = 20.0
# Statements shorter than this read nothing that counts; there are hundreds of them.
_SHORT_MILLISECONDS = 50
_TIMEOUT_SECONDS = 120.0
_NODE = re.compile(r'"node_id": "([^"]+)"')
_SCAN = re.compile(r"Scan parquet ?(?:spark_catalog\.)?([\w.]*)")
_SIZE = re.compile(r"([\d.,]+) (B|[KMGT]iB)\b")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
UNNAMED = "unnamed"


@dataclass(frozen=True)
class Stage:
    """A completed stage.

    Attributes:
        node: dbt's unique id; empty where dbt did not ask for it.
        input_bytes: read from files, or from rows that were kept in between.
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


@dataclass(frozen=True)
class Scan:
    """A statement's reading of a table.

    The sizes of the files that were opened, after pruning: more than was read if columns or row
    groups were skipped, and counted again by each statement that opens them.

    Attributes:
        node: dbt's unique id; empty where dbt did not ask for it.
        table: like ``raw.events``; ``unnamed`` where Spark does not say.
        file_bytes: of the files.
    """

    node: str
    table: str
    file_bytes: int


class SparkWatcher:
    """Collects the stages and scans that Spark completes while the context is open.

    The server must stay the same; files that the landing's Python source reads are not in it.
    """

    def __init__(self, server: ServerState) -> None:
        """Look at a server.

        Args:
            server: a running one.
        """
        self._base = f"http://127.0.0.1:{server.ui_port}/api/v1/applications"
        self._stages: dict[tuple[int, int], Stage] = {}
        self._before: set[tuple[int, int]] = set()
        self._scans: dict[int, list[Scan]] = {}
        self._statements_before: set[int] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> "SparkWatcher":
        """Begin to count."""
        self._base = f"{self._base}/{_get(self._base)[0]['id']}"
        self._before = {(stage["stageId"], stage["attemptId"]) for stage in self._get_stages()}
        self._statements_before = {statement["id"] for statement in self._get_statements()}
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look a last time; what a server that went away has not told stays unknown."""
        self._done.set()
        self._thread.join()
        with suppress(OSError):
            self._collect()

    def stages(self) -> list[Stage]:
        """Give the stages that completed meanwhile."""
        return list(self._stages.values())

    def scans(self) -> list[Scan]:
        """Give what statements that completed meanwhile have read."""
        return [scan for scans in self._scans.values() for scan in scans]

    def _poll(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            # A server too busy to answer is asked again.
            with suppress(OSError):
                self._collect()

    def _collect(self) -> None:
        for stage in self._get_stages():
            key = stage["stageId"], stage["attemptId"]
            if key not in self._before:
                self._stages[key] = parsed_stage(stage)
        for statement in self._get_statements():
            number = statement["id"]
            is_known = number in self._statements_before or number in self._scans
            is_long = statement["duration"] >= _SHORT_MILLISECONDS
            if not is_known and is_long and statement["status"] != "RUNNING":
                details = _get(f"{self._base}/sql/{number}?details=true&planDescription=false")
                self._scans[number] = parsed_scans(details)

    def _get_stages(self) -> list[dict[str, Any]]:
        return list(_get(f"{self._base}/stages?status=complete"))

    def _get_statements(self) -> list[dict[str, Any]]:
        return list(_get(f"{self._base}/sql?details=false&planDescription=false&length=1000000"))


def parsed_stage(record: Mapping[str, Any]) -> Stage:
    """Read a stage of the REST API; dbt signs its statements with the node's name.

    Args:
        record: as in the REST API.
    """
    return Stage(
        node=_node(record),
        input_bytes=int(record["inputBytes"]),
        output_bytes=int(record["outputBytes"]),
        shuffle_write_bytes=int(record["shuffleWriteBytes"]),
        shuffle_write_records=int(record["shuffleWriteRecords"]),
        spilled_bytes=int(record["diskBytesSpilled"]),
    )


def parsed_scans(record: Mapping[str, Any]) -> list[Scan]:
    """Read what a statement of the REST API has read.

    Args:
        record: as in the REST API, with details.
    """
    found = []
    for operator in record["nodes"]:
        scan = _SCAN.match(operator["nodeName"])
        sizes = [
            size_in_bytes(metric["value"])
            for metric in operator["metrics"]
            if metric["name"] == "size of files read"
        ]
        if scan and sizes:
            found.append(Scan(_node(record), scan.group(1) or UNNAMED, sum(sizes)))
    return found


def size_in_bytes(text: str) -> int:
    """Read a size as Spark writes it, like ``755.4 KiB``; of a sum with its parts the sum.

    Args:
        text: of a metric.
    """
    size = _SIZE.search(text)
    return round(float(size.group(1).replace(",", "")) * _UNITS[size.group(2)]) if size else 0


def totals(
    stages: Sequence[Stage], scans: Sequence[Scan], event_sized: int
) -> dict[str, dict[str, object]]:
    """Add stages and scans up by who asked for them.

    Args:
        stages: of one run.
        scans: of the same run.
        event_sized: an exchange of at least this many records counts as event-sized.

    Returns:
        ``models``: dbt's models and seeds; ``tests``: dbt's tests; ``rest``: landing, checks.
    """
    return {
        name: _totals(
            [stage for stage in stages if _asker(stage.node) == name],
            [scan for scan in scans if _asker(scan.node) == name],
            event_sized,
        )
        for name in ("models", "tests", "rest")
    }


def _asker(node: str) -> str:
    kind = node.split(".")[0]
    return {"model": "models", "seed": "models", "test": "tests"}.get(kind, "rest")


def _totals(stages: Sequence[Stage], scans: Sequence[Scan], event_sized: int) -> dict[str, object]:
    exchanges = Counter(
        stage.node.split(".")[2] if stage.node else "other"
        for stage in stages
        if stage.shuffle_write_records >= event_sized
    )
    read: Counter[str] = Counter()
    opened: dict[str, Counter[str]] = {}
    for scan in scans:
        read[scan.table] += scan.file_bytes
        opened.setdefault(scan.node, Counter())[scan.table] += scan.file_bytes
    taken_in: Counter[str] = Counter()
    for stage in stages:
        taken_in[stage.node] += stage.input_bytes
    return {
        "stages": len(stages),
        "read_bytes": dict(sorted(read.items())),
        "by_node": {
            node: {"opened_bytes": dict(sorted(tables.items())), "input_bytes": taken_in[node]}
            for node, tables in sorted(opened.items())
        },
        "output_bytes": sum(stage.output_bytes for stage in stages),
        "shuffle_write_bytes": sum(stage.shuffle_write_bytes for stage in stages),
        "spilled_bytes": sum(stage.spilled_bytes for stage in stages),
        "event_sized_exchanges": dict(sorted(exchanges.items())),
    }


def _node(record: Mapping[str, Any]) -> str:
    node = _NODE.search(record.get("description") or "")
    return node.group(1) if node else ""


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
