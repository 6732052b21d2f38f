"""The Runtime API over one keep-alive connection. Owns the socket and no framing: that is `wire`.

`next` waits as long as it takes: Lambda freezes the environment between invocations, for hours if nobody calls.
So no read ever times out, and no proxy of the environment is used: the Runtime API is on this machine.

A connection that was used before may be found closed by the far side. A request that this happens to is sent once
more, on a new one: `/next` gives the same event again until it is answered, and an answer that did arrive the first
time is refused with 403, which is a log line.
"""

import sys
from _socket import AF_INET, AF_INET6, IPPROTO_TCP, MSG_WAITALL, SOCK_STREAM, TCP_NODELAY, socket

from pylambda import names
from pylambda.faults import BadEndpoint, NotInLambda, TransportError, UnexpectedStatus
from pylambda.invocation import Invocation
from pylambda.wire import HEAD_END, MAX_HEAD_BYTES, ChunkedBody, ProtocolError, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pylambda.reports import Report

RECEIVE_BYTES = 1 << 16
# Up to here a copy of the body behind its head is cheaper than a second element in the system call.
JOIN_BYTES = 1 << 14
# Answers that cost one log line: an invocation that is over (400, 403, 410), a response that is too large (413).
# The platform has told the caller already. Source: the emulator's replies, and Node's and Rust's runtimes.
FORGIVEN = {
    400: "the invocation is not known (any more)",
    403: "the invocation was answered already",
    410: "the invocation timed out",
    413: "the response is larger than the platform takes",
}


def parse_endpoint(endpoint: str) -> tuple[str, int]:
    """Return host and port of `host:port`.

    Raises:
        NotInLambda: `endpoint` is empty.
        BadEndpoint: it is not `host:port`.
    """
    if not endpoint:
        raise NotInLambda(
            f"{names.RUNTIME_API} is not set, so there is no Runtime API to ask for work",
            hint="outside Lambda start the function through entry_script.sh, which starts the emulator",
        )
    host, _, port = endpoint.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or "/" in host:
        raise BadEndpoint(
            f"{names.RUNTIME_API} is {endpoint!r}",
            hint="it must be host:port, such as 127.0.0.1:9001, without http://",
        )
    return host.strip("[]"), int(port)


class RuntimeApi:
    """One client of the Runtime API.

    Args:
        endpoint: `host:port`.
        warn: takes one line about a request that was refused but does not end the run.

    Raises:
        NotInLambda, BadEndpoint: see `parse_endpoint`.
    """

    def __init__(self, endpoint: str, warn: "Callable[[str], None]") -> None:
        self._address = parse_endpoint(endpoint)
        self._warn = warn
        self._socket: socket | None = None
        self._unread = b""
        python = ".".join(map(str, sys.version_info[:3]))
        self._common = f" HTTP/1.1\r\nHost: {endpoint}\r\nUser-Agent: pylambda/{python}-{names.VERSION}\r\n"
        self._next_request = f"GET {names.NEXT_PATH}{self._common}\r\n".encode()

    def next(self) -> Invocation:
        """Wait for the next invocation.

        Raises:
            TransportError: the connection fails, or the reply is not HTTP.
            UnexpectedStatus: the reply is not 200.
            MissingRequestId: the reply has no request id.
        """
        reply = self._exchange("GET " + names.NEXT_PATH, self._next_request, b"")
        if reply.status != 200:
            raise UnexpectedStatus("GET " + names.NEXT_PATH, reply.status, reply.body)
        return Invocation(reply)

    def respond(self, invocation: Invocation, body: bytes, content_type: str) -> None:
        """Answer an invocation with the handler's result.

        Raises:
            UnexpectedStatus: the reply's status ends the run.
        """
        path = f"{names.INVOCATION_PATH}{invocation.request_id}/response"
        headers = f"{names.SEND_CONTENT_TYPE}: {content_type}\r\n"
        self._answer(path, headers, invocation, body)

    def fail(self, invocation: Invocation, report: "Report", body: bytes) -> None:
        """Answer an invocation with an error.

        Args:
            invocation: what failed.
            report: for the headers.
            body: the report's document as JSON.

        Raises:
            UnexpectedStatus: the reply's status ends the run.
        """
        path = f"{names.INVOCATION_PATH}{invocation.request_id}/error"
        headers = (
            f"{names.SEND_CONTENT_TYPE}: {names.JSON}\r\n"
            f"{names.SEND_ERROR_TYPE}: {report.platform_error_type}\r\n"
            f"{names.SEND_XRAY_CAUSE}: {report.xray_cause}\r\n"
        )
        self._answer(path, headers, invocation, body)

    def fail_init(self, report: "Report", body: bytes) -> None:
        """Tell the platform that the function could not be loaded.

        Raises:
            TransportError: the connection fails.
            UnexpectedStatus: the reply is not 202.
        """
        # The document's own type, as the official client sends it; one that no header can hold is Unknown.
        error_type = report.error_type if report.error_type.isascii() else report.platform_error_type
        headers = f"{names.SEND_ERROR_TYPE}: {error_type}\r\n{names.SEND_CONTENT_TYPE}: {names.JSON}\r\n"
        reply = self._post(names.INIT_ERROR_PATH, headers, body)
        if reply.status != 202:
            raise UnexpectedStatus("POST " + names.INIT_ERROR_PATH, reply.status, reply.body)

    def _answer(self, path: str, headers: str, invocation: Invocation, body: bytes) -> None:
        if invocation.invocation_id is not None:
            headers += f"{names.SEND_INVOCATION_ID}: {invocation.invocation_id}\r\n"
        try:
            reply = self._post(path, headers, body)
        except TransportError as fault:
            # The invocation is lost, the environment may not be: if it is, the next request says so and ends the run.
            self._warn(f"the answer of {len(body)} bytes to {invocation.request_id} was not delivered: {fault}")
            return
        if 200 <= reply.status < 300:
            return
        reason = FORGIVEN.get(reply.status)
        if reason is None:
            raise UnexpectedStatus("POST " + path, reply.status, reply.body)
        detail = reply.body[:500].decode(errors="replace")
        self._warn(f"the answer to {invocation.request_id} was refused, {reply.status}: {reason}: {detail}")

    def _post(self, path: str, headers: str, body: bytes) -> Reply:
        head = f"POST {path}{self._common}{headers}{names.SEND_CONTENT_LENGTH}: {len(body)}\r\n\r\n"
        return self._exchange("POST " + path, head.encode("utf-8", "surrogateescape"), body)

    def _exchange(self, request: str, head: bytes, body: bytes) -> Reply:
        """Send one request and read its reply, on the open connection or on a new one.

        Raises:
            TransportError: neither worked.
        """
        if self._socket is not None:
            try:
                return self._exchange_once(self._socket, head, body)
            except ConnectionError:
                self.close()
            except (OSError, ProtocolError) as error:
                raise self._transport_error(request, error) from None
        try:
            return self._exchange_once(self._connect(), head, body)
        except (OSError, ProtocolError) as error:
            raise self._transport_error(request, error) from None

    def _exchange_once(self, connection: socket, head: bytes, body: bytes) -> Reply:
        try:
            _send(connection, head, body)
        except ConnectionError as broken:
            # The far side may have refused a body that is too large before it read all of it.
            try:
                return self._read_reply(connection)
            except (OSError, ProtocolError):
                raise broken from None
        return self._read_reply(connection)

    def _connect(self) -> socket:
        connection = socket(AF_INET6 if ":" in self._address[0] else AF_INET, SOCK_STREAM)
        try:
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            connection.connect(self._address)
        except BaseException:
            connection.close()
            raise
        self._socket = connection
        return connection

    def close(self) -> None:
        """Drop the connection; the next request makes a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._unread = None, b""

    def _transport_error(self, request: str, error: Exception) -> TransportError:
        self.close()
        host, port = self._address
        return TransportError(f"{request} to the Runtime API at {host}:{port} failed: {error}")

    def _read_reply(self, connection: socket) -> Reply:
        reply = self._read_head(connection)
        while reply.status < 200:  # 100 Continue and its like announce the real reply
            reply = self._read_head(connection)
        if reply.chunked:
            reply.body = self._read_chunks(connection)
        else:
            length = reply.body_bytes
            reply.body = self._read_to_end(connection) if length is None else self._read_exactly(connection, length)
        if reply.last:
            self.close()
        return reply

    def _read_head(self, connection: socket) -> Reply:
        received = self._unread
        while (end := received.find(HEAD_END)) < 0:
            if len(received) > MAX_HEAD_BYTES:
                raise ProtocolError(f"a reply's head is longer than {MAX_HEAD_BYTES} bytes")
            more = connection.recv(RECEIVE_BYTES)
            if not more:
                moment = "in the middle of" if received else "before"
                raise ConnectionResetError(f"the connection was closed {moment} a reply")
            received = received + more if received else more
        self._unread = received[end + 4 :]
        return Reply(received[:end])

    def _read_exactly(self, connection: socket, length: int) -> bytes:
        body, self._unread = self._unread[:length], self._unread[length:]
        if len(body) == length:
            return body
        parts = [body]
        missing = length - len(body)
        while missing:
            # One system call and one buffer for the whole rest, unless a signal comes between.
            part = connection.recv(missing, MSG_WAITALL)
            if not part:
                raise ConnectionResetError(f"the connection was closed {missing} bytes before the end of a reply")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _read_chunks(self, connection: socket) -> bytes:
        chunks = ChunkedBody()
        chunks.feed(self._unread)
        while not chunks.done:
            received = connection.recv(RECEIVE_BYTES)
            if not received:
                raise ConnectionResetError("the connection was closed in the middle of a chunked reply")
            chunks.feed(received)
        self._unread = chunks.rest
        return chunks.body

    def _read_to_end(self, connection: socket) -> bytes:
        parts = [self._unread]
        while received := connection.recv(RECEIVE_BYTES):
            parts.append(received)
        self.close()
        return b"".join(parts)


def _send(connection: socket, head: bytes, body: bytes) -> None:
    if len(body) <= JOIN_BYTES:
        connection.sendall(head + body)
        return
    sent = connection.sendmsg((head, body))
    if sent < len(head):
        connection.sendall(head[sent:])
        sent = len(head)
    if sent < len(head) + len(body):
        connection.sendall(memoryview(body)[sent - len(head) :])
