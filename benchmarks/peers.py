"""Peers in processes of their own: the Python to run them with, and their outcome."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchError
from dagster_code.lib.settings import PROJECT_ROOT

_MODULES = ("duckdb", "marketing_attribution_models")
# What the peers use besides, in the versions of this environment.
_SHARED = ("pandas", "pyarrow", "numpy")
# How the reason begins when a peer took too long or too much memory.
GAVE_UP = ("given up", "killed")


def requirements() -> list[str]:
    """Read the pinned peers: the extra ``bench`` of pyproject.toml."""
    text = (PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pinned = tomllib.loads(text)["project"]["optional-dependencies"]["bench"]
    shared = [f"{name}=={importlib.metadata.version(name)}" for name in _SHARED]
    return [*map(str, pinned), *shared]


def peer_python(folder: Path, progress: Callable[[str], None]) -> Path:
    """Find a Python that has the peers: this one, or that of an environment made for them.

    Args:
        folder: where the environment may be made.
        progress: told when it is.

    Raises:
        BenchError: they cannot be installed.
    """
    if all(importlib.util.find_spec(module) for module in _MODULES):
        return Path(sys.executable)
    wanted = "\n".join(requirements())
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    progress(f"installing the peers: {', '.join(requirements())}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *requirements()]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = " ".join((done.stderr or done.stdout).split())[-300:]
            raise BenchError(f"the peers cannot be installed: {reason}")
    stamp.write_text(wanted, encoding="utf-8")
    return python


def run_peer(
    python: Path, module: str, arguments: Sequence[str], limit_seconds: float
) -> tuple[list[dict[str, Any]], str | None]:
    """Run a peer's module and read the lines of JSON that it prints.

    Args:
        python: that has what it imports.
        module: like ``benchmarks.duckdb_peer``.
        arguments: of the module.
        limit_seconds: after which it is ended.

    Returns:
        What it printed until its end, and why it did not survive, if so.
    """
    with subprocess.Popen(
        [str(python), "-m", module, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=limit_seconds)
            reason = None
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            reason = f"given up after {limit_seconds:,.0f} s"
    if reason is None and process.returncode != 0:
        reason = failure_reason(process.returncode, errors)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines], reason


def failure_reason(exit_code: int, errors: str) -> str:
    """Say in a line why a process failed.

    Args:
        exit_code: of the process; negative for a signal.
        errors: its standard error.
    """
    if exit_code < 0:
        return f"killed by signal {-exit_code}"
    told = [line for line in errors.splitlines() if line.strip()]
    return told[-1].strip()[:200] if told else f"exit code {exit_code}"
