"""Chunked bodies of HTTP/1.1 as bytes, RFC 9112 section 7.1. Imported when the first one comes or goes.

A platform that does not know how long an event is sends it so, and a streamed response is always sent so.
"""

from pylambda.runtime_api.wire import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_LENGTH_DIGITS, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HEX_DIGITS = b"0123456789abcdefABCDEF"
CRLF = b"\r\n"


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
        if len(digits) > MAX_LENGTH_DIGITS or (size := int(digits, 16)) > MAX_BODY_BYTES:
            raise ProtocolError(f"a chunk is past {MAX_BODY_BYTES} bytes: {line[:80]!r}")
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


def read_chunks(begin: bytes, receive: "Callable[[], bytes]") -> tuple[bytes, bytes]:
    """Return a chunked body, and what came behind it.

    Args:
        begin: what is there already.
        receive: returns more; nothing where there will be none.

    Raises:
        ConnectionResetError: there is none before the end.
        ProtocolError: a chunk's size or end is not one.
    """
    chunks = ChunkedBody()
    chunks.feed(begin)
    while not chunks.done:
        received = receive()
        if not received:
            raise ConnectionResetError("the connection was closed in the middle of a chunked reply")
        chunks.feed(received)
    return chunks.body, chunks.rest


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
