"""A Runtime API that the test itself speaks, byte by byte, over a real socket.

Where `fake_api` judges whole requests, this is for what lies in between: what has left before something else is
asked for, the exact bytes of a chunked body, a far side that goes away in the middle of it. Nothing here sleeps; every
read ends at a deadline.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
DEADLINE_S = 60.0


class Request(NamedTuple):
    """One request: its first line, its headers by their names in lower case, its body unless that is chunked."""

    line: str
    headers: dict[str, str]
    body: bytes


class Chunked(NamedTuple):
    """A chunked body, taken apart."""

    chunks: list[bytes]
    trailers: dict[str, str]

    @property
    def body(self) -> bytes:
        """All chunks together."""
        return b"".join(self.chunks)


class Peer:
    """The far side of one connection of the runtime's."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._unread = b""

    def read_line(self) -> bytes:
        """Return a line without its end."""
        while b"\r\n" not in self._unread:
            self._receive()
        line, _, self._unread = self._unread.partition(b"\r\n")
        return line

    def read_exactly(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._unread) < size:
            self._receive()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def read_request(self) -> Request:
        """Return the next request; of a chunked one the head alone."""
        line, headers = self.read_line().decode(), self._read_headers()
        return Request(line, headers, self.read_exactly(int(headers.get("content-length", 0))))

    def read_chunk(self) -> bytes:
        """Return one chunk; an empty one is the last."""
        size = int(self.read_line(), 16)
        data = self.read_exactly(size)
        if size:
            assert self.read_exactly(2) == b"\r\n"
        return data

    def read_chunked(self) -> Chunked:
        """Return the rest of a chunked body."""
        chunks = list(iter(self.read_chunk, b""))
        return Chunked(chunks, self._read_headers())

    def reply(
        self, status: int = 202, body: bytes = b'{"status":"OK"}', headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole reply."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        self.connection.sendall(head.encode() + body)

    def give_event(self, event: bytes = b"{}", *, request_id: str = "id-1", timeout_s: float = 0, **more: str) -> None:
        """Take a `/next` and answer it.

        Args:
            event: JSON.
            request_id: the invocation's.
            timeout_s: how far the deadline is; 0 for none.
            more: headers, with underscores for hyphens.
        """
        request = self.read_request()
        assert request.line == "GET /2018-06-01/runtime/invocation/next HTTP/1.1"
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Aws-Request-Id": request_id}
        if timeout_s:
            headers["Lambda-Runtime-Deadline-Ms"] = str(int((time.time() + timeout_s) * 1000))
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        self.reply(200, event, headers)

    def answer_to(self, event: bytes = b"{}", *, request_id: str = "id-1", timeout_s: float = 0) -> Request:
        """Give an event, take the answer to it, and accept that."""
        self.give_event(event, request_id=request_id, timeout_s=timeout_s)
        request = self.read_request()
        self.reply()
        return request

    def has_more(self) -> bool:
        """Whether the runtime sends more on this connection, rather than close it."""
        if not self._unread:
            self._unread = self.connection.recv(1 << 20)
        return bool(self._unread)

    def is_silent(self) -> bool:
        """Whether nothing has come that was not read; for a runtime that is known to stand still."""
        return not self._unread and not select.select([self.connection], [], [], 0)[0]

    def at_end(self) -> bool:
        """Whether the runtime closes the connection without another byte."""
        return not self.has_more()

    def _read_headers(self) -> dict[str, str]:
        lines = iter(self.read_line, b"")
        return {name.lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)}

    def _receive(self) -> None:
        data = self.connection.recv(1 << 20)
        assert data, f"the connection ended after {self._unread[-200:]!r}"
        self._unread += data


class Serving:
    """A started runtime, and where it will connect to."""

    def __init__(self, process: "subprocess.Popen[bytes]", listener: socket.socket, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self._listener = listener
        self._peers: list[socket.socket] = []
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"

    def accept(self) -> Peer:
        """Take the next connection of the runtime's."""
        connection, _ = self._listener.accept()
        connection.settimeout(DEADLINE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers.append(connection)
        return Peer(connection)

    def stop_listening(self) -> None:
        """Refuse the connections to come."""
        self._listener.close()

    def stdout(self) -> str:
        """What the function printed so far."""
        return (self.folder / "out").read_text()

    def stderr(self) -> str:
        """What the runtime complained of so far."""
        return (self.folder / "err").read_text()

    def wait(self) -> int:
        """Wait for the runtime's end and return its exit code."""
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        """End what is left."""
        for connection in self._peers:
            connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_S)


@contextlib.contextmanager
def serving(
    folder: Path,
    source: str,
    *,
    environ: Mapping[str, str] | None = None,
    program: bool = False,
    path: str = "",
    command: Sequence[str] = (str(CHECKOUT / "bootstrap"),),
) -> Iterator[Serving]:
    """Start the runtime on a module `app` with this source; what is left of it is ended.

    Args:
        folder: for the module and the output.
        source: of the module; its `handler` is served.
        environ: more variables.
        program: run the module itself, as a program, in place of `bootstrap`.
        path: of the Runtime API, behind its address.
        command: what starts the runtime.
    """
    (folder / "app.py").write_text(textwrap.dedent(source))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYLAMBDA_PYTHON": sys.executable,
            "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}{path}",
            "_HANDLER": "app.handler",
            **(environ or {}),
        }
        if program:
            command = (sys.executable, "-u", "app.py")
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        runtime = Serving(process, listener, folder)
        try:
            yield runtime
        finally:
            runtime.close()
            print(runtime.stdout(), runtime.stderr())
