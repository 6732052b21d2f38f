"""Amazon's event stream as bytes: the two frames of `InvokeWithResponseStream`.

A frame, big-endian: its length, the length of its headers, the CRC-32 of these eight bytes; the headers; the payload;
the CRC-32 of all before. A header: its name's length and name, the type 7 for text, its value's length and value.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and botocore's `eventstream`.
"""

import json
import struct
import zlib

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7


def payload_chunk(payload: bytes) -> bytes:
    """Return the frame of a piece of the response."""
    return frame("PayloadChunk", "application/octet-stream", payload)


def invoke_complete(*, error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """Return the frame that ends every stream.

    Args:
        error_code: the error's type; empty where the function succeeded.
        error_details: its document.
        log_result: the end of the log in base64, where it was asked for.
    """
    fields = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    text = json.dumps({name: value for name, value in fields.items() if value})
    return frame("InvokeComplete", "application/json", text.encode())


def frame(event_type: str, content_type: str, payload: bytes) -> bytes:
    """Return one frame."""
    fields = {":message-type": "event", ":event-type": event_type, ":content-type": content_type}
    headers = b"".join([_header(name, value) for name, value in fields.items()])
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = b"".join((prelude, struct.pack(">I", zlib.crc32(prelude)), headers, payload))
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(f">B{len(name)}sBH", len(name), name.encode(), _TEXT, len(encoded)) + encoded
