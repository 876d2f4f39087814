"""The services of docker-compose.yml as plain processes of this machine.

Their commands, environments and configuration files are taken from the file as they are. Only what
containers give each other is replaced: host names by 127.0.0.1, ports by free ones, volumes and
secrets by folders. So what runs here is what would run there.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dagster_code.lib.settings import LOOPBACK, PROJECT_ROOT

COMPOSE_FILE = PROJECT_ROOT / "docker-compose.yml"

# `${NAME}`, `${NAME:-default}`, `${NAME:?message}`
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class ComposeError(Exception):
    """The file asks for a variable that is not given."""


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """Put variables in their places, as compose does.

    Args:
        text: of the file.
        environ: the variables.

    Raises:
        ComposeError: one is demanded and not there.
    """

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"]
        given = environ.get(name, "")
        if given or kind is None:
            return given
        if kind == "?":
            raise ComposeError(f"{name}: {rest}")
        return str(rest)

    return _VARIABLE.sub(value, text)


def read_compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the file with its variables in place."""
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    # a comment may show a variable
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return dict(yaml.safe_load(interpolated(code, environ)))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_until(is_done: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether somebody answers on a port of 127.0.0.1."""
    try:
        with socket.create_connection((LOOPBACK, port), 1.0):
            return True
    except OSError:
        return False


@dataclass
class Stack:
    """Services that run as processes.

    Attributes:
        folder: for logs, the home and the warehouse.
        environ: the variables of the file.
        ports: of the containers -> of this machine.
        places: paths of the containers -> of this machine.
    """

    folder: Path
    environ: Mapping[str, str]
    ports: Mapping[int, int]
    places: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the file."""
        self.services: dict[str, Any] = read_compose(self.environ)["services"]

    def here(self, text: str) -> str:
        """What a text of the file means on this machine."""
        for name in self.services:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", LOOPBACK, text)
        for port, own in self.ports.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)", str(own), text)
        for place in sorted(self.places, key=len, reverse=True):
            text = text.replace(place, self.places[place])
        return text

    def environment(self, service: str) -> dict[str, str]:
        """The environment of a service's process."""
        given = self.services[service].get("environment") or {}
        own = {name: self.here(str(value)) for name, value in given.items()}
        bin_folder = Path(sys.executable).parent
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("ATTRIBUTION_")
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in ("ATTRIBUTION_JARS_DIR", "ATTRIBUTION_START_TIMEOUT_SECONDS")
        }
        return {
            **inherited,
            **kept,
            # as in the image
            "ATTRIBUTION_HOME": self.here("/var/lib/attribution"),
            "DAGSTER_HOME": self.here("/var/lib/attribution/dagster"),
            "SPARK_CONF_DIR": str(PROJECT_ROOT / "spark_conf"),
            "PYSPARK_PYTHON": sys.executable,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT_ROOT),
            # Workers and executors would otherwise listen on the machine's address.
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_LOCAL_DIRS": str(self.folder / "scratch"),
            **own,
        }

    def command(self, service: str) -> list[str]:
        """The command of a service."""
        program, *words = map(str, self.services[service]["command"])
        # Dagster's programs are called like their services
        return [program, *map(self.here, words)]

    def start(self, service: str, *more: str) -> subprocess.Popen[bytes]:
        """Start a service.

        Args:
            service: its name.
            more: further words of its command.
        """
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{service}-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*self.command(service), *more],
                cwd=PROJECT_ROOT,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
        """End a service's process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(60)
        if process in self.running:
            self.running.remove(process)

    def kill_all(self) -> None:
        """End everything."""
        for process in list(self.running):
            self.kill(process)
