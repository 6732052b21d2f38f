"""The fake's HTTP: takes requests apart with the standard library, and sends replies in the way a script says.

What is judged here is form alone: a head that is not plain HTTP/1.1, a body whose end is not told by its length.
What a request means is for `fake_api` to judge.
"""

import io
import json
import os
import re
import socket
import struct
from dataclasses import dataclass
from http import client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from tests.contract.delivery import wait_until_read
from tests.contract.script import Framing, Headers, Reply, Then

PREFIX = "/2018-06-01/runtime/"
PHASES = ("init/error", "restore/next", "restore/error")
EXTENSION_PREFIX = "/2020-01-01/"
EXTENSION_PHASES = ("extension/register", "extension/event/next")
# Names are tokens, values visible ASCII or bytes above it: the official client sends its X-Ray cause as UTF-8.
STRICT_HEAD = re.compile(rb"[A-Z]+ /[!-~]* HTTP/1\.1\r\n(?:[!#-'*+.^_`|~0-9A-Za-z-]+: ?[\t -~\x80-\xff]*\r\n)*\r\n")

# The X-Ray cause is one header of up to 1 MiB; `http.client`, with which `http.server` reads heads, stops at 64 KiB.
client._MAXLINE = 1 << 21  # type: ignore[attr-defined]


@dataclass
class Request:
    """One request, as it was received.

    Attributes:
        head: its bytes up to the blank line.
        headers: names and values in the order and spelling in which they came.
        connection: counts connections from 1.
        opens_connection: whether it is the first on its connection.
        status: what was replied; 0 where the connection was dropped instead.
    """

    method: str
    path: str
    head: bytes
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    opens_connection: bool
    status: int = 0

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)

    @property
    def endpoint(self) -> str:
        """`next`, `response`, `error`, `init/error` and the like, `extension/...`; any other path as it is."""
        for prefix, phases in ((PREFIX, PHASES), (EXTENSION_PREFIX, EXTENSION_PHASES)):
            if self.path.startswith(prefix) and self.path.removeprefix(prefix) in phases:
                return self.path.removeprefix(prefix)
        match = re.fullmatch(re.escape(PREFIX) + r"invocation/(?:[^/]+/)?(next|response|error)", self.path)
        return match[1] if match else self.path

    @property
    def request_id(self) -> str:
        """The invocation that the path names; empty where it names none."""
        match = re.fullmatch(re.escape(PREFIX) + r"invocation/([^/]+)/[^/]+", self.path)
        return match[1] if match else ""

    def header(self, name: str) -> str | None:
        """Return a header by its name in any case. Raises AssertionError when it came twice."""
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


class Verdict(NamedTuple):
    """What a request gets where the script says nothing else."""

    status: int
    body: bytes
    headers: Headers


class Judge(Protocol):
    """Who the connections ask; `fake_api.FakeRuntimeApi` is the one."""

    def count_connection(self) -> int:
        """Return the number of a connection that was just accepted."""

    def complain(self, what: str) -> None:
        """Take note of something malformed."""

    def plan(self, request_id: str) -> Reply:
        """Return how the next answer to an invocation will be taken, without taking it."""

    def receive(self, request: Request) -> tuple[Reply, Verdict] | None:
        """Return how a request is answered; None where the fake ends before there is an answer."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    judge: Judge


class _Recorder(io.BufferedIOBase):
    """Hands on what a stream reads, and keeps it."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.seen = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._stream.readline(-1 if size is None else size)
        self.seen += line
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
        super().close()


class Connection(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the fake what to say, says it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.number = self.server.judge.count_connection()
        self.served = 0
        self.rfile: io.BufferedIOBase = _Recorder(self.rfile)

    def handle(self) -> None:
        # A runtime that is killed, or that gives up on a connection, resets it: no concern of this side.
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.server.judge.complain(f"not a request: {message}: {self.requestline[:200]!r}")
        super().send_error(code, message, explain)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what matters is recorded."""

    def _serve(self) -> None:
        judge = self.server.judge
        assert isinstance(self.rfile, _Recorder)
        head, self.rfile.seen = self.rfile.seen, b""
        if not STRICT_HEAD.fullmatch(head):
            judge.complain(f"not a strict head: {head[:2000]!r}")
        self.served += 1
        request = Request(
            self.command, self.path, head, self.headers.items(), b"", self.number, opens_connection=self.served == 1
        )
        unread = judge.plan(request.request_id).unread
        request.body = b"" if unread else self._read_body(request)
        answer = judge.receive(request)
        if answer is None:
            self.close_connection = True
            return
        reply, verdict = answer
        self._send(reply, reply.to_bytes(verdict.status, verdict.headers, verdict.body))
        self._end(reply)

    def _read_body(self, request: Request) -> bytes:
        if request.header("Transfer-Encoding") is not None:
            self.server.judge.complain(f"a request in chunks: {request.head!r}")
        length = request.header("Content-Length")
        if length is None:
            if request.method == "POST":
                self.server.judge.complain(f"a request without a length: {request.head!r}")
            return b""
        return self.rfile.read(int(length))

    def _send(self, reply: Reply, data: bytes) -> None:
        data = data[: reply.cut_at]
        edges = [0, *sorted(edge for edge in reply.split_at if 0 < edge < len(data)), len(data)]
        for start, end in pairwise(edges):
            if start:
                wait_until_read(self.connection)
            self.connection.sendall(data[start:end])

    def _end(self, reply: Reply) -> None:
        self.close_connection = (
            reply.then is not Then.KEEP or reply.cut_at is not None or reply.framing is Framing.TO_END or reply.unread
        )
        if reply.then is Then.RESET:
            # Closed with a linger time of zero, a connection is reset. `http.server` would end it in good order first.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
