"""A Runtime API that does to each invocation what its plan says, and keeps the books: who answered what, how often.

It is the contract tests' fake, with what that leaves out: bodies in chunks, events that come twice, connections of
processes that have died, and a memory that does not grow.
"""

import fcntl
import select
import socket
import struct
import termios
import threading
import time
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.modes import Mode
from tests.chaos.plan import Trial, delivers, spoils
from tests.contract.fake_api import FakeRuntimeApi, _Pending
from tests.contract.http_side import Connection, Request, Verdict, _Recorder
from tests.contract.script import REQUEST_ID, Reply, Then

# A runtime that reads as fast as it can gets what was split in pieces; a second would show nothing more.
PAUSE_S = 0.0002
# For the far side to read what a reset would take away, unless it has died.
PATIENCE_S = 5.0


class Answer(NamedTuple):
    """One answer that was read.

    Attributes:
        kind: `response` or `error`.
        body: what was sent.
        failure: of a streamed one, its error type; empty where it ended well.
    """

    kind: str
    body: bytes
    failure: str


class UnrulyConnection(Connection):
    """One connection: takes chunks too, and sends pieces after a pause."""

    def setup(self) -> None:
        super().setup()
        self.server.judge.connections.live = self.connection  # type: ignore[attr-defined]

    def _read_body(self, request: Request) -> bytes:
        if request.header("Transfer-Encoding") is None:
            return super()._read_body(request)
        body = b""
        while size := int(self.rfile.readline().strip() or b"-1", 16):
            if size < 0:
                raise ConnectionResetError("in the middle of a streamed answer")
            body += self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            request.headers.append((name, value.strip()))
        assert isinstance(self.rfile, _Recorder)
        self.rfile.seen = b""
        return body

    def _send(self, reply: Reply, data: bytes) -> None:
        data = data[: reply.cut_at]
        edges = [0, *sorted({edge for edge in reply.split_at if 0 < edge < len(data)}), len(data)]
        for start, end in pairwise(edges):
            if start:
                time.sleep(PAUSE_S)
            self.connection.sendall(data[start:end])

    def _end(self, reply: Reply) -> None:
        if reply.then is Then.RESET:
            self._wait_until_sent()
        super()._end(reply)
        if not self.close_connection and spoils(reply):
            self._wait_until_closed()
            self.close_connection = True

    def _wait_until_sent(self) -> None:
        """Return when the far side's system has all of a reply: what is left here would be lost with the connection."""
        deadline = time.monotonic() + PATIENCE_S
        while _unsent_bytes(self.connection) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)

    def _wait_until_closed(self) -> None:
        """Return when the far side gives up a connection; where it does not, it waits for ever, and the round hangs."""
        while self.connection.recv(1 << 16):
            pass


class UnrulyApi(FakeRuntimeApi):
    """Serves a round.

    Args:
        mode: how it is served.

    Attributes:
        connections: has the `live` one of each thread.
        trials: by their request ids.
        answers: what was read of each invocation, in order.
        given: the ids of the events that were handed out; for others to clear.
    """

    def __init__(self, mode: Mode) -> None:
        super().__init__(at_once=mode.at_once)
        self.connections = threading.local()
        self.trials: dict[str, Trial] = {}
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.given: set[str] = set()
        self._repeated: set[str] = set()
        self._server.RequestHandlerClass = UnrulyConnection

    def plan_for(self, trials: list[Trial]) -> None:
        """Put more invocations behind those that are left."""
        with self._changed:
            for trial in trials:
                self.add(trial)
                self.trials[next(reversed(self._known))] = trial

    def receive(self, request: Request) -> tuple[Reply, Verdict] | None:
        received = super().receive(request)
        with self._changed:
            self.requests.clear()
        return received

    def _hand_out(self) -> tuple[Reply, Verdict] | None:
        found = super()._hand_out()
        if found is not None:
            self.given.add(str(found[1].headers[REQUEST_ID]))
        return found

    def _delivers(self, reply: Reply) -> bool:
        return delivers(reply)

    def _wait_for_event(self) -> bool:
        return super()._wait_for_event() and not _is_gone(self.connections.live)

    def _take_answer(self, request: Request) -> tuple[Reply, Verdict]:
        reply, verdict = super()._take_answer(request)
        pending = self._known.get(request.request_id)
        if pending is not None and not reply.unread:
            failure = request.header("Lambda-Runtime-Function-Error-Type") or ""
            self.answers[request.request_id].append(Answer(request.endpoint, request.body, failure))
            self._repeat(pending, verdict)
        return reply, verdict

    def _repeat(self, pending: _Pending, verdict: Verdict) -> None:
        trial = self.trials[pending.request_id]
        if trial.repeats and verdict.status == 202 and pending.request_id not in self._repeated:
            self._repeated.add(pending.request_id)
            self._queue.append(pending)
            self._changed.notify_all()


def _is_gone(connection: socket.socket) -> bool:
    """Whether the far side has closed a connection on which it waits."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


def _unsent_bytes(connection: socket.socket) -> int:
    """Return how much the far side's system has not taken yet (SIOCOUTQ, which is TIOCOUTQ)."""
    return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0])
