"""One keep-alive connection to the Runtime API. Owns the socket and no framing: that is `wire`.

No read ever times out: Lambda freezes the environment between invocations, for hours if nobody calls. No proxy of the
environment is used: the Runtime API is on this machine.

A connection that was used before may be found closed by the far side. A request that this happens to is sent again, on
a new one; `again` says how often, and why that may be.

A request may carry another one behind it in the same write (RFC 9112, section 9.3.2), which saves a system call and a
wake-up. If the connection ends between the two replies, the second has to be sent again.
"""

from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    MSG_DONTWAIT,
    MSG_PEEK,
    MSG_WAITALL,
    SOCK_STREAM,
    TCP_NODELAY,
    socket,
)
from posix import set_inheritable

from pylambda.log.failures import exhaustion
from pylambda.runtime_api.wire import HEAD_END, MAX_HEAD_BYTES, ProtocolError, Reply, Template, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.faults import ApiFault

RECEIVE_BYTES = 1 << 13
# EBADF, ENOTSOCK: the function has closed every descriptor, as daemons do, and may have opened another in its place.
NOT_OURS = 9, 88
ACCEPTED = 202
JOIN_BYTES = 1 << 14  # up to here a copy of the body is cheaper than a second element in the system call


class Connection:
    """Exchanges requests for replies, one at a time; connects when there is need.

    Args:
        host: name or address of the far side.
        port: its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket: socket | None = None
        self._unread = b""
        self._templates: dict[int, Template] = {}
        # The last acceptance of an answer, and its bytes: the next one has the same, unless it says the time and that
        # has changed. Until there was one, no reply begins like it.
        self._accepted_bytes = b"\0"
        self._accepted: Reply | None = None
        self._owed = False  # whether a request was sent ahead and its reply not yet read

    def exchange(self, head: bytes, body: bytes = b"", ahead: bytes = b"") -> Reply:
        """Send a request and read its reply, on the open connection or on a new one.

        Args:
            head: the request line and headers, with the blank line.
            body: the request's body.
            ahead: another whole request; its reply is for `read_ahead`.

        Raises:
            ApiFault: TransportError where none worked, NoDescriptors where there is none for a new one.
        """
        try:
            if self._socket is not None:
                try:
                    return self._exchange_once(self._socket, head, body, ahead)
                except OSError as error:
                    self._let_go(error)
            try:
                return self._exchange_once(self._connect(), head, body, ahead)
            except ConnectionError as error:
                from pylambda.runtime_api.again import exchange_again

                return exchange_again(error, lambda: self._exchange_once(self._connect(), head, body, ahead))
        except (OSError, ProtocolError) as error:
            raise self._fail(head, error) from None

    def read_ahead(self) -> Reply | None:
        """Read the reply to the request that was sent ahead.

        Returns:
            None where none was, or the connection ended before its reply: then it has to be sent.

        Raises:
            TransportError: the reply is not HTTP.
        """
        if not self._owed or self._socket is None:
            return None
        self._owed = False
        try:
            try:
                return self._read_reply(self._socket)
            except OSError as error:
                self._let_go(error)
                return None
        except (OSError, ProtocolError) as error:
            raise self._fail(b"a request sent ahead", error) from None

    def begin(self, first: bytes) -> None:
        """Send the beginning of a request whose rest is not there yet, on the open connection or on a new one.

        Args:
            first: the request line, the headers and some of the body.

        Raises:
            TransportError: neither worked.
        """
        try:
            if self._socket is not None:
                try:
                    return self._socket.sendall(first)
                except OSError as error:
                    self._let_go(error)
            self._connect().sendall(first)
        except OSError as error:
            raise self._fail(first, error) from None

    def go_on(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        """Send more of the request that was begun, in three parts so that a large one need not be copied.

        Raises:
            TransportError: the connection fails, or the far side has closed it or answered already. An answer is
                there for `read_reply`.
        """
        try:
            if self._socket is None:
                raise ConnectionResetError("the connection is closed")
            if _has_something_to_say(self._socket):
                raise ConnectionAbortedError("the far side closed the connection, or answered before the end")
            _send_parts(self._socket, head, body, tail)
        except OSError as error:
            raise _fault(str(error), error) from None

    def read_reply(self) -> Reply:
        """Read the reply to the request that was begun.

        Raises:
            TransportError: there is none.
        """
        try:
            if self._socket is None:
                raise ConnectionResetError("the connection is closed")
            return self._read_reply(self._socket)
        except (OSError, ProtocolError) as error:
            raise self._fail(b"a request that was begun", error) from None

    def outlive_this_program(self) -> None:
        """Stay open in the program that this process will run in the place of this one."""
        if self._socket is not None:
            set_inheritable(self._socket.fileno(), True)

    def close(self) -> None:
        """Drop the connection; the next exchange makes a new one."""
        if self._socket is not None:
            try:
                self._socket.close()
            except OSError:
                pass  # closed already, by the function
        self._socket, self._unread, self._owed = None, b"", False

    def _let_go(self, error: OSError) -> None:
        """Drop the connection where that is what `error` says; raise it again where it is not."""
        if error.errno in NOT_OURS and self._socket is not None:
            self._socket.detach()
        elif not isinstance(error, ConnectionError):
            raise error
        self.close()

    def _exchange_once(self, connection: socket, head: bytes, body: bytes, ahead: bytes) -> Reply:
        self._owed = bool(ahead)
        try:
            if len(body) <= JOIN_BYTES:
                connection.sendall(head + body + ahead)
            else:
                _send_parts(connection, head, body, ahead)
        except ConnectionError as broken:
            # The far side may have refused a body that is too large before it read all of it.
            try:
                reply = self._read_reply(connection)
            except (OSError, ProtocolError):
                raise broken from None
            self.close()
            return reply
        return self._read_reply(connection)

    def _connect(self) -> socket:
        self.close()
        connection = socket(AF_INET6 if ":" in self._address[0] else AF_INET, SOCK_STREAM)
        try:
            connection.settimeout(None)  # whatever default the function set for its own sockets
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            connection.connect(self._address)
        except BaseException:
            connection.close()
            raise
        self._socket = connection
        return connection

    def _fail(self, head: bytes, error: Exception) -> "ApiFault":
        self.close()
        host, port = self._address
        request = head.partition(b" HTTP/1.1\r\n")[0].decode(errors="replace")
        return _fault(f"{request} to the Runtime API at {host}:{port} failed: {error}", error)

    def _read_reply(self, connection: socket) -> Reply:
        received = self._unread or connection.recv(RECEIVE_BYTES)
        if received.startswith(self._accepted_bytes) and self._accepted is not None:
            self._unread = received[len(self._accepted_bytes) :]
            return self._accepted
        while True:
            while (end := received.find(HEAD_END)) < 0:
                received = self._receive_more(connection, received)
            begin = end + 4
            reply = read_head(received[:end], self._templates)
            if reply.status >= 200:
                break
            received = received[begin:]  # 100 Continue and its like announce the real reply
        if reply.template.chunked:
            reply.body = self._read_chunks(connection, received[begin:])
        elif reply.body_bytes is None:
            reply.body = self._read_to_end(connection, received[begin:])
        elif begin + reply.body_bytes > len(received):
            reply.body = self._read_exactly(connection, received[begin:], reply.body_bytes)
        else:
            end = begin + reply.body_bytes
            reply.body, self._unread = received[begin:end], received[end:]
            if reply.status == ACCEPTED and not reply.template.last:
                self._accepted, self._accepted_bytes = reply, received[:end]
        if reply.template.last:
            self.close()
        return reply

    def _receive_more(self, connection: socket, received: bytes) -> bytes:
        if len(received) > MAX_HEAD_BYTES:
            raise ProtocolError(f"a reply's head is longer than {MAX_HEAD_BYTES} bytes")
        more = connection.recv(RECEIVE_BYTES)
        if not more:
            moment = "in the middle of" if received else "before"
            raise ConnectionResetError(f"the connection was closed {moment} a reply")
        return received + more if received else more

    def _read_exactly(self, connection: socket, begin: bytes, length: int) -> bytearray:
        body = bytearray(length)
        body[: len(begin)] = begin
        rest = memoryview(body)[len(begin) :]
        self._unread = b""
        while rest:
            # One system call for the whole rest, unless a signal comes between.
            count = connection.recv_into(rest, 0, MSG_WAITALL)
            if not count:
                raise ConnectionResetError(f"the connection was closed {len(rest)} bytes before the end of a reply")
            rest = rest[count:]
        return body

    def _read_chunks(self, connection: socket, begin: bytes) -> bytes:
        from pylambda.runtime_api.chunks import read_chunks

        body, self._unread = read_chunks(begin, lambda: connection.recv(RECEIVE_BYTES))
        return body

    def _read_to_end(self, connection: socket, begin: bytes) -> bytes:
        parts = [begin]
        while received := connection.recv(RECEIVE_BYTES):
            parts.append(received)
        self.close()
        return b"".join(parts)


def _fault(message: str, error: Exception) -> "ApiFault":
    if fault := exhaustion(error, message):
        return fault
    from pylambda.faults import TransportError

    return TransportError(message)


def _has_something_to_say(connection: socket) -> bool:
    """Whether the far side sent bytes or closed: before the end of a request it does so only to refuse it."""
    try:
        connection.recv(1, MSG_PEEK | MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return True


def _send_parts(connection: socket, *parts: bytes) -> None:
    sent = connection.sendmsg(parts)
    for part in parts:
        if sent < len(part):
            connection.sendall(memoryview(part)[sent:])
        sent = max(0, sent - len(part))
