"""`dagster dev` on a home: the UI on loopback, the Spark server up."""

import os
import signal
import socket
import sys

from dagster_code.lib import server
from dagster_code.lib.dagster_home import DEPLOY_DIR, prepare_dagster_home
from dagster_code.lib.errors import ServerError
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import PROJECT_ROOT, Settings

_USUAL_PORT = 3000


def exec_dagster_dev(settings: Settings, port: int | None, progress: Progress) -> None:
    """Become `dagster dev`; does not return.

    Args:
        settings: whose home.
        port: of the UI on 127.0.0.1; ``None``: 3000, or a free one.
        progress: told where the UI will be.

    Raises:
        ServerError: the Spark server cannot be started, or the port is taken.
    """
    chosen = free_port(port)
    server.ensure_running(settings, progress)
    progress(f"Dagster's UI: http://127.0.0.1:{chosen}")
    os.chdir(PROJECT_ROOT)
    workspace = str(DEPLOY_DIR / "workspace.yaml")
    # Dagster stops its children by this signal, which a script's background jobs inherit as ignored
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = ["dev", "-h", "127.0.0.1", "-p", str(chosen), "-w", workspace]
    os.execve(
        sys.executable,
        [sys.executable, "-m", "dagster", *arguments],
        {
            **os.environ,
            "DAGSTER_HOME": str(prepare_dagster_home(settings)),
            "ATTRIBUTION_HOME": str(settings.home),
        },
    )


def free_port(wanted: int | None) -> int:
    """Find the UI's port.

    Args:
        wanted: that one and no other; ``None``: the usual one, or any.

    Raises:
        ServerError: the wanted port is taken.
    """
    for port in (wanted,) if wanted is not None else (_USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError(f"port {wanted} is taken; choose another with --port")
