"""The server's doors as seen from outside: free ports, taken ports, and whether someone answers."""

import contextlib
import errno
import logging
import socket
import struct

import psutil

from dagster_code.lib.errors import ServerError
from dagster_code.lib.settings import LOOPBACK, Settings
from dagster_code.lib.spark_conf import Ports

_logger = logging.getLogger(__name__)

# What every HTTP/2 client says first (RFC 9113, 3.4), and an empty SETTINGS frame: length 0 in
# three bytes, type 4, no flags, stream 0. A gRPC server answers with a SETTINGS frame of its own.
_HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">BHBBI", 0, 0, 4, 0, 0)
_HTTP2_FRAME_HEADER_BYTES = 9
_HTTP2_SETTINGS = 4


def choose_ports(settings: Settings) -> Ports:
    """Take the configured ports, and free ones for the rest.

    A free port can be taken by someone else before the server listens on it; the caller has to
    try again then.

    Raises:
        ServerError: a configured port is taken, forbidden, or configured twice.
    """
    configured = {
        "ATTRIBUTION_THRIFT_PORT": settings.thrift_port,
        "ATTRIBUTION_CONNECT_PORT": settings.connect_port,
        "ATTRIBUTION_UI_PORT": settings.ui_port,
    }
    with contextlib.ExitStack() as held:
        # all are held until the last is chosen, so that no two are the same
        chosen = [_hold(name, port, held) for name, port in configured.items()]
    return Ports(thrift=chosen[0], connect=chosen[1], ui=chosen[2])


def _hold(variable: str, port: int | None, held: contextlib.ExitStack) -> int:
    holder = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    # as Java does: connections that are still closing do not occupy a port
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port or 0))
        holder.listen(1)  # two sockets may be bound to one port until one of them listens
    except OSError as error:
        if port is None:
            raise ServerError(f"no free port on {LOOPBACK}: {error.strerror}") from error
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"{variable}={port}: the port is taken{_blame(port)}; "
                f"free it, or unset {variable} to have a free one chosen"
            ) from error
        raise ServerError(f"{variable}={port}: {error.strerror}") from error
    number: int = holder.getsockname()[1]
    return number


def _blame(port: int) -> str:
    """`` by NAME (process PID)`` when the listener is known, else nothing."""
    try:
        listeners = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and connection.pid is not None
        ]
        if not listeners:
            return ""
        return f" by {psutil.Process(listeners[0]).name()} (process {listeners[0]})"
    except psutil.Error:  # another user's process
        return ""


def thrift_answers(port: int, timeout_seconds: float) -> bool:
    """Whether a Thrift session can be opened on this port and answers a query.

    Args:
        port: on 127.0.0.1.
        timeout_seconds: how long each answer may take.
    """
    # asked first because Thrift's library logs a refused connection as an error
    if not _listens(port, timeout_seconds):
        return False
    # late: these imports take half a second, which a server that is not up yet is spared
    from pyhive import exc, hive
    from thrift.Thrift import TException
    from thrift.transport import TSocket, TTransport

    tcp = TSocket.TSocket(LOOPBACK, port)
    tcp.setTimeout(timeout_seconds * 1000)
    transport = TTransport.TBufferedTransport(tcp)
    try:
        # the user is named because PyHive would ask the system for one; a container may have none
        session = hive.Connection(thrift_transport=transport, username="attribution")
        cursor = session.cursor()
        cursor.execute("select 1")
        rows = cursor.fetchall()
        # only after success: on a connection that timed out, the late answer to the query would be
        # taken for the answer to the closing
        cursor.close()
        session.close()
    except (OSError, EOFError, TException, exc.Error) as error:
        _logger.debug("Thrift on port %d does not answer: %s", port, error)
        return False
    finally:
        transport.close()
    return bool(rows == [(1,)])


def _listens(port: int, timeout_seconds: float) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout_seconds):
            return True
    except OSError:
        return False


def connect_answers(port: int, timeout_seconds: float) -> bool:
    """Whether a gRPC server (Spark Connect) answers on this port.

    It says hello in HTTP/2 by hand: importing gRPC and PySpark would take two seconds.

    Args:
        port: on 127.0.0.1.
        timeout_seconds: how long each answer may take.
    """
    try:
        with socket.create_connection((LOOPBACK, port), timeout_seconds) as tcp:
            tcp.sendall(_HTTP2_HELLO)
            header = b""
            while len(header) < _HTTP2_FRAME_HEADER_BYTES:
                received = tcp.recv(_HTTP2_FRAME_HEADER_BYTES - len(header))
                if not received:
                    return False
                header += received
    except OSError as error:
        _logger.debug("Spark Connect on port %d does not answer: %s", port, error)
        return False
    return header[3] == _HTTP2_SETTINGS


def both_answer(thrift_port: int, connect_port: int, timeout_seconds: float) -> bool:
    """Whether both doors answer, the cheaper one asked first."""
    return connect_answers(connect_port, timeout_seconds) and thrift_answers(
        thrift_port, timeout_seconds
    )
