"""What a handler may stream: chunks alone, or an HTTP response with its status and headers. Imported when one does.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html, "Response streaming", and for the prelude,
which it leaves out, the Node runtime interface client 4.0, `HttpResponseStream.js`.
"""

from base64 import b64encode
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.payload import codec

if TYPE_CHECKING:
    from pylambda.payload.codec import Chunk, Runner

    InThread = Callable[..., Awaitable[Any]]
    Body = Iterable[Chunk] | AsyncIterable[Chunk]

# Parts the JSON at the head of a streamed HTTP response from its body.
PRELUDE_END = bytes(8)


class PlainStream(codec.Stream):
    """The chunks of a handler that is a generator: no status, no headers.

    Args:
        body: the chunks; `bytes` or one `str` are a body of one chunk.
    """

    content_type = names.OCTET_STREAM
    head = b""  # goes before the first chunk

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

    async def pieces(self, in_thread: "InThread") -> "AsyncGenerator[Chunk, None]":
        """Yield the chunks on an event loop that runs already; the head comes once there is a chunk, or will be none.

        Args:
            in_thread: calls a function in a thread; asks a body that is not asynchronous for its chunks.
        """
        head: Chunk = self.head
        body: Any = self.body
        is_async = hasattr(body, "__aiter__")
        values = aiter(body) if is_async else _in_thread(PlainStream.chunks(self, _no_runner), in_thread)
        try:
            async for chunk in values:
                if head and chunk:
                    yield head
                    head = b""
                yield chunk
            if head:
                yield head
        finally:
            if hasattr(values, "aclose"):
                await values.aclose()

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

    @property
    def head(self) -> bytes:  # type: ignore[override]
        """The prelude."""
        return codec.to_json(self.metadata) + PRELUDE_END

    def chunks(self, runner: "Callable[[], Runner]") -> "Generator[Chunk, None, None]":
        """Yield the prelude once the first chunk exists or none will, then the body."""
        body = super().chunks(runner)
        try:
            first = next((piece for piece in body if piece), b"")
            yield self.head
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


async def _in_thread(chunks: "Iterator[Chunk]", in_thread: "InThread") -> "AsyncGenerator[Chunk, None]":
    try:
        while (chunk := await in_thread(next, chunks, None)) is not None:
            yield chunk
    finally:
        await in_thread(close, chunks)


def _no_runner() -> "Runner":
    raise TypeError("the body is not asynchronous")


def close(iterator: object) -> None:
    """Close an iterator that can be closed, as generators can."""
    method = getattr(iterator, "close", None)
    if method is not None:
        method()
