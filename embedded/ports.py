"""TCP ports on this machine: a free one, or a clear word about who has the configured one."""

import errno
import secrets
import socket

import psutil

from embedded.errors import PortInUse

LOOPBACK = "127.0.0.1"

FREE_RANGE = range(20_000, 30_000)
"""Below the ephemeral ports of Linux (32768 up) and macOS (49152 up).

A port from there could be taken by somebody's outgoing connection while our server is down, even by a client that
connects to itself in trying to reach the server, and then a restart on the same port fails.
"""


def choose_port(wanted: int, setting: str) -> int:
    """The wanted port if it is free; a free one for 0.

    Args:
        wanted: A port, or 0.
        setting: The name of the setting to change, for the message.

    Raises:
        PortInUse: Something listens there; the message names it if we may see it.
    """
    if wanted == 0:
        return _free_port()
    if not _is_free(wanted):
        raise PortInUse(
            f"port {wanted} on {LOOPBACK} is in use{_holder(wanted)}; stop that, or set {setting} to another port "
            "(0 picks a free one)"
        )
    return wanted


def _free_port() -> int:
    while not _is_free(port := FREE_RANGE.start + secrets.randbelow(len(FREE_RANGE))):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a closed connection's rest isn't in the way
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other people's sockets to root only
        return ""
    listening = [
        c for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port
    ]
    pids = {connection.pid for connection in listening if connection.pid is not None}
    return "".join(f" by process {pid} ({psutil.Process(pid).name()})" for pid in sorted(pids))
