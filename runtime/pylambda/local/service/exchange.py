"""One HTTP request and the answer to it, each of them whole or piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Protocol

import h11

Headers = Iterable[tuple[str, str]]
# The two that nearly all answers have; the others are looked up when the first of them is needed.
REASONS = {200: b"OK", 202: b"Accepted"}
HIGH_WATER_BYTES = 1 << 20
GONE = "the far side closed the connection"


class Wire(Protocol):
    """What a request asks of its connection."""

    lost: bool
    peer: str

    def write(self, *events: h11.Event) -> None: ...
    async def writable(self) -> None: ...
    def ask_for_body(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Gone(ConnectionError):
    """Raised when the far side has left before all was read or sent."""


class BodyTooLong(Exception):
    """Raised when a body is longer than the reader takes. All of it was read, so an answer will be seen."""


class Exchange:
    """One request and the answer to it.

    Attributes:
        method: such as `POST`.
        target: path and query as they came.
        headers: names in lower case, in order.
        peer: the client's address.
        trailers: what came after a chunked body; complete with it.
        on_gone: called once if the client leaves before its answer is complete; `when_gone` sets it.
        started: whether an answer has begun.
    """

    def __init__(self, connection: Wire, request: h11.Request) -> None:
        self._connection = connection
        self.method = request.method.decode("latin-1")
        self.target = request.target.decode("latin-1")
        self.headers = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.headers]
        self._request = request
        self.peer = connection.peer
        self.trailers: dict[str, str] = {}
        self.on_gone: Callable[[], object] | None = None
        self.started = False
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._complete = False
        self._arrival: asyncio.Future[None] | None = None

    @property
    def raw_headers(self) -> list[tuple[str, str]]:
        """The headers with the names as the client wrote them."""
        pairs = self._request.headers.raw_items()
        return [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in pairs]

    def header(self, name: str) -> str:
        """Return a header's value by its lower-case name, empty where it is absent; repeats joined with a comma."""
        return ", ".join([value for key, value in self.headers if key == name])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body's parts as they arrive.

        Raises:
            Gone: the client left in the middle of it.
        """
        self._connection.ask_for_body()
        while True:
            parts, self._parts, self._held_bytes = self._parts, [], 0
            self._connection.resume_reading()
            for part in parts:
                yield part
            if self._parts:
                continue
            if self._complete:
                return
            if self._connection.lost:
                raise Gone(GONE)
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival

    async def body(self, longest: int) -> bytes:
        """Return the whole body.

        Raises:
            BodyTooLong: it has more than `longest` bytes.
            Gone: the client left in the middle of it.
        """
        parts, length = [], 0
        async for part in self.chunks():
            length += len(part)
            if length <= longest:
                parts.append(part)
        if length > longest:
            raise BodyTooLong(f"{length} bytes")
        return b"".join(parts)

    async def reply(self, status: int, body: bytes = b"", headers: Headers = ()) -> None:
        """Send a whole answer. What is left of the request's body is read first, else the client would not listen."""
        with suppress(Gone):
            async for _part in self.chunks():
                pass
        fields = list(headers)
        if status >= 200 and status not in (204, 304):
            fields.append(("Content-Length", str(len(body))))
        events: list[h11.Event] = [self._head(status, fields)]
        if body and self.method != "HEAD":
            events.append(h11.Data(data=body))
        self._connection.write(*events, h11.EndOfMessage())
        self.on_gone = None
        await self._connection.writable()

    def begin(self, status: int, headers: Headers) -> None:
        """Send the head of an answer; with no Content-Length what follows is sent in chunks."""
        self._connection.write(self._head(status, headers))

    def _head(self, status: int, headers: Headers) -> h11.Response:
        self.started = True
        reason = REASONS.get(status) or reason_of(status)
        return h11.Response(status_code=status, reason=reason, headers=encoded(headers))

    async def send(self, data: bytes) -> None:
        """Send a part of the answer now, once the client has taken enough of what came before.

        Raises:
            Gone: the client has left.
        """
        self._connection.write(h11.Data(data=data))
        await self._connection.writable()

    def end(self) -> None:
        """Say that the answer is complete."""
        self._connection.write(h11.EndOfMessage())
        self.on_gone = None

    def abort(self) -> None:
        """Cut the answer off, so that nobody takes what was sent for the whole.

        Raises:
            Gone: always, to whoever answers.
        """
        raise Gone("the answer was cut off")

    def when_gone(self, call: Callable[[], object]) -> None:
        """Have a function called once if the client leaves before its answer is complete, or now where it has left."""
        self.on_gone = call
        if self._connection.lost:
            self.lose()

    # What the connection calls.

    def feed(self, part: bytes) -> None:
        self._parts.append(part)
        self._held_bytes += len(part)
        if self._held_bytes > HIGH_WATER_BYTES:
            self._connection.pause_reading()
        self.wake()

    def complete(self, trailers: dict[str, str]) -> None:
        self.trailers = trailers
        self._complete = True
        self.wake()

    def wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def lose(self) -> None:
        self.wake()
        if self.on_gone is not None:
            on_gone, self.on_gone = self.on_gone, None
            on_gone()


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return headers as h11 takes them."""
    return [(name.encode("latin-1", "replace"), value.encode("utf-8", "surrogateescape")) for name, value in headers]


@cache
def reason_of(status: int) -> bytes:
    """Return the words of a status; none where it is one's own."""
    from http import HTTPStatus

    return next((known.phrase.encode() for known in HTTPStatus if known.value == status), b"")
