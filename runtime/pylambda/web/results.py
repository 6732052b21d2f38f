"""What an app answers as the result that its front door takes: buffered, or as the head of a stream.

A body is text where it is UTF-8, else base64: the front door gives the same bytes to the client either way, so which
types are text need not be known. REST APIs are the exception; `text_or_base64` has it.
"""

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.log.sinks import warn
from pylambda.payload import codec
from pylambda.payload.streams import PRELUDE_END, PlainStream
from pylambda.web.events import JOINED, LISTS, Shape

if TYPE_CHECKING:
    from pylambda.payload.codec import Chunk, Runner
    from pylambda.payload.streams import InThread

Header = tuple[str, str]

SET_COOKIE = "set-cookie"
# Of one connection, or counted anew by the front door: RFC 9110, 7.6.1, and what WSGI forbids an app to send.
NOT_FOR_THE_CLIENT = {
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
}
WITHOUT_BODY = (204, 304)
PLAIN_TEXT = [("content-type", "text/plain; charset=utf-8")]
# From here on it is worth a look at how a body is best written as JSON.
LARGE_CHARACTERS = 1 << 16
# The backslash first, or else those of the others would be doubled.
ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))
# Zero for each control character that has no escape above.
OTHER_CONTROLS = bytes(byte >= 0x20 or byte in b"\n\r\t" for byte in range(256))


class Response:
    """What an app answered.

    Args:
        status: 200 to 599.
        headers: as the app gave them, decoded.
        body: of a response that is not streamed.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Iterable[Header] = (), body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Result(dict[str, Any]):
    """A buffered result that remembers whose it is, so that its size can be judged once it is JSON."""

    __slots__ = ("shape",)
    shape: Shape


def plain(status: int, text: str = "") -> Response:
    """Return a response of one line of text: what the adapter itself has to say."""
    return Response(status, PLAIN_TEXT, (text or HTTPStatus(status).phrase).encode())


def checked(response: Response) -> Response:
    """Return a response that front doors take: one with a status that they do not becomes a 500, and a log line."""
    if 200 <= response.status <= 599:
        return response
    warn(f"the app answered with status {response.status}, and only 200 to 599 can be sent: the client gets a 500")
    return plain(500)


def decode_header(value: bytes) -> str:
    """Return a header's text: UTF-8 where it is that, else latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def has_body(status: int, method: str) -> bool:
    """Whether such a response to such a request has a body; what an app gives it all the same is left out."""
    return method != "HEAD" and status not in WITHOUT_BODY


def to_result(response: Response, shape: Shape, method: str = "GET") -> Result:
    """Return a buffered response as its front door takes it.

    Args:
        response: what the app answered.
        shape: of the event.
        method: of the request; HEAD has no body.
    """
    result = Result(statusCode=response.status)
    result.shape = shape
    if shape.description:
        result["statusDescription"] = f"{response.status} {_phrase(response.status)}"
    result.update(_heads(response.headers, shape))
    is_encoded = any(name.lower() == "content-encoding" for name, _ in response.headers)
    body, is_base64 = text_or_base64(
        response.body if has_body(response.status, method) else b"", shape, is_encoded=is_encoded
    )
    result["body"] = body
    result["isBase64Encoded"] = is_base64
    return result


def to_prelude(response: Response, shape: Shape) -> bytes:
    """Return the head of a streamed response: JSON, then eight zeros."""
    return codec.to_json({"statusCode": response.status, **_heads(response.headers, shape)}) + PRELUDE_END


class HttpStream(codec.Stream):
    """A streamed result.

    Args:
        chunks: makes the chunks, the first of which begins with the head.
        shape: of the event.
        pieces: makes the same for an event loop that runs already; None where that is not asynchronous.
    """

    content_type = names.HTTP_INTEGRATION

    def __init__(
        self,
        chunks: Callable[[], Generator[bytes, None, None]],
        shape: Shape,
        pieces: Callable[[], AsyncGenerator[bytes, None]] | None = None,
    ) -> None:
        self._chunks = chunks
        self._shape = shape
        self._pieces = pieces

    def chunks(self, runner: "Callable[[], Runner]") -> "Generator[Chunk, None, None]":
        """Return the chunks; closing them tells the app that the client is gone."""
        return self._chunks()

    def pieces(self, in_thread: "InThread") -> "AsyncGenerator[Chunk, None]":
        """Return the chunks for an event loop that runs already.

        Args:
            in_thread: calls a function in a thread; what is not asynchronous is asked for its chunks there.
        """
        return self._pieces() if self._pieces else PlainStream(self._chunks()).pieces(in_thread)

    def collect(self, runner: "Callable[[], Runner]") -> tuple[bytes, str]:
        """Return the response as one that is not streamed has it, for a far side that would not stream it.

        Raises:
            Exception: what the app raises once it has begun to answer.
        """
        head, _, body = b"".join(self._chunks()).partition(PRELUDE_END)
        text, is_base64 = text_or_base64(body, self._shape)
        result = {**codec.decode(head, None), "body": text, "isBase64Encoded": is_base64}
        return codec.to_json(result), names.JSON


def to_stream(response: Response, shape: Shape, method: str = "GET") -> HttpStream:
    """Return a response that is there already as a stream of one chunk.

    Args:
        response: what is answered.
        shape: of the event.
        method: of the request; HEAD has no body.
    """
    chunk = to_prelude(response, shape) + (response.body if has_body(response.status, method) else b"")
    return HttpStream(lambda: (piece for piece in (chunk,)), shape)


def encode(result: Any) -> "tuple[bytes | codec.Stream, str]":
    """Return a result as it is sent; one that is too large for its front door becomes a 500 that says so."""
    if type(result) is not Result:
        return codec.encode(result)
    shape, text = result.shape, result.get("body")
    is_large = isinstance(text, str) and len(text) > LARGE_CHARACTERS
    body = _encode_large(result) if is_large else codec.to_json(dict(result))
    if len(body) <= shape.limit_bytes:
        return body, names.JSON
    warn(
        f"the response is {len(body)} bytes as JSON, and a {shape.title} takes {shape.limit_bytes}: "
        f"the client gets a 500. {_way_out(shape)}"
    )
    message = f"The response is too large: {len(body)} bytes where {shape.limit_bytes} are the limit.\n"
    return codec.encode(dict(to_result(plain(500, message), shape)))


def _encode_large(result: Result) -> bytes:
    """Return a result as JSON in a fraction of the time that the encoder takes, which looks at each character.

    A text that would get longer as JSON than as base64 goes as that: control characters take six bytes each.
    """
    members = {name: value for name, value in result.items() if name != "body"}
    try:
        data = result["body"].encode()
    except UnicodeEncodeError:
        return codec.to_json(dict(result))
    if not members.get("isBase64Encoded"):
        escaped = _escaped(data)
        if result.shape.takes_base64 and (escaped is None or 3 * len(escaped) > 4 * len(data)):
            members["isBase64Encoded"], escaped = True, b64encode(data)
        if escaped is None:
            return codec.to_json(dict(result))
        data = escaped
    return b"".join((codec.to_json(members)[:-1], b', "body": "', data, b'"}'))


def _escaped(data: bytes) -> bytes | None:
    """Return text as it stands in a JSON string; None where that takes more than these escapes."""
    if 0 in data.translate(OTHER_CONTROLS):
        return None
    for character, escape in ESCAPES:
        data = data.replace(character, escape)
    return data


def _way_out(shape: Shape) -> str:
    if shape.stream:
        return f"Stream it: set PYLAMBDA_STREAM={shape.stream} and the response mode; or redirect to an object in S3"
    return "Redirect to an object in S3, or put a function URL that streams in front"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _heads(headers: Iterable[Header], shape: Shape) -> dict[str, Any]:
    """Return the members of a result that hold the headers, and the cookies where they go apart."""
    lists: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key not in NOT_FOR_THE_CLIENT:
            lists.setdefault(spelled.setdefault(key, name), []).append(
                value.strip()
            )  # Django begins cookies with a space
    if shape.result_headers is LISTS:
        return {"multiValueHeaders": lists}
    cookies = lists.pop(spelled.get(SET_COOKIE, ""), [])
    joined = {name: ", ".join(values) for name, values in lists.items()}
    if shape.result_headers is JOINED:
        return {"headers": joined, "cookies": cookies} if cookies else {"headers": joined}
    return {"headers": joined | dict(zip(casings(SET_COOKIE), cookies, strict=False))}


def casings(name: str) -> Iterable[str]:
    """Yield a name in all its casings, lower case first: each is another key, and the same header."""
    letters = [index for index, letter in enumerate(name) if letter.isalpha()]
    for number in range(1 << len(letters)):
        capitals = {index for bit, index in enumerate(letters) if number >> bit & 1}
        yield "".join(letter.upper() if index in capitals else letter for index, letter in enumerate(name))


def text_or_base64(body: bytes, shape: Shape, *, is_encoded: bool = False) -> tuple[str, bool]:
    """Return a body as a result has it, and whether that is base64.

    A REST API decodes base64 only where its `binaryMediaTypes` match what the request accepts, so what can be text is.

    Args:
        body: the bytes.
        shape: of the event.
        is_encoded: whether the response has a `Content-Encoding`.
    """
    if not (is_encoded and shape.takes_base64):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    if not shape.takes_base64:
        _hint_at_binary_types()
    return b64encode(body).decode(), bool(body)


@cache
def _hint_at_binary_types() -> None:
    warn(
        "a response to a REST API is binary and goes as base64, which the API decodes only for its binaryMediaTypes: "
        "set them to */*, or stream with PYLAMBDA_STREAM=rest"
    )
