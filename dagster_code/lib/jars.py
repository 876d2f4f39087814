"""The jars besides Spark's own: fetched once, checked, and put on the class path.

``python -m dagster_code.lib.jars`` fetches them (``make setup`` does). They are on the class path,
and not in ``spark.jars.packages``, because with that only the first Spark Connect session of a
server finds Delta.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from dagster_code.lib.errors import UserError
from dagster_code.lib.java import find_java, run_java
from dagster_code.lib.settings import SPARK_CONF_DIR, Settings, load_settings
from dagster_code.lib.spark_conf import spark_home

JARS_LOCK = SPARK_CONF_DIR / "jars.lock"
CLUSTER_LOCK = SPARK_CONF_DIR / "jars-cluster.lock"
S3_LOCK = SPARK_CONF_DIR / "jars-s3.lock"

_LINE = re.compile(r"([^:\s]+):([^:\s]+):([^:\s]+) ([0-9a-f]{64})")
_FETCH_PREFIX = ".fetch-"
_FETCH_TIMEOUT_SECONDS = 900.0
_NOT_FOUND = re.compile(r"module not found: (\S+)")
# No folder of the user's own Ivy or Maven is looked into, half-filled ones make Ivy fail; the
# resolver's default place is Maven's central repository.
_IVY_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""


@dataclass(frozen=True)
class Jar:
    """One line of ``jars.lock``.

    Attributes:
        organisation: like ``io.delta``.
        name: like ``delta-storage``.
        version: like ``4.4.0``.
        sha256: of the file, 64 hexadecimal digits.
    """

    organisation: str
    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the file in the jars' folder."""
        return f"{self.name}-{self.version}.jar"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Read ``jars.lock``: ``organisation:name:version sha256`` a line, ``#`` comments.

    Raises:
        UserError: a line has another form, or there is none.
    """
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise UserError(
                f"{JARS_LOCK.name}, line {number}: not of the form organisation:name:version sha256"
            )
        jars.append(Jar(*match.groups()))
    if not jars:
        raise UserError(f"{JARS_LOCK.name} names no jar")
    return tuple(jars)


def locks(settings: Settings) -> tuple[Path, ...]:
    """Which jars a home needs, by its target and the place of its warehouse.

    Args:
        settings: whose home.
    """
    needed = [JARS_LOCK]
    if settings.cluster is not None or settings.publish_to is not None:
        needed.append(CLUSTER_LOCK)
    if settings.warehouse.startswith("s3a://"):
        needed.append(S3_LOCK)
    return tuple(needed)


def class_path(settings: Settings) -> str:
    """The jars besides Spark's own, for its ``extraClassPath``.

    Args:
        settings: where the jars are, and which are needed.

    Raises:
        UserError: they are not there yet.
    """
    return os.pathsep.join(jars_class_path(settings, lock) for lock in locks(settings))


def jars_folder(settings: Settings, lock_text: str) -> Path:
    """The folder of exactly the jars of this lock, so that two versions never mix."""
    return settings.jars_dir / hashlib.sha256(lock_text.encode()).hexdigest()[:12]


def jars_class_path(settings: Settings, lock_path: Path = JARS_LOCK) -> str:
    """The entry of one lock's jars in a class path.

    Args:
        settings: where the jars are.
        lock_path: which jars they are.

    Raises:
        UserError: they are not there yet.
    """
    text, jars = _read_lock(lock_path)
    folder = jars_folder(settings, text)
    if not all((folder / jar.file_name).is_file() for jar in jars):
        raise UserError(f"the jars of {lock_path.name} are not in {folder}: run `make setup`")
    return f"{folder}/*"


def damaged_jars(settings: Settings, lock_path: Path = JARS_LOCK) -> list[str]:
    """Name the jars of a lock that are missing or have another checksum.

    Args:
        settings: where the jars are.
        lock_path: which jars they are.
    """
    text, jars = _read_lock(lock_path)
    return _mismatches(jars, jars_folder(settings, text))


def fetch_jars(
    settings: Settings,
    progress: Callable[[str], None],
    lock_path: Path = JARS_LOCK,
    download: Callable[[Sequence[Jar], Path], None] | None = None,
) -> Path:
    """Fetch the jars of the lock, unless they are there: then nothing is asked of the network.

    They are fetched into a folder of their own, checked, and moved into place in one step.

    Args:
        settings: where the jars go.
        progress: gets a line for a person before a long step.
        lock_path: which jars.
        download: puts the jars into a given, existing folder; Spark's Ivy when left out.

    Returns:
        The folder that holds them.

    Raises:
        UserError: no network, a wrong checksum, a full disk, a folder that cannot be written.
    """
    text, jars = _read_lock(lock_path)
    folder = jars_folder(settings, text)
    with _one_line_os_errors(settings.jars_dir):
        if not _mismatches(jars, folder):
            return folder
        with _exclusive(settings.jars_dir):
            if _mismatches(jars, folder):  # else another set-up was faster
                progress(
                    f"fetching the {len(jars)} jars of {lock_path.name} into {settings.jars_dir}"
                )
                _install(jars, folder, download or _download)
    return folder


def _install(
    jars: Sequence[Jar], folder: Path, download: Callable[[Sequence[Jar], Path], None]
) -> None:
    with tempfile.TemporaryDirectory(prefix=_FETCH_PREFIX, dir=folder.parent) as scratch:
        fetched = Path(scratch) / "jars"
        fetched.mkdir()
        download(jars, fetched)
        wrong = _mismatches(jars, fetched)
        if wrong:
            raise UserError(
                f"{wrong[0]} has not the checksum that {JARS_LOCK.name} demands; "
                "nothing was installed"
            )
        if folder.exists():
            shutil.rmtree(folder)
        fetched.rename(folder)


def _read_lock(lock_path: Path) -> tuple[str, tuple[Jar, ...]]:
    try:
        text = lock_path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{lock_path}: {error.strerror}") from error
    return text, parse_lock(text)


def _mismatches(jars: Sequence[Jar], folder: Path) -> list[str]:
    return [jar.file_name for jar in jars if _sha256(folder / jar.file_name) != jar.sha256]


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


@contextmanager
def _exclusive(jars_dir: Path) -> Iterator[None]:
    """Keep a second set-up waiting, and clear away what a killed one left."""
    jars_dir.mkdir(parents=True, exist_ok=True)
    with (jars_dir / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in jars_dir.glob(f"{_FETCH_PREFIX}*"):
            shutil.rmtree(leftover)
        yield


@contextmanager
def _one_line_os_errors(jars_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or jars_dir}: {error.strerror or error}") from error


def _download(jars: Sequence[Jar], folder: Path) -> None:
    """Let the Ivy inside Spark fetch the jars into a folder.

    Ivy works in the folder's parent, with settings and a cache of its own there.
    """
    workshop = folder.parent
    (workshop / "ivysettings.xml").write_text(_IVY_SETTINGS, encoding="utf-8")
    (workshop / "ivy.xml").write_text(_ivy_module(jars), encoding="utf-8")
    try:
        result = run_java(_ivy_arguments(folder.name), workshop, _FETCH_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"fetching the jars took longer than {_FETCH_TIMEOUT_SECONDS:.0f} s"
        ) from error
    if result.returncode != 0:
        raise UserError(_ivy_failure(result.stdout))


def _ivy_arguments(folder_name: str) -> list[str]:
    # relative names: a bracket in the path would be read as part of Ivy's pattern
    return [
        "-cp",
        f"{spark_home() / 'jars'}/*",
        "org.apache.ivy.Main",
        *("-settings", "ivysettings.xml"),
        *("-cache", "ivy"),
        *("-ivy", "ivy.xml"),
        *("-retrieve", f"{folder_name}/[artifact]-[revision].[ext]"),
    ]


def _ivy_module(jars: Sequence[Jar]) -> str:
    # `master` is the jar alone: without it Ivy also takes its sources and documentation
    dependencies = "".join(
        f"<dependency org={quoteattr(jar.organisation)} name={quoteattr(jar.name)} "
        f'rev={quoteattr(jar.version)} transitive="false" conf="default->master"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="attribution" module="jars"/>'
        '<configurations><conf name="default"/></configurations>'
        f"<dependencies>{dependencies}</dependencies></ivy-module>"
    )


def _ivy_failure(output: str) -> str:
    """One line for a person from Ivy's many."""
    if "No space left on device" in output:
        return "the jars could not be fetched: the disk is full"
    # Ivy does not tell a repository that it cannot reach from one that lacks the jar
    missing = _NOT_FOUND.search(output)
    if missing:
        return (
            "the jars could not be fetched: the Maven repository cannot be reached, or has "
            f"no {missing[1]}; `make setup` needs the network once"
        )
    said = (output.strip().splitlines() or ["Ivy said nothing"])[-1].strip()
    return f"the jars could not be fetched: {said}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check Java and fetch the jars.

    Args:
        arguments: ``--s3`` for those of an object store as well, whatever the settings say.

    Returns:
        The exit code: 0, or 2 after one line on standard error.
    """

    def progress(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    parser = argparse.ArgumentParser(prog="python -m dagster_code.lib.jars")
    parser.add_argument("--s3", action="store_true", help="also those of an object store (690 MB)")
    more = (S3_LOCK,) if parser.parse_args(arguments).s3 else ()
    try:
        find_java()
        settings = load_settings()
        # those of a cluster are small: who turns to one later need not set up again
        for lock in dict.fromkeys((*locks(settings), CLUSTER_LOCK, *more)):
            fetch_jars(settings, progress, lock)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
