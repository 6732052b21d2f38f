"""What the warm round trip costs in Python at the least: scan the event, call a function, encode its result, send it.

No context, no trace id, no deadline, no log, no error, no retry; nothing is checked, and the replies are known to be
those of the bench's server. What this takes beside the echo in C is the interpreter's; the rest of what the runtime
takes is for what is left out here.
"""

import _json
from _socket import AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket
from posix import environ

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER = (
    b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b" + NEXT
)
REQUEST_ID = b"Lambda-Runtime-Aws-Request-Id: "
UUID_BYTES = 36
ACCEPTED = b'{"status":"OK"}\n'


class ScannerOptions:
    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def handler(event: object, context: object) -> object:
    return event


def main() -> None:
    host, _, port = environ[b"AWS_LAMBDA_RUNTIME_API"].decode().partition(":")
    api = socket(AF_INET, SOCK_STREAM)
    api.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    api.connect((host, int(port)))
    scan = _json.make_scanner(ScannerOptions())  # type: ignore[arg-type]
    encode = _json.make_encoder(None, None, _json.encode_basestring_ascii, None, ": ", ", ", False, False, True)  # type: ignore[arg-type]
    api.sendall(NEXT)
    received = b""
    while True:
        received = received or api.recv(8192)
        head_end = received.index(b"\r\n\r\n") + 4
        if received.startswith(b"HTTP/1.1 202"):
            received = received[head_end + len(ACCEPTED) :]
            continue
        begin = received.index(REQUEST_ID) + len(REQUEST_ID)
        result = "".join(encode(handler(scan(received[head_end:].decode(), 0)[0], None), 0)).encode()
        api.sendall(ANSWER % (received[begin : begin + UUID_BYTES], len(result), result))
        received = b""


main()
