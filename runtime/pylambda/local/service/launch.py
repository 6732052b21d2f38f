"""How a worker begins: a port that only it knows, and the real `bootstrap`.

Neither needs an event loop. What a runtime asks for first waits in the socket until somebody answers there, so that the
first worker can start while this process still loads what it serves with.
"""

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple

from pylambda import names
from pylambda.local.service.program import Program

LOOPBACK = "127.0.0.1"
BACKLOG = 1024


class Plan(NamedTuple):
    """What every worker is started with.

    Attributes:
        bootstrap: the script that starts the runtime.
        folder: the function's.
        environ: as `variables.worker_variables` makes it.
        timeout_s: an invocation's limit; None for none.
        memory_mb: the limit; None for none.
        freeze: whether an idle worker is stopped.
        at_once: how many invocations a worker is given at a time.
        extensions: programs to start beside it.
    """

    bootstrap: Path
    folder: Path
    environ: Mapping[str, str]
    timeout_s: float | None = 3.0
    memory_mb: int | None = None
    freeze: bool = False
    at_once: int = 1
    extensions: tuple[Path, ...] = ()


class Launch:
    """A worker's port and process.

    Args:
        plan: how it is started.

    Attributes:
        plan: the same.
        sockets: where its Runtime API listens.
        environ: what it was started with.
        program: the process.
        born: when that was, by the monotonic clock.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.born = time.monotonic()
        self.sockets = listen(LOOPBACK, 0)
        self.environ = {**plan.environ, names.RUNTIME_API: f"{LOOPBACK}:{port_of(self.sockets)}"}
        try:
            self.program = Program([str(plan.bootstrap)], environ=self.environ, folder=plan.folder)
        except BaseException:
            self.close_sockets()
            raise

    def abandon(self) -> None:
        """End it, where nobody has done so: it is not served any more."""
        if self.program.popen.returncode is None:
            self.program.signal(SIGKILL)
            self.program.popen.wait()
        self.close_sockets()

    def close_sockets(self) -> None:
        for one in self.sockets:
            one.close()


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen, one for each address of a host; who connects waits until somebody accepts it.

    Raises:
        OSError: the address cannot be had.
    """
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address[0], port, *address[2:]))
            one.listen(BACKLOG)
            port = port_of(sockets)  # where the kernel chooses, the same for all
    except BaseException:
        for one in sockets:
            one.close()
        raise
    return sockets


def port_of(sockets: list[socket.socket]) -> int:
    """Return the port on which they listen; the kernel chose it where 0 was asked for."""
    port: int = sockets[0].getsockname()[1]
    return port
