"""Finding a Java that Spark can run on."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_code.lib.errors import UserError

SUPPORTED_MAJORS = (17, 21)
_INSTALL = "install Java 17 or 21 (on Debian: apt install openjdk-17-jre-headless)"
_VERSION_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Java:
    """A Java that works.

    Attributes:
        home: what JAVA_HOME must be for this Java.
        major: its version, like 17.
    """

    home: Path
    major: int

    @property
    def executable(self) -> Path:
        """The ``java`` command."""
        return self.home / "bin" / "java"


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Find the Java to run Spark with: that of JAVA_HOME, else the first on the PATH.

    A JAVA_HOME that leads nowhere is an error and not skipped: who sets it means it.

    Args:
        environ: the variables; the process's own when left out.

    Raises:
        UserError: there is none, or it is not a version that Spark supports.
    """
    env = os.environ if environ is None else environ
    named_home = env.get("JAVA_HOME", "").strip()
    if named_home:
        command = Path(named_home) / "bin" / "java"
        if not os.access(command, os.X_OK):
            raise UserError(
                f"JAVA_HOME={named_home} holds no bin/java: "
                "unset it or set it to the folder of a Java 17 or 21"
            )
        return _checked(command, f"JAVA_HOME={named_home}")
    found = shutil.which("java", path=env.get("PATH"))
    if found is None:
        raise UserError(f"no Java found (neither JAVA_HOME nor java on the PATH): {_INSTALL}")
    return _checked(Path(found), found)


def run_java(
    arguments: Sequence[str], folder: Path, timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run one of the programs among Spark's jars.

    Args:
        arguments: of Java.
        folder: in which it works.
        timeout_seconds: how long it may take.

    Returns:
        Its exit code, and all that it said as ``stdout``.

    Raises:
        UserError: there is no Java that Spark supports.
        subprocess.TimeoutExpired: it took longer.
    """
    return subprocess.run(
        [str(find_java().executable), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_seconds,
        check=False,
    )


def _checked(command: Path, origin: str) -> Java:
    properties = _properties(command, origin)
    # Java 8 still calls itself 1.8
    match = re.fullmatch(r"(?:1\.)?(\d+)", properties.get("java.specification.version", ""))
    home = properties.get("java.home")
    if match is None or home is None:
        raise UserError(f"{origin}: it does not tell its version: {_INSTALL}")
    major = int(match[1])
    if major not in SUPPORTED_MAJORS:
        raise UserError(
            f"{origin} is Java {major}, which Spark does not support: {_INSTALL} "
            "and set JAVA_HOME to its folder"
        )
    return Java(home=Path(home), major=major)


def _properties(command: Path, origin: str) -> dict[str, str]:
    try:
        answer = subprocess.run(
            [str(command), "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"{origin}: this Java does not run: {_INSTALL}") from error
    lines = (line.partition(" = ") for line in answer.stderr.splitlines())
    return {key.strip(): value.strip() for key, separator, value in lines if separator}
