"""Bytes in, replies out."""

import random

import pytest

from pylambda.runtime_api.chunks import ChunkedBody, chunk_parts, chunks_end
from pylambda.runtime_api.wire import CHANGING, MAX_TEMPLATES, ProtocolError, Reply, Template, read_head


def read(head: bytes) -> Reply:
    """Read the first head of a connection."""
    return read_head(head, {})


def headers(reply: Reply) -> dict[str, str]:
    """What is known of a head: the values that change, and of the others those that its template has."""
    return {**reply.template.headers, **dict(zip(CHANGING, reply.changing, strict=True))}


def test_a_header_is_found_in_any_case_and_without_its_padding() -> None:
    reply = read(b"HTTP/1.1 200 OK\r\nContent-Type:  application/json \r\nX-One: 1\r\nCONTENT-LENGTH:\t7 ")
    assert reply.template.headers["content-type"] == "application/json"
    assert reply.template.headers["x-one"] == "1"
    assert reply.body_bytes == 7


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nContent-Length:"])
def test_a_header_that_changes_is_empty_where_it_is_absent(head: bytes) -> None:
    assert read(head).changing == ("",) * len(CHANGING)


def test_a_header_is_not_found_inside_another_ones_value() -> None:
    reply = read(b"HTTP/1.1 200 OK\r\nFirst: content-length: 7\r\nContent-Length: 2")
    assert reply.body_bytes == 2


@pytest.mark.parametrize("head", [b"", b"HTTP/2 200", b"HTTP/1.1 abc", b"<html>", b"HTTP/1.1"])
def test_what_has_no_status_line_is_no_reply(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="status line"):
        read(head)


@pytest.mark.parametrize(
    ("head", "body_bytes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12", 12),
        (b"HTTP/1.1 200 OK", None),
        (b"HTTP/1.1 204 No Content", 0),
        (b"HTTP/1.1 100 Continue", 0),
    ],
)
def test_the_length_of_a_body(head: bytes, body_bytes: int | None) -> None:
    assert read(head).body_bytes == body_bytes


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"+5", "\u0665".encode(), b"1, 1"])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        read(b"HTTP/1.1 200 OK\r\nContent-Length: " + length)


@pytest.mark.parametrize(
    ("head", "last"),
    [
        (b"HTTP/1.1 200 OK", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Close", True),
        (b"HTTP/1.0 200 OK", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive", False),
    ],
)
def test_whether_the_connection_ends(head: bytes, last: bool) -> None:
    assert read(head).template.last is last


EVENT = (
    b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 12:18:59 GMT\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 8476a536\r\nLambda-Runtime-Deadline-Ms: 1700000000000\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1-5bef4de7\r\nContent-Length: 64"
)


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        (b"8476a536", b"9f00b1c2", True),
        (b"12:18:59", b"12:19:00", True),
        (b"1700000000000", b"1700000000001", True),
        (b"Length: 64", b"Length: 65", True),
        (b"Root=1-5bef4de7", b"Root=1-5bef4de8", True),
        # What stands still has moved: a header more, less, renamed, respelled, or of another value.
        (b"application/json", b"application/xml2", False),
        (b"Content-Type:", b"Content-Typo:", False),
        (b"Content-Length", b"content-length", False),
        (b"200 OK", b"404 No", False),
        (b": 8476a536", b":8476a536 ", False),
        (b"8476a536", b"8476a5367", False),
        (b"8476a536", b"8476a53 ", False),
        (b"8476a536", b" 476a536", False),
        (b"Root=1-5bef4de7", b"Root\r\nX: bef4de7", False),
    ],
    ids=str,
)
def test_a_head_is_read_the_same_whatever_came_before_it(old: bytes, new: bytes, fits: bool) -> None:
    # Given a connection that brought one event
    templates: dict[int, Template] = {}
    first = read_head(EVENT, templates)
    # When the next one's head differs
    head = EVENT.replace(old, new)
    second = read_head(head, templates)
    # Then nothing of the first is in it, and it was taken apart anew only where it had to be
    assert (second.template is first.template) is fits
    alone = headers(read(head)) | ({"date": ""} if fits else {})
    assert headers(second) | ({"date": ""} if fits else {}) == alone
    assert (second.status, second.body_bytes) == (read(head).status, read(head).body_bytes)


def test_heads_in_any_order_are_read_as_each_alone() -> None:
    # Given heads with headers in every combination and order, with values of every kind
    chance = random.Random(1)
    names = ["Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Trace-Id", "Content-Length", "content-length", "X"]
    values = ["1", "22", "", "7: 8", "X: 1", "Content-Length: 3", "\t4 ", "5\n", "\r6", "7\v"]
    heads = []
    for _ in range(5000):
        lines = [f"{chance.choice(names)}:{chance.choice(['', ' '])}{chance.choice(values)}" for _ in range(3)]
        heads.append("\r\n".join(["HTTP/1.1 200 OK", *lines]).encode())
    # When they come over one connection
    templates: dict[int, Template] = {}
    for head in heads:
        outcomes = []
        for known in (templates, {}):
            try:
                outcomes.append(headers(read_head(head, known)))
            except ProtocolError as error:
                outcomes.append({"refused": str(error)})
        # Then each is what it is by itself
        assert outcomes[0] == outcomes[1], head


def test_few_heads_are_kept() -> None:
    templates: dict[int, Template] = {}
    for count in range(100):
        read_head(b"HTTP/1.1 200 OK\r\nX: " + b"x" * count, templates)
    assert len(templates) <= MAX_TEMPLATES


CHUNKED = b'5\r\n{"a":\r\n3;name=value\r\n 1}\r\n0\r\nTrailer: x\r\n\r\nnext'


@pytest.mark.parametrize("size", range(1, len(CHUNKED) + 1))
def test_chunks_come_together_however_they_arrive(size: int) -> None:
    chunks = ChunkedBody()
    received = b""
    for start in range(0, len(CHUNKED), size):
        if chunks.done:
            received += CHUNKED[start:]
            break
        chunks.feed(CHUNKED[start : start + size])
    assert chunks.done
    assert chunks.body == b'{"a": 1}'
    assert chunks.rest + received == b"next"


@pytest.mark.parametrize("bytes_", [b"zz\r\n", b"\r\n\r\n", b"-5\r\nabcde\r\n", b"2\r\nabcd\r\n"])
def test_a_broken_chunk_is_refused(bytes_: bytes) -> None:
    with pytest.raises(ProtocolError, match="chunk"):
        ChunkedBody().feed(bytes_)


def test_what_is_chunked_is_what_is_read_back() -> None:
    sent = [b"a", bytes(300), b"\r\n"]
    chunks = ChunkedBody()
    chunks.feed(b"".join(b"".join(chunk_parts(data)) for data in sent) + chunks_end("Error: x\r\n") + b"next")
    assert chunks.done
    assert chunks.body == b"".join(sent)
    assert chunks.rest == b"next"


def test_the_bytes_of_a_chunk_and_of_the_end() -> None:
    assert chunk_parts(bytes(26)) == (b"1a\r\n", bytes(26), b"\r\n")
    assert chunks_end() == b"0\r\n\r\n"
    assert chunks_end("A: 1\r\nB: 2\r\n") == b"0\r\nA: 1\r\nB: 2\r\n\r\n"


def test_an_empty_chunk_is_refused_because_it_would_end_the_body() -> None:
    with pytest.raises(ValueError, match="would end"):
        chunk_parts(b"")
