"""``make bench``: measure, step by step, and write what came of it."""

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import grpc
from pyspark.errors import PySparkException

from benchmarks.errors import BenchError
from benchmarks.pipeline import NEED_MAIN, PEER_STEPS, STEPS, Bench, Options
from benchmarks.results_page import markdown
from benchmarks.store import Store
from dagster_code.lib.errors import UserError
from dagster_code.lib.query import silence_pyspark
from dagster_code.lib.settings import PROJECT_ROOT, load_settings
from dagster_code.lib.spark_conf import driver_memory, this_machine

_PACKAGES = ("pyspark", "delta-spark", "dbt-core", "dbt-spark", "dagster")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked.

    Args:
        arguments: of the command; the process's own when left out.

    Returns:
        The exit code: 0, or 1 if a step failed.
    """
    given = _parser().parse_args(arguments)
    options = _options(given)
    steps = _steps(given.only, given.skip_peers)
    depends_on = {"events": options.events, "repeats": options.repeats, "seed": options.seed}
    try:
        path = options.home / "results.json"
        if given.only and not given.resume and NEED_MAIN & set(steps) and "build" not in steps:
            raise BenchError("--only: these steps need what build leaves; add build, or --resume")
        store = Store(path, depends_on, given.resume)
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    silence_pyspark()
    progress = _progress_since(time.monotonic())
    bench = Bench(options, store, progress)
    progress(f"{options.events:,} events, results in {path}")
    finished = set(store.results.get("finished", []))
    for step in steps:
        if step in finished:
            progress(f"{step}: was measured before")
            continue
        if _measured(bench, step):
            finished.add(step)
            store.record("finished", sorted(finished))
        # After each step: whoever stops the bench has the tables of what was measured.
        _write_results(given.out, store, options)
    progress(f"written: {given.out}")
    return 1 if any(step in store.failures for step in steps) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, metavar="N")
    parser.add_argument(
        "--home", type=Path, default=PROJECT_ROOT / ".attribution" / "bench", metavar="DIR",
        help="folder for everything",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, metavar="TIMES")
    parser.add_argument("--only", default="", metavar="STEPS", help=f"some of: {','.join(STEPS)}")
    parser.add_argument("--skip-peers", action="store_true", help=", ".join(sorted(PEER_STEPS)))
    parser.add_argument("--resume", action="store_true", help="go on with what is in --home")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--limit-seconds", type=float, default=1800.0, help="after which a peer is given up"
    )
    parser.add_argument("--keep-homes", action="store_true", help="do not delete what is built")
    parser.add_argument(
        "--out", type=Path, default=PROJECT_ROOT / "benchmarks" / "RESULTS.md", metavar="FILE"
    )
    return parser


def _options(given: argparse.Namespace) -> Options:
    return Options(
        events=given.events,
        home=given.home.expanduser().absolute(),
        repeats=given.repeats,
        seed=given.seed,
        limit_seconds=given.limit_seconds,
        keeps_homes=given.keep_homes,
    )


def _steps(only: str, skips_peers: bool) -> list[str]:
    asked = [name.strip() for name in only.split(",") if name.strip()] or list(STEPS)
    unknown = sorted(set(asked) - set(STEPS))
    if unknown:
        raise SystemExit(f"bench: no step {unknown[0]!r}; there are {', '.join(STEPS)}")
    return [step for step in STEPS if step in asked and not (skips_peers and step in PEER_STEPS)]


def _measured(bench: Bench, step: str) -> bool:
    """Run a step; its failure is recorded and does not stop the others."""
    bench.progress(f"step {step}")
    bench.store.clear_failure(step)
    try:
        STEPS[step](bench)
    except (BenchError, UserError, PySparkException, grpc.RpcError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        bench.store.fail(step, reason)
        bench.progress(f"{step} failed: {reason}")
        return False
    return True


def _write_results(out: Path, store: Store, options: Options) -> None:
    text = markdown(store.results, store.failures, _facts(options), options.events)
    out.write_text(text, encoding="utf-8")


def _facts(options: Options) -> Mapping[str, object]:
    settings, machine = load_settings(), this_machine()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "commit": _commit(),
        "processor": f"{machine.cores} cores, {_processor()}",
        "memory": f"{machine.memory_bytes / 1024**3:.0f} GiB; the driver's heap"
        f" {driver_memory(settings, machine)}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
        "load of the machine at the end": f"{os.getloadavg()[2]:.1f} in 15 minutes",
        "seed, repeats": f"{options.seed}, {options.repeats}",
        "numbers": "median (least to greatest)",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    changed = ", with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"


def _progress_since(started: float) -> Callable[[str], None]:
    def show(message: str) -> None:
        elapsed = int(time.monotonic() - started)
        clock = f"{elapsed // 3600}:{elapsed // 60 % 60:02}:{elapsed % 60:02}"
        sys.stderr.write(f"{clock}  {message}\n")

    return show


if __name__ == "__main__":
    sys.exit(main())
