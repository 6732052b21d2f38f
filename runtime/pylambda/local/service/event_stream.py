"""Amazon's event stream as bytes: the two frames of `InvokeWithResponseStream`.

A frame, big-endian: its length, the length of its headers, the CRC-32 of these eight bytes; the headers; the payload;
the CRC-32 of all before. A header: its name's length and name, the type 7 for text, its value's length and value.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and botocore's `eventstream`.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator

CONTENT_TYPE = "application/vnd.amazon.eventstream"
PAYLOAD_CHUNK = "PayloadChunk"
INVOKE_COMPLETE = "InvokeComplete"
EVENT_TYPE = ":event-type"
_TEXT = 7
_PRELUDE_BYTES = 12


def payload_chunk(payload: bytes) -> bytes:
    """Return the frame of a piece of the response."""
    return frame(PAYLOAD_CHUNK, "application/octet-stream", payload)


def invoke_complete(*, error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """Return the frame that ends every stream.

    Args:
        error_code: the error's type; empty where the function succeeded.
        error_details: its document.
        log_result: the end of the log in base64, where it was asked for.
    """
    fields = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    text = json.dumps({name: value for name, value in fields.items() if value})
    return frame(INVOKE_COMPLETE, "application/json", text.encode())


def frame(event_type: str, content_type: str, payload: bytes) -> bytes:
    """Return one frame."""
    fields = {":message-type": "event", EVENT_TYPE: event_type, ":content-type": content_type}
    headers = b"".join([_header(name, value) for name, value in fields.items()])
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = b"".join((prelude, struct.pack(">I", zlib.crc32(prelude)), headers, payload))
    return message + struct.pack(">I", zlib.crc32(message))


def frames(parts: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Give the event types and payloads of a stream, each as soon as it is whole.

    Args:
        parts: the bytes, cut anywhere.
    """
    held = b""
    for part in parts:
        held += part
        while len(held) >= _PRELUDE_BYTES and len(held) >= (length := int.from_bytes(held[:4], "big")):
            header_bytes = int.from_bytes(held[4:8], "big")
            headers = held[_PRELUDE_BYTES : _PRELUDE_BYTES + header_bytes]
            yield _texts(headers)[EVENT_TYPE], held[_PRELUDE_BYTES + header_bytes : length - 4]
            held = held[length:]


def _texts(headers: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at < len(headers):
        name_end = at + 1 + headers[at]
        value_at = name_end + 3
        value_end = value_at + int.from_bytes(headers[name_end + 1 : value_at], "big")
        found[headers[at + 1 : name_end].decode()] = headers[value_at:value_end].decode()
        at = value_end
    return found


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(f">B{len(name)}sBH", len(name), name.encode(), _TEXT, len(encoded)) + encoded
