"""Tells when the other end of a loopback connection has read all that was sent to it, or waits for more.

Two sends may still arrive as one, which would make a test of split replies pass by luck. The kernel says how much
lies unread in the receiver's queue, so the second send can wait for that to be empty. It is asked about that one
connection: its table of all of them has thousands where a machine is busy, and is read a thousand times by some tests.

Source: https://man7.org/linux/man-pages/man7/sock_diag.7.html
"""

import os
import socket
import struct
import time
from pathlib import Path

PATIENCE_S = 2.0
# Of the kernel's headers: NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, INET_DIAG_NOCOOKIE twice.
SOCK_DIAG, BY_FAMILY, REQUEST, NO_COOKIE = 4, 20, 1, b"\xff" * 8
ANY_STATE = 0xFFFFFFFF
HEAD = struct.Struct("=IHHII")


def wait_until_read(connection: socket.socket) -> None:
    """Return when the far end has read everything, or soon after where it reads no more."""
    if not hasattr(socket, "AF_NETLINK"):  # not Linux: a split may go unnoticed there
        return
    far_end = far_end_of(connection)
    deadline = time.monotonic() + PATIENCE_S
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        while unread_bytes(kernel, far_end) and time.monotonic() < deadline:
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


def unread_bytes(kernel: socket.socket, far_end: bytes) -> int:
    """Return what lies unread; nothing where the connection is no more."""
    question = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, ANY_STATE) + far_end
    kernel.send(HEAD.pack(HEAD.size + len(question), BY_FAMILY, REQUEST, 0, 0) + question)
    answer = kernel.recv(1 << 13)
    _, kind, *_ = HEAD.unpack_from(answer)
    # Behind state and timer, the identity, and when the timer runs out.
    unread: int = struct.unpack_from("=I", answer, HEAD.size + 4 + len(far_end) + 4)[0] if kind == BY_FAMILY else 0
    return unread


def far_end_of(connection: socket.socket) -> bytes:
    """Return how the kernel knows the other end of a connection: ports and addresses, of any interface."""
    (host, port), (own_host, own_port) = connection.getpeername(), connection.getsockname()
    addresses = socket.inet_aton(host), socket.inet_aton(own_host)
    return struct.pack("!HH16s16sI8s", port, own_port, *addresses, 0, NO_COOKIE)
