"""A backfill as a command: a driver of its own, started by spark-submit, that only lands.

This process holds the home's writer lock and the driver works for it, as dbt does for a run. So the
next writer ends the driver when this process is killed, and ``attribution down`` ends it anyway.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_code.lib import server, spark_submit
from dagster_code.lib.errors import RunFailedError, ServerError, UserError
from dagster_code.lib.files import write_atomically
from dagster_code.lib.jars import class_path
from dagster_code.lib.landing.schema import Kind
from dagster_code.lib.lock import WriterLock
from dagster_code.lib.progress import Progress, is_hushed
from dagster_code.lib.server_log import BACKFILL_LOG, failure_reason, fresh_log, log_path, log_tail
from dagster_code.lib.server_processes import HOME_KEY, home_marker, kill_all
from dagster_code.lib.server_state import new_state, write_state
from dagster_code.lib.session import writing_home
from dagster_code.lib.settings import LOOPBACK, PROJECT_ROOT, Settings
from dagster_code.lib.spark_conf import Ports

COMMAND = "attribution backfill"
APPLICATION = PROJECT_ROOT / "dagster_code" / "backfill.py"
# Nobody but the driver itself comes in by its doors, so that any free port will do.
ANY_PORTS = Ports(thrift=0, connect=0, ui=0)

_CONF_FILE = "backfill.conf"
_END_GRACE_SECONDS = 20.0
_ERRORS = {kind.exit_code: kind for kind in (UserError, ServerError, RunFailedError)}

Paths = Mapping[Kind, tuple[str, ...]]


@dataclass(frozen=True)
class Outcome:
    """What came of a backfill, from its driver to the command that started it.

    Attributes:
        lines: of the report.
        error: what did not work; ``None`` when all of it did.
        exit_code: of that error.
    """

    lines: Sequence[str]
    error: str | None = None
    exit_code: int = 0

    def write(self, path: Path) -> None:
        """Leave it to the command.

        Args:
            path: the file that the command named.
        """
        write_atomically(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Outcome | None":
        """Read what the driver left; ``None`` if it died before.

        Args:
            path: the file that was named to it.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def raise_error(self) -> None:
        """Raise the error again, if there was one.

        Raises:
            UserError: of the kind that has the exit code.
        """
        if self.error is not None:
            raise _ERRORS.get(self.exit_code, RunFailedError)(self.error)


def backfill_lines(
    settings: Settings,
    paths: Paths,
    options: Sequence[str],
    progress: Progress,
    *,
    mapping: str | None = None,
) -> Iterator[str]:
    """Land with a driver of its own, whose progress goes to this process's standard error.

    Args:
        settings: whose home.
        paths: what to land, by kind; no path at all means the landing folder.
        options: further ones for spark-submit.
        progress: told what is being done.
        mapping: name or path of the mapping that reads the events; ``None``: they need none.

    Yields:
        The lines of the report.

    Raises:
        UserError: the home's server runs, another backfill is at work, no Java or no jars.
        RunFailedError: a file was refused or is still growing, or another process keeps the home.
        ServerError: the driver could not be started, or died.
    """
    server.refuse_backfill(settings)
    with writing_home(settings, progress, COMMAND) as lock:
        arguments = application_arguments(paths, mapping)
        outcome = _submitted(settings, arguments, options, lock, progress)
    yield from outcome.lines
    outcome.raise_error()


def dry_run_lines(
    settings: Settings, paths: Paths, options: Sequence[str], *, mapping: str | None = None
) -> Iterator[str]:
    """Write the configuration, and give the command that would do the backfill with it.

    Args:
        settings: whose home.
        paths: as for ``backfill_lines``.
        options: as for ``backfill_lines``.
        mapping: as for ``backfill_lines``.

    Yields:
        The command, for a shell.

    Raises:
        UserError: no Java, or no jars.
    """
    conf_file = _write_conf(settings, class_path(settings))
    variables = [
        f"{name}={shlex.quote(value)}"
        for name, value in spark_submit.own_variables(settings).items()
    ]
    command = _command(conf_file, options, application_arguments(paths, mapping))
    yield f"{' '.join(variables)} {shlex.join(command)}\n"


def application_arguments(paths: Paths, mapping: str | None) -> list[str]:
    """Write what to land as options of the application.

    Args:
        paths: of the files, by kind.
        mapping: name or path of the mapping that reads the events; ``None``: they need none.
    """
    read_by = [] if mapping is None else ["--mapping", mapping]
    given = [(kind, path) for kind, of_kind in paths.items() for path in of_kind]
    return read_by + [text for kind, path in given for text in (f"--{kind}", path)]


def _command(conf_file: Path, options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    return spark_submit.submit_command(
        conf_file,
        *("--name", COMMAND),
        *options,
        # Last, and so the one that counts: the driver has to be where the home and its locks are.
        *("--deploy-mode", "client"),
        str(APPLICATION),
        *arguments,
    )


def _write_conf(settings: Settings, jars: str) -> Path:
    more = {
        "spark.connect.grpc.binding.address": LOOPBACK,
        # The application looks whether the configuration is that of its own home.
        HOME_KEY: str(settings.home.resolve()),
    }
    return spark_submit.write_conf(settings, _CONF_FILE, ANY_PORTS, jars, more)


def _submitted(
    settings: Settings,
    arguments: Sequence[str],
    options: Sequence[str],
    lock: WriterLock,
    progress: Progress,
) -> Outcome:
    """Run the driver to its end; nothing of it is left then, however this ends."""
    path = settings.server_dir / "backfill_outcome.json"
    # Nothing runs on, since the driver is ended in any case: whatever happens is settled.
    with lock.writing(settled=(BaseException,)):
        try:
            with server.in_its_place(settings, progress):
                path.unlink(missing_ok=True)
                process = _start(settings, arguments, options, path, progress)
                write_state(settings, new_state(process.pid, ANY_PORTS, "backfill"))
                lock.note_child(process.pid)
            exit_code = process.wait()
        finally:
            kill_all(settings, _END_GRACE_SECONDS)
    outcome = Outcome.read(path)
    return _died(settings, exit_code) if outcome is None else outcome


def _start(
    settings: Settings,
    arguments: Sequence[str],
    options: Sequence[str],
    outcome: Path,
    progress: Progress,
) -> subprocess.Popen[bytes]:
    jars = class_path(settings)
    spark_submit.empty_scratch(settings)
    spark_submit.prepare_home(settings, jars, progress)
    quiet = ["--quiet"] if is_hushed() else []
    application = [*arguments, *quiet, "--outcome", str(outcome)]
    marked = ("--conf", home_marker(settings), *options)
    command = _command(_write_conf(settings, jars), marked, application)
    progress("starting a Spark driver for the backfill")
    with fresh_log(settings, BACKFILL_LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=settings.server_dir,
            env=spark_submit.driver_environment(settings, knows_secrets=True),
            stdin=subprocess.DEVNULL,
            # spark-submit passes on what the application prints: its lines of progress
            stdout=2,
            stderr=log,
            # Ctrl-C reaches this process alone, which then ends all of them
            start_new_session=True,
        )


def _died(settings: Settings, exit_code: int) -> Outcome:
    reason = failure_reason(log_tail(settings, BACKFILL_LOG))
    said = f": {reason}" if reason else ""
    error = (
        f"the backfill's driver ended with exit code {exit_code}{said}"
        f" (log: {log_path(settings, BACKFILL_LOG)}); nothing is lost or doubled, run again"
    )
    return Outcome((), error, ServerError.exit_code)
