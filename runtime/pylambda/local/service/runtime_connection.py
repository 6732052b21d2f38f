"""A worker's connection: what its own runtime sends with each invocation is taken as it comes, all else through `h11`.

Of the three requests of an invocation two are the runtime's: an answer, and behind it in the same write the request for
the next event. The far side is our own code, so these two need no parser of foreign bytes, no task and no turn of the
loop each. A request that is not whole, or not plain, or that is to be refused, goes the way of all others.
"""

import asyncio

from pylambda import names
from pylambda.local.service.http1 import HEAD_END, Connection, Server
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import LONGEST_RESULT_BYTES, Outcome
from pylambda.local.service.worker import Worker
from pylambda.local.service.worker_api import OK, WorkerApi

ASKS = f"GET {names.NEXT_PATH} HTTP/1.1".encode()
ANSWERS = f"POST {names.INVOCATION_PATH}".encode(), b"/response HTTP/1.1"
HOST, USER_AGENT = b"host", b"user-agent"
CONTENT_TYPE, CONTENT_LENGTH = names.CONTENT_TYPE.encode(), b"content-length"
INVOCATION_ID = names.INVOCATION_ID.encode()
PLAIN = {HOST, USER_AGENT, CONTENT_TYPE, CONTENT_LENGTH, INVOCATION_ID}
ACCEPTED = f"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: {len(OK)}\r\n\r\n".encode() + OK


class RuntimeConnection(Connection):
    """One of a worker's connections.

    Args:
        server: whose it is.
        api: the worker's.
        worker: the worker.
    """

    def __init__(self, server: Server, api: WorkerApi, worker: Worker) -> None:
        super().__init__(server)
        self._api = api
        self._worker = worker
        self._asks = False
        self._early = b""  # what came while an event was asked for
        self._owed = b""  # a reply that is sent with what comes next, or once the caller has its answer

    def data_received(self, data: bytes) -> None:
        if self._asks:
            self._early += data
            return
        while data and not self._asks and self.is_idle:
            head, end, rest = data.partition(HEAD_END)
            lines = head.split(b"\r\n")
            if not end or not (taken := self._asked(lines) if lines[0] == ASKS else self._answered(lines, rest)):
                break
            data = data[len(head) + len(end) + taken - 1 :]
        if self._asks:
            self._early = data
        elif data:
            self._flush()
            super().data_received(data)

    def _asked(self, lines: list[bytes]) -> int:
        """Take a request for an event; return 0 where it is not plain, else one more than the length of its body."""
        worker = self._worker
        fields = plain_fields(lines)
        if fields is None or CONTENT_LENGTH in fields or (worker.plan.at_once == 1 and worker.running):
            return 0
        self._asks = True
        worker.poll(self._deliver)
        return 1

    def _answered(self, lines: list[bytes], rest: bytes) -> int:
        """Take an answer that is whole; return as `_asked` does."""
        begin, end = ANSWERS
        fields = plain_fields(lines)
        if fields is None or not (lines[0].startswith(begin) and lines[0].endswith(end)):
            return 0
        text = fields.get(CONTENT_LENGTH, b"")
        length = int(text) if text.isdigit() else -1
        invocation = self._worker.running.get(lines[0][len(begin) : -len(end)].decode("latin-1"))
        given = fields.get(INVOCATION_ID, b"").decode("latin-1")
        if (
            not 0 <= length <= min(len(rest), LONGEST_RESULT_BYTES)
            or invocation is None
            or given not in ("", invocation.invocation_id)
        ):
            return 0
        content_type = fields.get(CONTENT_TYPE, b"").decode("utf-8", "replace")
        self._worker.answered(invocation, Outcome(rest[:length], content_type=content_type))
        self._owed += ACCEPTED
        asyncio.get_running_loop().call_soon(self._flush)  # behind whoever waits for the answer
        return length + 1

    def _deliver(self, invocation: Invocation) -> None:
        self._asks = False
        if self.lost or self._transport is None:
            self._worker.undelivered(invocation)
            return
        payload = invocation.call.payload
        lines = [f"{name}: {value}" for name, value in self._api.headers(invocation)]
        head = "\r\n".join(["HTTP/1.1 200 OK", *lines, f"Content-Length: {len(payload)}", "", ""])
        self._owed += head.encode("utf-8", "surrogateescape") + payload
        self._flush()
        invocation.delivered = True
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def _flush(self) -> None:
        if self._owed and not self.lost and self._transport is not None:
            self._transport.write(self._owed)
        self._owed = b""

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._asks:
            self._worker.unpoll(self._deliver)


def plain_fields(lines: list[bytes]) -> dict[bytes, bytes] | None:
    """Return the fields of a head by name in lower case; None where there is one that could mean more than it says."""
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name not in PLAIN or name in fields:
            return None
        fields[name] = value.strip(b" \t")
    return fields
