"""A PostgreSQL of its own, as plain processes from the system's package."""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from dagster_code.lib.settings import LOOPBACK, PROJECT_ROOT
from tests.cluster.compose import free_port

PACKAGED = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
# It refuses to run as root.
SYSTEM_USER = "postgres"


class MissingPostgresError(Exception):
    """PostgreSQL's server programs are not on this machine; says how to get them."""


@dataclass
class Postgres:
    """A server with one user, who owns all.

    Attributes:
        folder: of its data; a user of the system's may have to read it.
        port: on 127.0.0.1.
        user: of the database.
        password: of that user.
    """

    folder: Path
    port: int
    user: str
    password: str

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it did not.
        """
        log = self.folder / "log"
        self._run(
            "pg_ctl", "start", "-D", str(self.folder / "data"), "-l", str(log), "-w",
            "-t", f"{START_SECONDS:.0f}",
            "-o", f"-p {self.port} -h {LOOPBACK} -k {self.folder} -c fsync=off",
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop it.

        Args:
            mode: ``fast``, or ``immediate`` as a crash would.
        """
        self._run("pg_ctl", "stop", "-D", str(self.folder / "data"), "-m", mode, "-w")

    def restart(self, mode: str = "immediate") -> None:
        """Stop it and start it again."""
        self.stop(mode)
        self.start()

    def rows(self, sql: str, database: str = "metastore") -> list[tuple[object, ...]]:
        """Read the result of a statement, or nothing where it has none."""
        connection = psycopg2.connect(
            host=LOOPBACK, port=self.port, user=self.user, password=self.password, dbname=database
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def remove(self) -> None:
        """Stop it, if it runs, and delete everything."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        run_as_postgres(program, *arguments, cwd=self.folder)


def make_postgres(user: str, password: str) -> Postgres:
    """Make a server with the databases that ``deploy/create-databases.sql`` and the image make.

    Args:
        user: who owns all.
        password: of the user.

    Raises:
        MissingPostgresError: the programs are not there.
    """
    folder = Path(tempfile.mkdtemp(prefix="attribution-postgres-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(SYSTEM_USER).pw_uid, -1)
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    secret.chmod(0o644)
    run_as_postgres(
        "initdb", "-D", str(folder / "data"), "-U", user, f"--pwfile={secret}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", cwd=folder,
    )  # fmt: skip
    secret.unlink()
    made = Postgres(folder, free_port(), user, password)
    made.start()
    made.rows("create database metastore", "postgres")
    made.rows((PROJECT_ROOT / "deploy" / "create-databases.sql").read_text(), "metastore")
    return made


def run_as_postgres(program: str, *arguments: str, cwd: Path) -> None:
    """Run one of PostgreSQL's programs, not as root.

    Raises:
        MissingPostgresError: it is not there.
        RuntimeError: it failed; with what it said.
    """
    newest = max(PACKAGED.glob(f"*/bin/{program}"), default=None)
    found = newest or shutil.which(program)
    if found is None:
        raise MissingPostgresError(
            f"{program} is not here: apt install postgresql (its server programs, 14 or newer)"
        )
    is_root = os.geteuid() == 0
    with (cwd / f"{program}.out").open("w+", encoding="utf-8") as out:
        # a file, not a pipe: the server inherits it and would keep a pipe open
        done = subprocess.run(
            [str(found), *arguments],
            cwd=cwd, stdout=out, stderr=subprocess.STDOUT, check=False,
            user=SYSTEM_USER if is_root else None,
            extra_groups=[] if is_root else None,
        )  # fmt: skip
        out.seek(0)
        said = out.read()
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed: {said[-1000:]}")
