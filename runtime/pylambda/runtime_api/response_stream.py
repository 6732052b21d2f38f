"""The life of one streamed response on its way out. Imported when the first one leaves.

The decision to stream is made as late as can be. Nothing is sent before the first chunk exists, so a handler that
fails before it fails in the ordinary way; from then on the platform hears of a failure in the trailers. Each chunk
leaves before the next one is asked for, so memory holds one chunk, and a client that went away is noticed at the
next one: then the generator is closed, and its `finally` runs.

    AWAITING  nothing is sent   -> write: STREAMING     finish: ENDED (a body without bytes)
    STREAMING the head is sent  -> write: STREAMING     finish: ENDED     the far side goes away: ENDED
    ENDED     nothing may follow

The connection is the API client's; this module hands it what `chunks` frames.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, "Response streaming", and for what it
leaves out (laziness) the Node runtime interface client 4.0, `HttpResponseStream.js`.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from pylambda import names
from pylambda.faults import InvalidResponse, TransportError
from pylambda.payload.streams import close, to_bytes
from pylambda.runtime_api.chunks import chunk_parts, chunks_end

if TYPE_CHECKING:
    from typing import Protocol

    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk

    class Outlet(Protocol):
        """Takes a request piece by piece; `connection.Connection` does. Raises TransportError."""

        def begin(self, first: bytes) -> None:
            """Send the beginning."""

        def go_on(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
            """Send more, unless the far side has closed, or answered already."""


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

    def __init__(self, head: bytes, connection: "Outlet") -> None:
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

    def fail(self, failure: "Failure") -> None:
        """Send the end with an error in its trailers, where the far side still takes it.

        Raises:
            InvalidResponse: the stream has ended.
        """
        document = b64encode(failure.body).decode()
        trailers = f"{names.SEND_ERROR_TYPE}: {failure.platform_error_type}\r\n{names.SEND_ERROR_BODY}: {document}\r\n"
        with suppress(ClientGone):
            self.finish(trailers)

    def say_broken_off(self, warn: Callable[[str], None], request_id: str, fault: Exception) -> None:
        """Say of a response that nobody has said that it arrived."""
        warn(f"the response to {request_id} broke off after {self.body_bytes} bytes: {self.gone or fault}")

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
