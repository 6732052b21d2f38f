"""An HTTP event as the request that an app is asked: decoded once, repeats kept, nothing made up."""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from pylambda.faults import InvalidEvent
from pylambda.web.events import LATTICE_V1, Shape, at
from pylambda.web.mount import mount

Header = tuple[bytes, bytes]
Address = tuple[str, int]

PORTS = {"http": 80, "https": 443}
LAST_PORT = 65535
# `transfer-encoding` is of the transport between the client and the front door; the body is whole here.
LOOKED_AT = frozenset((b"content-length", b"cookie", b"transfer-encoding"))
# Header names as they came to what they are for apps: a function sees the same few again and again.
NAMES: dict[str, bytes] = {}
MAX_NAMES = 500
# Every character that may stand in a query, encoded or not; the rest would break a request line.
QUERY_SAFE = "".join(map(chr, range(0x21, 0x7F)))


class Request:
    """What a client asked, whichever front door it came through.

    Args:
        event: an HTTP event.
        shape: the event's.
        root_path: where the app is mounted, in the user's own words; None where the event has to tell.

    Attributes:
        method: in capitals.
        scheme: `http` or `https`, as the client used it.
        http_version: `1.1`, `2`.
        root_path: where the app is mounted, without a slash at the end; decoded.
        path: decoded, `root_path` included.
        raw_path: the same as it went over the wire.
        query: as it went over the wire.
        headers: names in lower case; repeated ones one by one where they came so.
        body: the bytes.
        client: address and port, 0 where that is not known; None where the address is not known either.
        server: the same of what the client connected to.

    Raises:
        InvalidEvent: the body is not the base64 that it is said to be.
    """

    __slots__ = (
        "body",
        "client",
        "event",
        "headers",
        "http_version",
        "method",
        "path",
        "query",
        "raw_path",
        "root_path",
        "scheme",
        "server",
        "shape",
    )

    def __init__(self, event: dict[str, Any], shape: Shape, root_path: str | None = None) -> None:
        self.event = event
        self.shape = shape
        self.method = str(at(event, shape.method) or "GET").upper()
        path, self.query = _path_and_query(event, shape)
        self.root_path, bare, self.raw_path = mount(event, shape, path, root_path)
        self.path = self.root_path + bare
        self.body = _body(event, shape)
        self.headers, named = _headers(event, shape, len(self.body))
        scheme = named.get(b"x-forwarded-proto", b"").decode().partition(",")[0].strip().lower()
        self.scheme = scheme if scheme in PORTS else "https"
        protocol = str(at(event, shape.protocol) or "HTTP/1.1").upper().removeprefix("HTTP/")
        self.http_version = protocol.removesuffix(".0") if protocol.startswith("2") else protocol
        self.client = _client(event, shape, named)
        self.server = _server(event, named, self.scheme)


def _path_and_query(event: dict[str, Any], shape: Shape) -> tuple[str, str]:
    path = event.get(shape.path)
    path = path if isinstance(path, str) and path else str(at(event, ("requestContext", "http", "path")) or "/")
    if not path.startswith("/"):
        path = f"/{path}"
    if shape is LATTICE_V1 and "?" in path:
        path, _, query = path.partition("?")
        return path, quote(query, safe=QUERY_SAFE)
    return path, _query(event, shape)


def _query(event: dict[str, Any], shape: Shape) -> str:
    if shape.query:
        return quote(str(event.get(shape.query) or ""), safe=QUERY_SAFE)
    values = event.get(shape.multi_query) or event.get(shape.single_query) or {}
    if not values:
        return ""
    encode = quote_plus if shape.query_is_decoded else _as_it_is
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in _pairs(values))


def _as_it_is(text: str) -> str:
    return quote(text, safe=QUERY_SAFE)


def _pairs(values: Any) -> Iterator[tuple[str, str]]:
    """Yield name and value, one pair for each value of a list; events made by hand may hold what is no string."""
    if not isinstance(values, dict):
        return
    for name, value in values.items():
        if type(value) is str:
            yield name, value
            continue
        for one in value if isinstance(value, list) else (value,):
            if one is not None:
                yield str(name), one if isinstance(one, str) else str(one)


def _body(event: dict[str, Any], shape: Shape) -> bytes:
    body = event.get("body")
    if not body:
        return b""
    text = body if isinstance(body, str) else str(body)
    if not event.get(shape.base64):
        return text.encode("utf-8", "replace")
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidEvent(
            f"the event's body is said to be base64, and is not: {error}",
            hint=f"set {shape.base64} to false in an event with a body of text",
            stack=(),
        ) from None


def _headers(event: dict[str, Any], shape: Shape, body_bytes: int) -> tuple[list[Header], dict[bytes, bytes]]:
    """Return the headers, and the last value of each by its name."""
    cookies = event.get("cookies") if shape.cookie_list else None
    headers: list[Header] = []
    length = b"%d" % body_bytes
    for name, value in _pairs(event.get(shape.multi_headers) or event.get("headers")):
        key = NAMES.get(name) or _header_name(name)
        if key not in LOOKED_AT:
            headers.append((key, value.encode("utf-8", "replace")))
        elif key == b"content-length":
            # Where the text was altered on its way, as bytes that are no text are, it is the length of what is left.
            headers.append((key, length))
        elif key == b"cookie" and not cookies:
            headers.append((key, value.encode("utf-8", "replace")))
    if cookies:
        headers.append((b"cookie", "; ".join(map(str, cookies)).encode()))
    named = dict(headers)
    if body_bytes and b"content-length" not in named:
        headers.append((b"content-length", length))
    return headers, named


def _header_name(name: str) -> bytes:
    key = name.lower().encode()
    if len(NAMES) < MAX_NAMES:  # names are the clients' to choose
        NAMES[name] = key
    return key


def _client(event: dict[str, Any], shape: Shape, named: dict[bytes, bytes]) -> Address | None:
    address = at(event, shape.source_ip)
    if isinstance(address, str) and address:
        return address, 0
    # The last entry is what the front door itself saw; those before it are the client's own words.
    last = named.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip()
    return _host_and_port(last, 0) if last else None


def _server(event: dict[str, Any], named: dict[bytes, bytes], scheme: str) -> Address | None:
    host = named.get(b"host", b"").decode("latin-1") or at(event, ("requestContext", "domainName"))
    if not host:
        return None
    port = named.get(b"x-forwarded-port", b"").decode("latin-1")
    return _host_and_port(str(host), _port(port, PORTS[scheme]))


def _host_and_port(text: str, port: int) -> Address:
    """Take `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address apart."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        given = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, given = text.partition(":")
    else:
        host, given = text, ""
    return host, _port(given, port)


def _port(text: str, otherwise: int) -> int:
    """Return a port that is one: a client may write any number into `Host`, and an app builds addresses of it."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LAST_PORT))
    return int(text) if is_number and int(text) <= LAST_PORT else otherwise


def flattened(headers: Iterable[Header]) -> dict[str, str]:
    """Return headers as a dictionary of text: repeats joined, cookies by a semicolon, the others by a comma.

    Args:
        headers: a request's; the text is the bytes as latin-1, which is what WSGI calls a native string.
    """
    flat: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key in flat:
            text = f"{flat[key]}{'; ' if key == 'cookie' else ','}{text}"
        flat[key] = text
    return flat
