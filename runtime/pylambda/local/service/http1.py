"""An HTTP/1.1 server on asyncio: `h11` reads and writes the bytes, a task answers each request.

A request is handed over when its head is there, so that a body can be passed on while it arrives. Requests of one
connection are answered one after the other, also where the client did not wait, as the runtime does not.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import h11

from pylambda.local.service.exchange import GONE, Exchange, Gone, encoded
from pylambda.local.service.launch import BACKLOG

# The X-Ray cause of an error may take 1 MiB of a head, and comes from our own runtime alone.
MAX_HEAD_BYTES = 2 << 20
HEAD_END = b"\r\n\r\n"

Handler = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """A client's connection.

    Args:
        server: whose it is.
    """

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading = True
        self.lost = False
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        connected = transport.get_extra_info("socket")
        # Without it a router between forgets a connection on which nothing moves for some minutes.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come that is not answered yet."""
        http = self._http
        return http.our_state is http.their_state is h11.IDLE and not http.trailing_data[0]

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._server.connections.discard(self)
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._exchange is not None:
            self._exchange.lose()

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def _advance(self) -> None:
        while not self.lost:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error)
                return
            if isinstance(event, h11.Request):
                self._exchange = Exchange(self, event)
                self._task = asyncio.get_running_loop().create_task(self._answer(self._exchange))
            elif isinstance(event, h11.Data) and self._exchange is not None:
                self._exchange.feed(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and self._exchange is not None:
                self._exchange.complete({n.decode("latin-1"): v.decode("latin-1") for n, v in event.headers})
            else:
                return

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._server.handler(exchange)
        except Gone:
            self.close()
        except Exception as error:
            self._server.on_bug(error)
            if not exchange.started:
                with suppress(Gone):
                    await exchange.reply(500, b"pylambda serve has a bug; its log has the traceback\n")
        self._exchange = None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self.close()

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self._exchange is None:
            text = f"{error}\n".encode()
            head = [("Content-Length", str(len(text))), ("Connection", "close")]
            for event in (
                h11.Response(status_code=error.error_status_hint, headers=encoded(head)),
                h11.Data(data=text),
                h11.EndOfMessage(),
            ):
                self.write(event)
        self.close()

    def write(self, *events: h11.Event) -> None:
        """Send pieces of an answer, in one go.

        Raises:
            Gone: the client has left.
        """
        if self.lost or self._transport is None:
            raise Gone(GONE)
        data = b"".join([self._http.send(event) or b"" for event in events])
        if data:
            self._transport.write(data)

    async def writable(self) -> None:
        """Return once the client has taken enough of what was written."""
        if self._drained is not None:
            await self._drained
        if self.lost:
            raise Gone(GONE)

    def ask_for_body(self) -> None:
        """Send the `100 Continue` for which a client waits before it sends a long body, as curl does."""
        if self._http.they_are_waiting_for_100_continue:
            self.write(h11.InformationalResponse(status_code=100, headers=[]))

    def pause_reading(self) -> None:
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading and self._transport is not None and not self.lost:
            self._reading = True
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Server:
    """Listening sockets and their connections.

    Args:
        handler: answers one request.
        on_bug: told of an exception that the handler did not expect.
        make: makes a connection.
    """

    def __init__(
        self, handler: Handler, on_bug: Callable[[Exception], None], make: "Callable[[Server], Connection]" = Connection
    ) -> None:
        self.handler = handler
        self._make = make
        self.on_bug = on_bug
        self.connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Answer who connects to these, which are closed at the end."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            self._servers.append(await loop.create_server(lambda: self._make(self), sock=one, backlog=BACKLOG))

    def close(self) -> None:
        """Listen no more, and cut off who is still there."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.close()
