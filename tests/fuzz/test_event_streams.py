"""The event stream of a streamed invocation beside botocore's reader; the bodies of streamed responses beside h11's."""

import struct
import zlib

import h11
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from pylambda.local.service.event_stream import frame, frames, invoke_complete, payload_chunk
from pylambda.runtime_api.chunks import chunk_parts, chunks_end
from tests.fuzz.replies import Pieces

CUTS = st.lists(st.integers(0, 400), max_size=8)
PAYLOADS = st.lists(st.binary(max_size=60), max_size=5)
WORDS = st.text(st.characters(codec="utf-8"), max_size=30)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return some bytes in pieces."""
    pieces, far_side = [], Pieces(data, cuts)
    while piece := far_side.recv(len(data)):
        pieces.append(piece)
    return pieces


@given(PAYLOADS, WORDS, WORDS, CUTS)
def test_botocore_and_our_own_client_read_what_was_sent(
    payloads: list[bytes], code: str, details: str, cuts: list[int]
) -> None:
    end = invoke_complete(error_code=code, error_details=details)
    data = b"".join([*map(payload_chunk, payloads), end])
    buffer = EventStreamBuffer()
    for piece in cut(data, cuts):
        buffer.add_data(piece)
    theirs = [(event.headers[":event-type"], event.payload) for event in buffer]
    assert [payload for _, payload in theirs[:-1]] == payloads
    assert list(frames(cut(data, cuts))) == theirs


@given(st.text("abc-", min_size=1, max_size=20), WORDS, st.binary(max_size=100))
def test_a_frame_says_its_own_lengths_and_sums(kind: str, content_type: str, payload: bytes) -> None:
    data = frame(kind, content_type, payload)
    assert struct.unpack(">I", data[:4])[0] == len(data)
    assert struct.unpack(">I", data[8:12])[0] == zlib.crc32(data[:8])
    assert struct.unpack(">I", data[-4:])[0] == zlib.crc32(data[:-4])


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.booleans(), CUTS)
def test_h11_reads_a_body_in_chunks(parts: list[bytes], failed: bool, cuts: list[int]) -> None:
    trailers = "Lambda-Runtime-Function-Error-Type: Function.E\r\n" if failed else ""
    body = b"".join([piece for part in parts for piece in chunk_parts(part)]) + chunks_end(trailers)
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert isinstance(server.next_event(), h11.Request)
    read, end = [], None
    for piece in cut(body, cuts):
        server.receive_data(piece)
        while isinstance(event := server.next_event(), (h11.Data, h11.EndOfMessage)):
            if isinstance(event, h11.EndOfMessage):
                end = event
                break
            read.append(bytes(event.data))
    assert b"".join(read) == b"".join(parts)
    assert end is not None
    assert bool(end.headers) == failed
