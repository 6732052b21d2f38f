"""Where the tools send their data: HTTP or HTTPS, and datagrams, on loopback. Everything is taken, and kept."""

import contextlib
import gzip
import json
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

DATAGRAM_BYTES = 65_536
TRIES = 20


class Arrival(NamedTuple):
    """What arrived at once.

    Attributes:
        method: of the request; "datagram" for one.
        path: of the request.
        body: unpacked.
    """

    method: str
    path: str
    body: bytes

    @property
    def values(self) -> list[Any]:
        """The JSON values in it, one a line where it is several; the bytes where it holds none."""
        try:
            return [json.loads(self.body)]
        except ValueError:
            return [json.loads(line) if line[:1] in b"{[" else line for line in self.body.splitlines() if line]


class Certificate(NamedTuple):
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Return a new one."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", names, "-out", made.certificate, "-keyout", made.key],
        capture_output=True, check=True,
    )  # fmt: skip
    return made


class Sink:
    """Takes what is sent to it while it is entered.

    Args:
        certificate: speaks HTTPS with it; None for plain HTTP.
        before_reply: called when something arrived by HTTP, which is answered once it returns.

    Attributes:
        arrivals: in order.
    """

    def __init__(
        self, certificate: Certificate | None = None, before_reply: Callable[[], object] = lambda: None
    ) -> None:
        self.arrivals: list[Arrival] = []
        self._changed = threading.Condition()
        self._server, self._datagrams = _bind(_handler_of(self._take, before_reply))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._receiver = threading.Thread(target=self._receive)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._receiver.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        # An empty one ends the receiver: a socket that is waited at keeps its port although it was closed.
        self._datagrams.sendto(b"", ("127.0.0.1", self.port))
        self._receiver.join()
        self._datagrams.close()

    def wait_for(self, count: int, deadline_s: float) -> None:
        """Return when so many arrived, or at the deadline."""
        self.wait_until(lambda: len(self.arrivals) >= count, deadline_s)

    def wait_until(self, condition: Callable[[], bool], deadline_s: float) -> None:
        """Return when the condition holds, which is looked at again when something arrived, or at the deadline."""
        with self._changed:
            self._changed.wait_for(condition, deadline_s)

    def _take(self, arrival: Arrival) -> None:
        with self._changed:
            self.arrivals.append(arrival)
            self._changed.notify_all()

    def _receive(self) -> None:
        while data := self._datagrams.recv(DATAGRAM_BYTES):
            self._take(Arrival("datagram", "", data))


def _bind(handler: type[BaseHTTPRequestHandler]) -> tuple[ThreadingHTTPServer, socket.socket]:
    """Return a server and a socket for datagrams of the same number: a daemon's address names one port for both."""
    for _ in range(TRIES):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(server.server_address)
        except OSError:  # somebody has the other one
            datagrams.close()
            server.server_close()
        else:
            return server, datagrams
    raise OSError(f"no port free for both in {TRIES} tries")


def _handler_of(keep: Callable[[Arrival], None], before_reply: Callable[[], object]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self) -> None:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                body = b"".join(iter(self._chunk, b""))
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            keep(Arrival(self.command, self.path, _unpacked(body)))
            before_reply()
            with contextlib.suppress(ConnectionError):  # who sent it did not wait
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        do_GET = do_POST = do_PUT = take  # noqa: N815 - names of the base class's

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline(), 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _unpacked(body: bytes) -> bytes:
    """By its first bytes: not every tool says in a header how it packed."""
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    if body[:1] == b"\x78":
        try:
            return zlib.decompress(body)
        except zlib.error:
            return body
    return body
