"""The least that a server of asyncio and h11 does: it answers each request with its body. No function is behind it.

    python least_server.py PORT

What `pylambda serve` stands on, so neither its start nor a call of it can be shorter.
"""

import asyncio
import sys

import h11


class Echo(asyncio.Protocol):
    """A client's connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._http = h11.Connection(h11.SERVER)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        while (event := self._http.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
                return
            elif isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return

    def _answer(self) -> None:
        body, self._body = self._body, b""
        head = h11.Response(status_code=200, reason=b"OK", headers=[("Content-Length", str(len(body)))])
        events: list[h11.Event] = [head, h11.Data(data=body), h11.EndOfMessage()]
        self._transport.write(b"".join([self._http.send(event) or b"" for event in events]))
        self._http.start_next_cycle()


async def serve(port: int) -> None:
    """Serve until a signal ends the process."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
