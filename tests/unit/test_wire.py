"""Bytes in, replies out."""

import pytest

from pylambda.wire import ChunkedBody, ProtocolError, Reply, chunk_parts, chunks_end


def test_a_header_is_found_in_any_case_and_without_its_padding() -> None:
    reply = Reply(b"HTTP/1.1 200 OK\r\nContent-Type:  application/json \r\nX-One: 1")
    assert reply.header(b"content-type") == "application/json"
    assert reply.header(b"x-one") == "1"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nX-One:", b"HTTP/1.1 200 OK\r\nX-One: \r\nB: 2"]
)
def test_an_empty_header_counts_as_absent(head: bytes) -> None:
    assert Reply(head).header(b"x-one") is None


def test_a_header_is_not_found_inside_another_ones_value() -> None:
    reply = Reply(b"HTTP/1.1 200 OK\r\nFirst: content-length: 7\r\nContent-Length: 2")
    assert reply.body_bytes == 2


@pytest.mark.parametrize("head", [b"", b"HTTP/2 200", b"HTTP/1.1 abc", b"<html>", b"HTTP/1.1"])
def test_what_has_no_status_line_is_no_reply(head: bytes) -> None:
    with pytest.raises(ProtocolError, match="status line"):
        Reply(head)


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
    assert Reply(head).body_bytes == body_bytes


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"+5", "\u0665".encode(), b"1, 1"])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(ProtocolError, match="Content-Length"):
        _ = Reply(b"HTTP/1.1 200 OK\r\nContent-Length: " + length).body_bytes


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
    assert Reply(head).last is last


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
