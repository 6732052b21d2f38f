"""Response streaming: what a handler may stream, and the life of one streamed response. Imported when first needed.

The decision to stream is made as late as can be. Nothing is sent before the first chunk exists, so a handler that
fails before it fails in the ordinary way; from then on the platform hears of a failure in the trailers. Each chunk
leaves before the next one is asked for, so memory holds one chunk, and a client that went away is noticed at the
next one: then the generator is closed, and its `finally` runs.

    AWAITING  nothing is sent   -> write: STREAMING     finish: ENDED (a body without bytes)
    STREAMING the head is sent  -> write: STREAMING     finish: ENDED     the far side goes away: ENDED
    ENDED     nothing may follow

The connection is the API client's; this module hands it what `chunks` frames.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, "Response streaming", and for what it
leaves out (the prelude, laziness) the Node runtime interface client 4.0, `HttpResponseStream.js`.
"""

from base64 import b64encode
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.faults import InvalidResponse, TransportError
from pylambda.payload import codec
from pylambda.runtime_api.chunks import chunk_parts, chunks_end

if TYPE_CHECKING:
    from pylambda.function.aio import Runner
    from pylambda.runtime_api.client import Report
    from pylambda.runtime_api.connection import Connection

    Chunk = bytes | bytearray | memoryview | str
    Body = Iterable[Chunk] | AsyncIterable[Chunk]

# Parts the JSON at the head of a streamed HTTP response from its body.
PRELUDE_END = bytes(8)


class PlainStream(codec.Stream):
    """The chunks of a handler that is a generator: no status, no headers.

    Args:
        body: the chunks; `bytes` or one `str` are a body of one chunk.
    """

    content_type = names.OCTET_STREAM

    def __init__(self, body: "Body") -> None:
        if not hasattr(body, "__iter__") and not hasattr(body, "__aiter__"):
            raise TypeError(f"a streamed body must be an iterable of bytes or str, not {type(body).__name__}")
        self.body = body

    def chunks(self, runner: "Callable[[], Runner]") -> "Iterator[Chunk]":
        """Return the body's own iterator; closing it, where it can be closed, closes the body.

        Args:
            runner: gives the event loop, for an asynchronous body.
        """
        body: Any = self.body
        if isinstance(body, (bytes, bytearray, memoryview, str)):
            return iter((body,))
        if hasattr(body, "__aiter__"):
            return runner().iterate(body)
        return iter(body)

    def collect(self, runner: "Callable[[], Runner]") -> tuple[bytes, str]:
        """Return all of it at once with its content type, for a far side that would not stream it.

        Raises:
            Exception: what the body raises.
            TypeError: a chunk is neither `bytes` nor `str`.
        """
        return b"".join(map(to_bytes, PlainStream.chunks(self, runner))), self.content_type


class StreamingResponse(PlainStream):
    """An HTTP response that is streamed: return it from a handler.

    Args:
        body: an iterable or asynchronous iterable of `bytes` or `str`, which is sent as UTF-8.
        status_code: of the HTTP response.
        headers: of the HTTP response; without a content type it is `application/octet-stream`.
        cookies: each as a `Set-Cookie` header has it.

    Raises:
        TypeError: the body cannot be iterated.
    """

    content_type = names.HTTP_INTEGRATION

    def __init__(
        self,
        body: "Body",
        status_code: int = 200,
        headers: "Mapping[str, str] | None" = None,
        cookies: "Sequence[str]" = (),
    ) -> None:
        super().__init__(body)
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.cookies = list(cookies)

    @property
    def metadata(self) -> dict[str, Any]:
        """Status, headers and cookies, as a function URL and API Gateway read them."""
        headers = {name: str(value) for name, value in self.headers.items()}
        if not any(name.lower() == "content-type" for name in headers):
            headers["content-type"] = names.OCTET_STREAM
        return {"statusCode": int(self.status_code), "headers": headers, "cookies": self.cookies}

    def chunks(self, runner: "Callable[[], Runner]") -> "Generator[Chunk, None, None]":
        """Yield the prelude once the first chunk exists or none will, then the body."""
        body = super().chunks(runner)
        try:
            first = next((piece for piece in body if piece), b"")
            yield codec.to_json(self.metadata) + PRELUDE_END
            yield first
            del first
            yield from body
        finally:
            close(body)

    def collect(self, runner: "Callable[[], Runner]") -> tuple[bytes, str]:
        """Return the response as an API Gateway proxy integration has it: JSON, base64 where it is not UTF-8."""
        body, _ = super().collect(runner)
        try:
            result = {**self.metadata, "body": body.decode()}
        except UnicodeDecodeError:
            result = {**self.metadata, "body": b64encode(body).decode(), "isBase64Encoded": True}
        return codec.to_json(result), names.JSON


def to_bytes(chunk: "Chunk") -> bytes:
    """Return a chunk's bytes; text is UTF-8.

    Raises:
        TypeError: it is neither text nor bytes.
    """
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"a streamed chunk must be bytes or str, not {type(chunk).__name__}")


def close(iterator: object) -> None:
    """Close an iterator that can be closed, as generators can."""
    method = getattr(iterator, "close", None)
    if method is not None:
        method()


class State(Enum):
    """Where a streamed response stands; the module's head says what may follow."""

    AWAITING = "nothing is sent"
    STREAMING = "the head and a chunk are sent"
    ENDED = "nothing may follow"


class ClientGone(Exception):
    """Raised when the far side takes no more: it closed the connection, or answered before the end."""


class ResponseStream:
    """One streamed response on its way out.

    Args:
        head: the request's head.
        connection: takes it; what the far side replies is not read here.

    Attributes:
        state: what may follow.
        body_bytes: how much of the body was sent.
        gone: why the far side took no more; empty while it does.
    """

    def __init__(self, head: bytes, connection: "Connection") -> None:
        self.state = State.AWAITING
        self.body_bytes = 0
        self.gone = ""
        self._head = head
        self._connection = connection

    def send(self, chunks: "Iterable[Chunk]") -> None:
        """Write every chunk as it comes, empty ones left out, then the end; close the iterator whatever happens.

        Raises:
            Exception: what the iterator raises; `state` tells whether anything had been sent by then.
            TypeError: a chunk is neither `bytes` nor `str`.
        """
        pieces = iter(chunks)
        try:
            for piece in pieces:
                if chunk := to_bytes(piece):
                    self.write(chunk)
            self.finish()
        except ClientGone:
            pass  # `gone` says why
        finally:
            close(pieces)

    def write(self, data: bytes) -> None:
        """Send one chunk; the first one takes the head along.

        Args:
            data: at least one byte.

        Raises:
            InvalidResponse: the stream has ended.
            ClientGone: the far side takes no more.
        """
        self._send(*chunk_parts(data))
        self.body_bytes += len(data)

    def finish(self, trailers: str = "") -> None:
        """Send the end.

        Args:
            trailers: header lines, each with its line end.

        Raises:
            InvalidResponse: the stream has ended.
            ClientGone: the far side takes no more.
        """
        self._send(chunks_end(trailers))
        self.state = State.ENDED

    def fail(self, report: "Report") -> None:
        """Send the end with an error in its trailers, where the far side still takes it.

        Raises:
            InvalidResponse: the stream has ended.
        """
        document = b64encode(report.body).decode()
        trailers = f"{names.SEND_ERROR_TYPE}: {report.platform_error_type}\r\n{names.SEND_ERROR_BODY}: {document}\r\n"
        with suppress(ClientGone):
            self.finish(trailers)

    def _send(self, *parts: bytes) -> None:
        if self.state is State.ENDED:
            raise InvalidResponse("the streamed response has ended, nothing can be written to it any more")
        try:
            if self.state is State.AWAITING:
                self._connection.begin(b"".join((self._head, *parts)))
                self.state = State.STREAMING
            else:
                self._connection.go_on(*parts)
        except TransportError as error:
            self.state, self.gone = State.ENDED, str(error)
            raise ClientGone(self.gone) from None
