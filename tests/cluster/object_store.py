"""An S3-compatible server of its own: versitygw, on a folder."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dagster_code.lib.settings import LOOPBACK, PROJECT_ROOT
from tests.cluster.compose import free_port, listens, wait_until

PROGRAM = "versitygw"
VERSION = "v1.8.0"
_MODULE = "github.com/versity/versitygw/cmd/versitygw"
_BUILD_SECONDS = 600


class MissingStoreError(Exception):
    """The server is not on this machine and cannot be built; says how to get it."""


@dataclass
class ObjectStore:
    """A server, and the only user that it knows.

    Attributes:
        process: of the server.
        folder: each folder in it is a bucket.
        port: on 127.0.0.1.
        user: the access key.
        password: the secret key.
    """

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    user: str
    password: str

    def conf(self) -> str:
        """The compose file's lines of Spark's configuration, which lead here."""
        lines = (PROJECT_ROOT / "deploy" / "s3.conf").read_text(encoding="utf-8")
        endpoint = "http://object-store:7070"
        assert endpoint in lines
        return lines.replace(endpoint, f"http://{LOOPBACK}:{self.port}")

    def variables(self) -> dict[str, str]:
        """The keys, as the compose file gives them to whoever works with the store."""
        return {"AWS_ACCESS_KEY_ID": self.user, "AWS_SECRET_ACCESS_KEY": self.password}

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def start_store(folder: Path, bucket: str) -> ObjectStore:
    """Start a server with one empty bucket.

    Args:
        folder: for the objects and the log.
        bucket: its name.

    Raises:
        MissingStoreError: there is no such server here.
    """
    program = find_program(folder)
    objects = folder / "objects"
    (objects / bucket).mkdir(parents=True)
    user, password, port = "attribution", "s3cr3t-of-the-test", free_port()
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--port", f"{LOOPBACK}:{port}", "posix", str(objects)],
            env={**os.environ, "ROOT_ACCESS_KEY": user, "ROOT_SECRET_KEY": password},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    wait_until(lambda: listens(port), 30, "a start of the object store")
    return ObjectStore(process, objects, port, user, password)


def find_program(folder: Path) -> str:
    """Find the server, or build it into a folder."""
    found = shutil.which(PROGRAM)
    if found is not None:
        return found
    hint = f"{PROGRAM} is not here: go install {_MODULE}@{VERSION}"
    go = shutil.which("go")
    if go is None:
        raise MissingStoreError(f"{hint} (Go is not here either)")
    built = folder / "bin"
    result = subprocess.run(
        [go, "install", f"{_MODULE}@{VERSION}"],
        env={**os.environ, "GOBIN": str(built)},
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise MissingStoreError(f"{hint}\n{result.stderr[-500:]}")
    return str(built / PROGRAM)
