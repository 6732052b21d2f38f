"""The life of a streamed response, with a connection that only takes notes."""

import json
from collections.abc import Iterator
from typing import NoReturn

import pytest

from pylambda.faults import InvalidResponse, TransportError
from pylambda.payload.streams import PlainStream, StreamingResponse
from pylambda.runtime_api.response_stream import ClientGone, ResponseStream, State


class Notes:
    """A connection that keeps what it is given, and takes no more than `most` times."""

    def __init__(self, most: int = 99) -> None:
        self.sent: list[bytes] = []
        self._most = most

    def begin(self, first: bytes) -> None:
        self.go_on(first)

    def go_on(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        if len(self.sent) == self._most:
            raise TransportError("enough")
        self.sent.append(head + body + tail)


def stream_to(notes: Notes) -> ResponseStream:
    return ResponseStream(b"HEAD\r\n\r\n", notes)


def no_loop() -> NoReturn:
    raise AssertionError("nothing here is asynchronous")


def test_the_head_waits_for_the_first_chunk() -> None:
    stream = stream_to(notes := Notes())
    assert (stream.state, notes.sent) == (State.AWAITING, [])
    stream.write(b"a")
    assert (stream.state, notes.sent) == (State.STREAMING, [b"HEAD\r\n\r\n1\r\na\r\n"])
    stream.finish()
    assert (stream.state, notes.sent[1:]) == (State.ENDED, [b"0\r\n\r\n"])


def test_nothing_can_be_written_after_the_end() -> None:
    stream = stream_to(Notes())
    stream.finish()
    with pytest.raises(InvalidResponse, match="has ended"):
        stream.write(b"a")
    with pytest.raises(InvalidResponse, match="has ended"):
        stream.finish()


def test_a_far_side_that_takes_no_more_ends_the_stream_and_closes_the_chunks() -> None:
    closed = []

    def chunks() -> Iterator[bytes]:
        try:
            yield from [b"a", b"b", b"c"]
        finally:
            closed.append(True)

    stream = stream_to(Notes(most=2))
    stream.send(chunks())
    assert (stream.state, stream.gone, stream.body_bytes, closed) == (State.ENDED, "enough", 2, [True])


def test_a_body_that_fails_before_its_first_chunk_leaves_nothing_sent() -> None:
    stream = stream_to(notes := Notes())
    with pytest.raises(ZeroDivisionError):
        stream.send(str(1 // 0) for _ in "a")
    assert (stream.state, notes.sent) == (State.AWAITING, [])


def test_what_the_body_raises_while_it_is_closed_is_not_lost() -> None:
    def chunks() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            raise KeyError("in finally")

    with pytest.raises(KeyError, match="in finally"):
        stream_to(Notes(most=1)).send(chunks())


def test_writing_by_hand_to_a_far_side_that_is_gone() -> None:
    stream = stream_to(Notes(most=0))
    with pytest.raises(ClientGone, match="enough"):
        stream.write(b"a")


@pytest.mark.parametrize("body", [b"ab", "ab", bytearray(b"ab"), ["a", b"", "", b"b"], memoryview(b"ab"), iter("ab")])
def test_what_a_body_may_be(body: object) -> None:
    stream = PlainStream(body)  # type: ignore[arg-type]
    sent = stream_to(notes := Notes())
    sent.send(stream.chunks(no_loop))
    assert (sent.state, sent.body_bytes) == (State.ENDED, 2)
    assert notes.sent[-1] == b"0\r\n\r\n"


def test_a_body_that_cannot_be_iterated_is_refused_where_it_is_given() -> None:
    with pytest.raises(TypeError, match="iterable of bytes or str, not int"):
        StreamingResponse(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chunks", "more"),
    [(["gr\u00fc", "\u00df"], {"body": "gr\u00fc\u00df"}), ([b"\xff"], {"body": "/w==", "isBase64Encoded": True})],
)
def test_a_response_in_one_piece_is_what_api_gateway_reads(chunks: list[str], more: dict[str, object]) -> None:
    response = StreamingResponse(chunks, 201, {"Content-Type": "text/plain"}, ["a=1"])
    body, content_type = response.collect(no_loop)
    assert content_type == "application/json"
    headers = {"Content-Type": "text/plain"}
    assert json.loads(body) == {"statusCode": 201, "headers": headers, "cookies": ["a=1"], **more}
