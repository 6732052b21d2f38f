"""What the far side of the Runtime API might send: replies in order, replies out of order, and junk; cut anywhere."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import h11
from hypothesis import strategies as st

from pylambda.names import DATE, TRANSFER_ENCODING
from pylambda.runtime_api.connection import Connection
from pylambda.runtime_api.wire import CHANGING, ProtocolError, Reply

NAMES = [
    b"Content-Length", b"content-type", b"Date", b"Lambda-Runtime-Aws-Request-Id", b"lambda-runtime-deadline-ms",
    b"Lambda-Runtime-Trace-Id", b"Lambda-Runtime-Invocation-Id", b"Lambda-Runtime-Client-Context", b"X-Other",
]  # fmt: skip
TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_", min_size=1, max_size=20).map(str.encode)
VALUE = st.one_of(
    TOKEN,
    st.sampled_from([b"", b"a b", b"a\tb", b'{"k": "v"}', b"\xc3\xa9\xe4", b"Root=1-5;Parent=1;Sampled=0", b"1:2"]),
)
PADDING = st.sampled_from([b"", b" ", b"\t", b"  \t"])
BODY = st.binary(max_size=40) | st.sampled_from([b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"x" * 9000])
STATUS = st.sampled_from([200, 202, 204, 304, 400, 403, 413, 500])


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks of any sizes, with extensions, leading zeros and trailers."""
    parts = []
    while body:
        count = draw(st.integers(1, len(body)))
        size = b"%x" % count if draw(st.booleans()) else b"00%X" % count
        extension = draw(st.sampled_from([b"", b";a=b", b';a="b"', b" "]))
        parts += [size, extension, b"\r\n", body[:count], b"\r\n"]
        body = body[count:]
    trailers = draw(st.sampled_from([b"", b"X-Check: 1\r\n", b"A: b\r\nC: d\r\n"]))
    return b"".join([*parts, b"0\r\n", trailers, b"\r\n"])


@st.composite
def reply(draw: st.DrawFn) -> bytes:
    """A reply as RFC 9112 has it, perhaps after a 1xx."""
    status, body = draw(STATUS), draw(BODY)
    lines = [(draw(st.sampled_from(NAMES[1:]) | TOKEN), draw(VALUE)) for _ in range(draw(st.integers(0, 5)))]
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    if status in (204, 304):
        body = b""
    elif framing == "chunks":
        lines.append((b"Transfer-Encoding", draw(st.sampled_from([b"chunked", b"Chunked"]))))
        body = draw(chunked(body))
    elif framing == "length":
        lines.append((b"Content-Length", b"%d" % len(body)))
    if framing == "end" or draw(st.booleans()):
        lines.append((b"Connection", draw(st.sampled_from([b"keep-alive", b"close"]))))
    lines = draw(st.permutations(lines))
    head = b"".join(name + b":" + draw(PADDING) + value.strip() + draw(PADDING) + b"\r\n" for name, value in lines)
    before = draw(st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n"]))
    return (
        before
        + b"HTTP/1.1 %d " % status
        + draw(st.sampled_from([b"OK", b"", b"So so"]))
        + b"\r\n"
        + head
        + b"\r\n"
        + body
    )


@st.composite
def alike(draw: st.DrawFn) -> bytes:
    """Some replies that differ in values only, as those of the Runtime API do; heads of one length among them."""
    names = draw(st.lists(st.sampled_from(NAMES[1:]), max_size=5, unique=True))
    replies = []
    for _ in range(draw(st.integers(2, 4))):
        body = draw(st.sampled_from([b"", b"{}", b"null", b"12"]))
        values = [
            draw(st.sampled_from([b"aa", b"bb", b"a", b" a", b"a ", b"", b"\xc3\xa9", b"\xe4\xe4"])) for _ in names
        ]
        lines = [name + b": " + value for name, value in zip(names, values, strict=True)]
        replies.append(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: %d" % len(body), b"", body]))
    return b"".join(replies)


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Bytes with some taken out, put in or made others."""
    data = bytearray(draw(sound))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        junk = draw(
            st.binary(max_size=3) | st.sampled_from([b"\r\n", b"\n", b"\0", b"chunked", b"-1", b"9" * 30, b": "])
        )
        data[place : place + draw(st.integers(0, 3))] = junk
    return bytes(data)


class Pieces:
    """A socket whose far side sends some bytes, cut at some places, and closes."""

    def __init__(self, data: bytes, cuts: Sequence[int]) -> None:
        ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
        self._pieces = [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False) if end > begin]

    def recv(self, count: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if piece[count:]:
            self._pieces.insert(0, piece[count:])
        return piece[:count]

    def recv_into(self, buffer: memoryview, _count: int, _flags: int) -> int:
        piece = self.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._pieces.clear()


class Taken(NamedTuple):
    """A reply as somebody took it: the status, the headers by lower-case name, the body."""

    status: int
    headers: dict[str, str]
    body: bytes


def ours(data: bytes, cuts: Sequence[int]) -> tuple[list[Taken], str]:
    """Return the replies that the runtime takes, and in one word how that ended."""
    connection, far_side, taken = Connection("127.0.0.1", 9001), Pieces(data, cuts), []
    while True:
        connection._socket = far_side  # type: ignore[assignment]  # a reply may have closed it
        try:
            taken.append(_taken(connection._read_reply(far_side)))  # type: ignore[arg-type]
        except ProtocolError:
            return taken, "junk"
        except ConnectionResetError:
            return taken, "end"
        if connection._socket is None:
            return taken, "closed"


def _taken(reply: Reply) -> Taken:
    headers = dict(reply.template.headers)
    headers.update({name: value for name, value in zip(CHANGING, reply.changing, strict=True) if name in headers})
    if reply.template.chunked:
        headers[TRANSFER_ENCODING] = headers[TRANSFER_ENCODING].lower()  # as h11 has it
    headers.pop(DATE, None)  # nobody asks for it, so it may be that of a reply before
    return Taken(reply.status, headers, bytes(reply.body))


def of_h11(data: bytes) -> tuple[list[Taken], bool]:
    """Return the replies that h11 takes from the same bytes, and whether it took all of them."""
    taken: list[Taken] = []
    rest = data
    while rest:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/next", headers=[("Host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(rest)
        client.receive_data(b"")
        try:
            found = _one(client)
        except h11.RemoteProtocolError:
            return taken, False
        if found is None:
            return taken, False
        taken.append(found)
        if client.their_state is not h11.DONE:
            return taken, True  # it closes
        rest = client.trailing_data[0]
    return taken, True


def _one(client: h11.Connection) -> Taken | None:
    status, headers, parts = 0, {}, []
    while True:
        event: Any = client.next_event()
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode(): value.decode("utf-8", "surrogateescape") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            headers.pop(DATE, None)
            return Taken(status, headers, b"".join(parts))
        elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
            return None
