"""A connection to the Runtime API on an event loop: bytes go out, replies come back in the order of the requests.

The same framing as `runtime_api.connection`, which waits in system calls, where this waits in futures.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from pylambda.runtime_api.chunks import ChunkedBody
from pylambda.runtime_api.wire import HEAD_END, MAX_HEAD_BYTES, ProtocolError, Reply, Template, read_head

if TYPE_CHECKING:
    from collections.abc import Iterable


class Link(asyncio.Protocol):
    """One connection.

    Attributes:
        is_open: whether something may be sent.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._templates: dict[int, Template] = {}
        self._received = b""
        self._reply: Reply | None = None  # its head was read, and its body has not ended
        self._parts: list[bytes] = []
        self._missing = 0
        self._chunks: ChunkedBody | None = None
        self._replies: deque[Reply] = deque()  # that nobody has asked for yet
        self._waiting: asyncio.Future[Reply] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._fault: Exception | None = None

    @property
    def has_spoken(self) -> bool:
        """Whether a reply is there that was not read, or the far side has closed."""
        return bool(self._replies) or not self.is_open

    def send(self, parts: "Iterable[bytes]") -> None:
        """Send bytes, now or as soon as the far side takes them.

        Raises:
            ConnectionResetError: the connection is closed.
        """
        if not self.is_open or self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self._transport.writelines(parts)

    async def drained(self) -> None:
        """Wait while more is to be sent than the system takes; and let the loop look whether the far side is there."""
        await asyncio.sleep(0)
        if self._writable is not None:
            await self._writable

    async def reply(self) -> Reply:
        """Wait for the next reply.

        Raises:
            ConnectionError: the connection ends before it does.
            ProtocolError: what came is no HTTP.
        """
        if self._replies:
            return self._replies.popleft()
        if self._fault is not None:
            raise self._fault
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """Drop the connection."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By its protocol, not its class: uvloop's transports are of none of asyncio's.
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        try:
            while self._received and self._take():
                pass
        except ProtocolError as error:
            self._end(error)

    def eof_received(self) -> None:
        if self._reply is not None and self._reply.body_bytes is None and self._chunks is None:
            self._deliver(b"".join(self._parts))

    def connection_lost(self, error: Exception | None) -> None:
        moment = "in the middle of" if self._received or self._reply else "before"
        self._end(error or ConnectionResetError(f"the connection was closed {moment} a reply"))

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _end(self, fault: Exception) -> None:
        self.close()
        self.resume_writing()
        if self._fault is None:
            self._fault = fault
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(self._fault)

    def _take(self) -> bool:
        """Take a head, or some of a body; return whether there may be more to take."""
        if self._reply is None:
            return self._take_head()
        data, self._received = self._received, b""
        if self._chunks is not None:
            self._chunks.feed(data)
            if self._chunks.done:
                self._received = self._chunks.rest
                self._deliver(self._chunks.body)
        elif self._reply.body_bytes is None:
            self._parts.append(data)
        else:
            self._parts.append(data[: self._missing])
            self._received = data[self._missing :]
            self._missing -= len(self._parts[-1])
            if not self._missing:
                self._deliver(b"".join(self._parts) if len(self._parts) > 1 else self._parts[0])
        return True

    def _take_head(self) -> bool:
        end = self._received.find(HEAD_END)
        if end < 0:
            if len(self._received) > MAX_HEAD_BYTES:
                raise ProtocolError(f"a reply's head is longer than {MAX_HEAD_BYTES} bytes")
            return False
        reply = read_head(self._received[:end], self._templates)
        self._received = self._received[end + len(HEAD_END) :]
        if reply.status < 200:
            return True  # 100 Continue and its like announce the real reply
        self._reply = reply
        if reply.template.chunked and not reply.template.has_no_body:
            self._chunks = ChunkedBody()
        elif reply.body_bytes == 0:
            self._deliver(b"")
        else:
            self._missing = reply.body_bytes or 0
        return True

    def _deliver(self, body: bytes) -> None:
        reply = self._reply
        assert reply is not None
        self._reply, self._chunks, self._parts = None, None, []
        reply.body = body
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)
        else:
            self._replies.append(reply)
        if reply.template.last:
            self._end(ConnectionResetError("the far side said that it closes the connection"))
