"""What clients do to `pylambda serve` that they should not, by a seed. Their sockets are the caller's to close."""

import json
import socket
import struct
from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import urlsplit

INVOKE = "/2015-03-31/functions/f/invocations"
TLS_HELLO = bytes.fromhex("16030100a5010000a10303") + bytes(160)

Client = Callable[[Random, socket.socket], None]


def invocation(random: Random, *, length: int | None = None) -> bytes:
    """Return a whole request to invoke the function; it may lie of its body's length."""
    body = json.dumps({"token": "nobody's", "takes_s": random.choice((0, 0, 0.002)), "pad": "x" * 2000}).encode()
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


def connect(url: str) -> socket.socket:
    """Connect as any client does."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname, where.port), 10)


def vanish(connection: socket.socket) -> None:
    """Reset a connection, as a client does that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _says_nothing(random: Random, connection: socket.socket) -> None:
    pass


def _is_slow(random: Random, connection: socket.socket) -> None:
    """Send the beginning of a request byte by byte, and leave it there: each holds a connection for ever."""
    for byte in invocation(random)[: random.randrange(1, 60)]:
        connection.send(bytes((byte,)))


def _stops_in_the_body(random: Random, connection: socket.socket) -> None:
    data = invocation(random)
    connection.sendall(data[: random.randrange(len(data) - 1500, len(data))])


def _vanishes_in_a_request(random: Random, connection: socket.socket) -> None:
    data = invocation(random)
    connection.sendall(data[: random.randrange(1, len(data))])
    vanish(connection)


def _vanishes_before_the_answer(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random))
    vanish(connection)


def _vanishes_in_the_answer(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random))
    connection.recv(random.randrange(1, 30))
    vanish(connection)


def _never_reads(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random) * random.randrange(1, 20))


def _ends_its_side(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random))
    connection.shutdown(socket.SHUT_WR)


def _sends_garbage(random: Random, connection: socket.socket) -> None:
    connection.sendall(random.randbytes(random.randrange(1, 5000)))


def _garbage_behind_a_request(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random) + random.randbytes(random.randrange(1, 200)))


def _garbage_as_a_body(random: Random, connection: socket.socket) -> None:
    body = random.randbytes(random.randrange(1, 2000))
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def _lies_of_length(random: Random, connection: socket.socket) -> None:
    connection.sendall(invocation(random, length=random.choice((0, 1, 7, 10**9, 10**30))))


def _speaks_tls(random: Random, connection: socket.socket) -> None:
    connection.sendall(TLS_HELLO)


def _breaks_a_rule(random: Random, connection: socket.socket) -> None:
    head = random.choice(
        (
            "Content-Length: x",
            "Content-Length: -1",
            "Content-Length: 1\r\nContent-Length: 2",
            "Transfer-Encoding: chunked\r\nContent-Length: 3",
            "Transfer-Encoding: gzip",
            "No colon",
            " folded",
            "Expect: 100-continue\r\nContent-Length: 5",
            "Upgrade: websocket\r\nConnection: Upgrade",
        )
    )
    connection.sendall(f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())


def _breaks_a_chunk(random: Random, connection: socket.socket) -> None:
    body = random.choice((b"zz\r\n", b"5\r\nab", b"ffffffffffffffffffff\r\n", b"2\r\n{}\r\n0\r\nno trailer\r\n\r\n"))
    connection.sendall(f"POST {INVOKE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + body)


def _floods_with_headers(random: Random, connection: socket.socket) -> None:
    lines = b"".join(b"X-%d: %b\r\n" % (index, b"y" * 200) for index in range(random.randrange(500)))
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n"[: random.choice((0, 2))])


CLIENTS: Mapping[str, Client] = {
    name.removeprefix("_").replace("_", " "): client
    for name, client in list(globals().items())
    if name.startswith("_") and getattr(client, "__annotations__", {}).get("connection") is socket.socket
}
