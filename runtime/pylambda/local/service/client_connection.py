"""A client's connection: a call as most are is taken as it comes, all else through `h11`.

Such a call is an `Invoke` with no field but those that SDKs and curl send, and a body that is not long. It needs no
task, and its answer leaves in the turn of the loop in which the runtime gave it. Whatever is unusual, or is to be
refused, is for `h11` to read from its first byte on, and for the API to answer.
"""

from typing import NamedTuple

from pylambda.local.service.function_names import is_plain
from pylambda.local.service.http1 import HEAD_END, Connection, Server
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.invoke_api import InvokeApi
from pylambda.local.service.outcomes import Outcome

BEGIN, END = "POST /2015-03-31/functions/", "/invocations HTTP/1.1"
# A longer one takes its time anyway, and is received piece by piece.
LONGEST_BODY_BYTES = 1 << 16
# A field of another name could say how the body is sent, or ask for something before it is.
ORDINARY = frozenset(
    "host user-agent accept accept-encoding content-type content-length connection authorization x-amz-date"
    " x-amz-security-token x-amz-content-sha256 x-amz-user-agent amz-sdk-invocation-id amz-sdk-request"
    " x-amz-invocation-type x-amz-log-type x-amz-client-context x-amz-tenant-id x-amzn-trace-id".split()
)


class ClientConnection(Connection):
    """One client's connection.

    Args:
        server: whose it is.
        api: answers calls.
    """

    def __init__(self, server: Server, api: InvokeApi) -> None:
        super().__init__(server)
        self._api = api
        self._head: Head | None = None  # of a call whose body has not come whole
        self._came = b""  # that head, and as much of the body as there is; or what came while its client waits
        self._invocation: Invocation | None = None  # what its client waits for

    def data_received(self, data: bytes) -> None:
        if self._invocation is not None:
            self._came += data
            self.pause_reading()
        elif self._head is not None or (self.is_idle and self._drained is None):
            data = self._came + data
            self._came = b""
            if not self._taken(data):
                super().data_received(data)
        else:
            super().data_received(data)

    def _taken(self, data: bytes) -> bool:
        """Take a call, or wait for the rest of it; return False for what is not one as most are."""
        head, self._head = self._head or head_of(data), None
        if head is None or len(data) > head.end:
            return False
        if len(data) < head.end:
            self._head, self._came = head, data
            return True
        self._invocation = self._api.submit_plain(head.fields, head.name, data[head.body :])
        if self._invocation is None:
            return False
        self._invocation.on_done = self._answered
        return True

    def _answered(self, outcome: Outcome) -> None:
        invocation, self._invocation = self._invocation, None
        if self.lost or self._transport is None or invocation is None:
            return
        headers = [*self._api.headers_of(invocation, outcome), ("Content-Length", str(len(outcome.body)))]
        head = "".join([f"{name}: {value}\r\n" for name, value in headers])
        self._transport.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1") + outcome.body)
        if self._came:
            self.resume_reading()
            self.data_received(b"")

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._invocation is not None:
            self._api.leave(self._invocation)


class Fields(dict[str, str]):
    """A request's fields, each of which came once, by their names in lower case."""

    def header(self, name: str) -> str:
        """Return a field's value, empty where it is absent."""
        return self.get(name, "")


class Head(NamedTuple):
    """The head of an ordinary call: the function's name, its fields, and where its body begins and ends."""

    name: str
    fields: Fields
    body: int
    end: int


def head_of(data: bytes) -> Head | None:
    """Return the head of an ordinary call; None where it is another one, or not whole."""
    if not data.startswith(BEGIN.encode()):
        return None
    text, end, _ = data.partition(HEAD_END)
    line, *lines = text.decode("latin-1").split("\r\n")
    name = line[len(BEGIN) : -len(END)]
    fields = ordinary_fields(lines) if end and line.endswith(END) and is_plain(name) else None
    if fields is None:
        return None
    length = fields.header("content-length")
    if not (length.isdigit() and len(length) <= len(str(LONGEST_BODY_BYTES)) and int(length) <= LONGEST_BODY_BYTES):
        return None
    body = len(text) + len(HEAD_END)
    return Head(name, fields, body, body + int(length))


def ordinary_fields(lines: list[str]) -> Fields | None:
    """Return the fields of a head; None where one is not `ORDINARY`, comes twice or is not spelled plainly."""
    fields = Fields()
    for line in lines:
        name, _, value = line.partition(":")
        name = name.lower()
        if name not in ORDINARY or name in fields or not (value.isascii() and value.isprintable()):
            return None
        fields[name] = value.strip(" ")
    keeps = fields.header("connection").lower() in ("", "keep-alive")
    return fields if keeps and fields.header("host") else None
