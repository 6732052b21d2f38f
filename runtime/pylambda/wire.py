"""HTTP/1.1 as bytes. Knows heads, lengths and chunks; knows no socket.

The Runtime API is one server that speaks to one client over one connection, so this is the small part of RFC 9112
that it uses.
"""

HEAD_END = b"\r\n\r\n"
# A head holds the client context (at most 3583 bytes from the platform) and little else; past this it is no head.
MAX_HEAD_BYTES = 1 << 20
HEX_DIGITS = b"0123456789abcdefABCDEF"
CRLF = b"\r\n"
# Parts the JSON at the head of a streamed HTTP response from its body.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, "Response streaming".
PRELUDE_END = bytes(8)


class ProtocolError(ValueError):
    """Raised when bytes that should be a reply are not one."""


class Reply:
    """One reply: its status, its headers and, once read, its body.

    Args:
        head: the bytes before the blank line.

    Attributes:
        head: the same.
        status: the HTTP status.
        body: empty until it was read.
        body_bytes: the body's length, by the rules of RFC 9112 section 6.3; None where the connection's end ends it.
        chunked: whether the body comes in chunks.
        last: whether the far side closes the connection after this reply.

    Raises:
        ProtocolError: the first line is not a status line, or Content-Length is not a number.
    """

    __slots__ = ("_headers", "body", "body_bytes", "chunked", "head", "last", "status")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.body: bytes | bytearray = b""
        try:
            if not head.startswith(b"HTTP/1."):
                raise ValueError
            self.status = int(head[9:12])
        except ValueError:
            raise ProtocolError(f"not an HTTP/1.1 status line: {head[:80]!r}") from None
        self._headers: dict[bytes, bytes] = {}
        for line in head.split(CRLF)[1:]:
            name, _, value = line.partition(b":")
            self._headers[name.lower()] = value
        self.chunked = "chunked" in (self.header(b"transfer-encoding") or "").lower()
        self.body_bytes = self._length()
        connection = (self.header(b"connection") or "").lower()
        self.last = "close" in connection or (head.startswith(b"HTTP/1.0") and "keep-alive" not in connection)

    def header(self, name: bytes) -> str | None:
        """Return a header's value by its lower-case name; None where it is absent or empty."""
        value = self._headers.get(name)
        return value.strip().decode("utf-8", "surrogateescape") or None if value else None

    def _length(self) -> int | None:
        if self.status < 200 or self.status in (204, 304):
            return 0
        length = self.header(b"content-length")
        if length is None:
            return None
        if not (length.isascii() and length.isdigit()):
            raise ProtocolError(f"Content-Length is not a number: {length!r}")
        return int(length)


class ChunkedBody:
    """Takes a chunked body apart as its bytes arrive.

    Attributes:
        done: whether the last chunk and the trailers were seen.
        rest: what came after them, once `done`.
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._unread = b""
        self._chunks: list[bytes] = []
        self._seen_last_chunk = False

    @property
    def body(self) -> bytes:
        """The bytes of all chunks so far."""
        return b"".join(self._chunks)

    def feed(self, received: bytes) -> None:
        """Take what the socket gave.

        Raises:
            ProtocolError: a chunk's size or end is not one.
        """
        self._unread += received
        while not self.done and self._take_one():
            pass

    def _take_one(self) -> bool:
        line_end = self._unread.find(b"\r\n")
        if line_end < 0:
            if len(self._unread) > MAX_HEAD_BYTES:
                raise ProtocolError("a chunk's size line does not end")
            return False
        line = self._unread[:line_end]
        if self._seen_last_chunk:
            # Trailers: lines up to an empty one. The Runtime API sends none that matter here.
            self._unread = self._unread[line_end + 2 :]
            if not line:
                self.done, self.rest, self._unread = True, self._unread, b""
            return True
        digits = line.partition(b";")[0].strip()
        if not digits or digits.strip(HEX_DIGITS):
            raise ProtocolError(f"not a chunk size: {line[:80]!r}")
        size = int(digits, 16)
        if size == 0:
            self._seen_last_chunk = True
            self._unread = self._unread[line_end + 2 :]
            return True
        start, end = line_end + 2, line_end + 2 + size
        if len(self._unread) < end + 2:
            return False
        if self._unread[end : end + 2] != b"\r\n":
            raise ProtocolError("a chunk does not end where its size says")
        self._chunks.append(self._unread[start:end])
        self._unread = self._unread[end + 2 :]
        return True


def chunk_parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what to send, in this order, for one chunk; three parts, so that large data need not be copied.

    Args:
        data: at least one byte, because a chunk of none ends the body (RFC 9112 section 7.1).

    Raises:
        ValueError: it is empty.
    """
    if not data:
        raise ValueError("an empty chunk would end the body")
    return b"%x\r\n" % len(data), data, CRLF


def chunks_end(trailers: str = "") -> bytes:
    """Return the end of a chunked body.

    Args:
        trailers: header lines, each with its line end.
    """
    return b"0\r\n" + trailers.encode() + CRLF
