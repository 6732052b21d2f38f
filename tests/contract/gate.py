"""A gate that handlers wait at, each by its name, until a test lets it through: so a test says who answers when.

A function begins with `GATE`, and calls `wait(event)` or `await wait_async(event)` with what `Gate.event` has made.
"""

import socket
import threading
from types import TracebackType
from typing import Self

DEADLINE_S = 60.0
# What a function does at the gate. Its event names the port, and itself.
GATE = """\
import asyncio, socket

def wait(event):
    with socket.create_connection(("127.0.0.1", event["gate"])) as gate:
        gate.sendall(event["name"].encode() + b"\\n")
        gate.recv(1)

async def wait_async(event):
    reader, writer = await asyncio.open_connection("127.0.0.1", event["gate"])
    writer.write(event["name"].encode() + b"\\n")
    await reader.read(1)
    writer.close()
"""


class Gate:
    """Listens on a loopback port while it is entered."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._waiting: dict[str, socket.socket] = {}

    def event(self, name: str, **more: object) -> dict[str, object]:
        """Return an event for a handler that will wait under this name."""
        return {"gate": self._listener.getsockname()[1], "name": name, **more}

    def wait_for(self, *names: str) -> None:
        """Return when all of these stand at the gate. Raises AssertionError at the deadline."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: set(names) <= self._waiting.keys(), DEADLINE_S)
            assert arrived, f"at the gate are {sorted(self._waiting)}, not {names}"

    def open_for(self, name: str) -> None:
        """Let one through that stands there, or will."""
        self.wait_for(name)
        with self._changed:
            self._waiting.pop(name).close()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        with self._changed:
            for connection in self._waiting.values():
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection.makefile("rb") as file:
                name = file.readline().decode().strip()
            with self._changed:
                self._waiting[name] = connection
                self._changed.notify_all()
