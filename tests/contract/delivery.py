"""Tells when the other end of a loopback connection has read all that was sent to it, or waits for more.

Two sends may still arrive as one, which would make a test of split replies pass by luck. The kernel says how much
lies unread in the receiver's queue, so the second send can wait for that to be empty.
"""

import os
import socket
import time
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")
PATIENCE_S = 2.0


def wait_until_read(connection: socket.socket) -> None:
    """Return when the far end has read everything, or soon after where it reads no more."""
    if not CONNECTIONS.exists():  # not Linux: a split may go unnoticed there
        return
    far_end = " ".join(_as_listed(*end) for end in (connection.getpeername(), connection.getsockname()))
    deadline = time.monotonic() + PATIENCE_S
    while _unread_bytes(far_end) and time.monotonic() < deadline:
        os.sched_yield()


def wait_until_asleep(pid: int) -> None:
    """Return when a process waits in the kernel, where a signal finds it; what was sent to it has woken it before.

    Raises:
        AssertionError: it does not.
    """
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline, f"process {pid} does not wait"
        time.sleep(0.001)


def _unread_bytes(ends: str) -> int:
    """Return what lies unread; the line goes on with state and queues, `01 00000000:0000001F`."""
    _, found, rest = CONNECTIONS.read_text().partition(f" {ends} ")
    return int(rest.split(maxsplit=2)[1].partition(":")[2], 16) if found else 0


def _as_listed(host: str, port: int) -> str:
    """`0100007F:1F90`: the address in the kernel's own byte order, the port in hexadecimal."""
    address = int.from_bytes(socket.inet_aton(host), "little")
    return f"{address:08X}:{port:04X}"
