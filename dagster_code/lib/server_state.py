"""What is recorded of the local Spark server: ``server/state.json`` below ATTRIBUTION_HOME."""

import dataclasses
import datetime
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from dagster_code.lib.files import write_atomically
from dagster_code.lib.settings import Settings
from dagster_code.lib.spark_conf import Ports

Status = Literal["starting", "ready", "hung", "backfill"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerState:
    """What is known of a server.

    Attributes:
        pid: its process, also the leader of its process group and session.
        create_time: when that process was created, in seconds since 1970.
        thrift_port: Thrift on 127.0.0.1.
        connect_port: Spark Connect on 127.0.0.1.
        ui_port: Spark's web page on 127.0.0.1.
        started_at: when it was started, UTC.
        status: ``starting``; ``ready``: both doors answered; ``hung``: alive, but a door that
            answered once no longer does; ``backfill``: no server, but a backfill's driver, whose
            ports are 0.
    """

    pid: int
    create_time: float
    thrift_port: int
    connect_port: int
    ui_port: int
    started_at: datetime.datetime
    status: Status


def new_state(pid: int, ports: Ports, status: Status) -> ServerState:
    """Describe a process that has just been started.

    Args:
        pid: its id; it is not yet waited for, so the process is there, if only as a zombie.
        ports: where it listens.
        status: what it is.
    """
    return ServerState(
        pid=pid,
        create_time=psutil.Process(pid).create_time(),
        thrift_port=ports.thrift,
        connect_port=ports.connect,
        ui_port=ports.ui,
        started_at=datetime.datetime.now(datetime.UTC),
        status=status,
    )


def state_path(settings: Settings) -> Path:
    """Say where the state is recorded.

    Args:
        settings: whose home.
    """
    return settings.server_dir / "state.json"


def read_state(settings: Settings) -> ServerState | None:
    """Read what was recorded; a damaged state counts as none.

    Args:
        settings: whose home.
    """
    try:
        record = json.loads(state_path(settings).read_text(encoding="utf-8"))
        started_at = datetime.datetime.fromisoformat(record.pop("started_at"))
        return ServerState(started_at=started_at, **record)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # damaged, or of another version: the server is still found by its command line
        _logger.warning("%s is ignored: %s", state_path(settings), error)
        return None


def write_state(settings: Settings, state: ServerState) -> None:
    """Record what is known of a server.

    Args:
        settings: whose home.
        state: what is known.
    """
    record = dataclasses.asdict(state) | {"started_at": state.started_at.isoformat()}
    write_atomically(state_path(settings), json.dumps(record, indent=2) + "\n")
