"""A Runtime API on a real loopback socket, which does what a script of data says and keeps what it receives.

Requests are taken apart by the standard library's `http.server`, so a framing bug of the runtime cannot agree with
itself here. What is looked at is strict: a head that is not plain HTTP/1.1 is a complaint, an answer to the wrong
invocation is refused with the platform's own words. Events that were not answered are handed out again, as the
emulator does; where several may be in flight at once, each goes out once. When there is no event left, `/next`
waits: a run is over when the runtime waits there or has ended.

Any runtime can be pointed at it: nothing here knows ours.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.contract.http_side import Connection, Request, Server, Verdict
from tests.contract.script import AS_AWS, FUNCTION_ARN, REQUEST_ID, TRACE_ID, Headers, Next, Reply, merge

MAX_BODY_BYTES = 6 * 1024 * 1024 + 100
OK = b'{"status":"OK"}\n'
JSON: Headers = {"Content-Type": "application/json"}
# For what a loaded machine takes long to do; no test shows by it that something is fast.
DEADLINE_S = 60.0
EXTENSION_ID = "0c1b2d3e-4f50-4617-8293-a4b5c6d7e8f9"


def _refusal(status: int, error_type: str, message: str) -> Verdict:
    return Verdict(status, json.dumps({"errorMessage": message, "errorType": error_type}).encode(), JSON)


NOT_ALLOWED = _refusal(403, "InvalidStateTransition", "State transition is not allowed")

INVOKE_TIMEOUT = _refusal(410, "InvokeTimeout", "Invoke timeout")


@dataclass(eq=False)
class _Pending:
    """An event on its way: how often it was handed out, and how often answered."""

    event: Next
    request_id: str
    deliveries: int = 0
    answers: int = 0


class FakeRuntimeApi:
    """Serves events on a port of its own, while it is entered as a context manager.

    Args:
        events: what `/next` hands out, in order.
        init_error: how `/init/error` is answered.
        restore: how `/restore/next` is answered.
        register: how a registration as an extension is answered.
        at_once: how many events may be on their way at the same time.

    Attributes:
        requests: all that was received, in order of arrival.
        complaints: what was malformed about it.
    """

    def __init__(
        self,
        *events: Next,
        init_error: Reply = AS_AWS,
        restore: Reply = AS_AWS,
        register: Reply = AS_AWS,
        at_once: int = 1,
    ) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self._init_error = init_error
        self._restore = restore
        self._register = register
        self._changed = threading.Condition()
        self._queue: deque[_Pending] = deque()
        self._known: dict[str, _Pending] = {}
        self._at_once = at_once
        self._in_flight: list[_Pending] = []
        self._expired: set[str] = set()
        self._asked = False
        self._waiting = 0
        self._connections = 0
        self._closing = threading.Event()
        self._server = Server(("127.0.0.1", 0), Connection)
        self._server.judge = self
        self.add(*events)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def idle(self) -> bool:
        """Whether every event was answered and the runtime waits for another."""
        with self._changed:
            return self._waiting > 0 and not self._queue and not self._in_flight

    @property
    def waiting(self) -> int:
        """How many requests for an event wait for one."""
        return self._waiting

    @property
    def in_flight(self) -> list[str]:
        """The request ids of what was handed out and not answered, in that order."""
        with self._changed:
            return [pending.request_id for pending in self._in_flight]

    def expire(self, request_id: str) -> None:
        """Answer a caller in the function's place: its time is up, and what comes later is refused."""
        with self._changed:
            self._in_flight = [pending for pending in self._in_flight if pending.request_id != request_id]
            self._expired.add(request_id)
            self._changed.notify_all()

    def add(self, *events: Next) -> None:
        """Put more events behind those that are left."""
        with self._changed:
            for event in events:
                request_id = event.request_id or f"00000000-0000-4000-8000-{len(self._known) + 1:012}"
                self._known[request_id] = pending = _Pending(event, request_id)
                self._queue.append(pending)
            self._changed.notify_all()

    def wait_until(self, condition: Callable[[], bool], what: str, *, deadline_s: float = DEADLINE_S) -> None:
        """Return when the condition holds. Raises AssertionError at the deadline."""
        with self._changed:
            assert self._changed.wait_for(condition, deadline_s), f"not within {deadline_s:g} s: {what}"

    def notify(self) -> None:
        """Look at the conditions again: something outside has changed."""
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.notify()
        self._server.shutdown()
        self._server.server_close()

    # What `http_side.Judge` asks for; the connections call it, each from a thread of its own.

    def count_connection(self) -> int:
        with self._changed:
            self._connections += 1
            return self._connections

    def complain(self, what: str) -> None:
        with self._changed:
            self.complaints.append(what)

    def receive(self, request: Request) -> tuple[Reply, Verdict] | None:
        with self._changed:
            self.requests.append(request)
            reply, verdict = AS_AWS, _refusal(404, "NotFound", f"no such page: {request.method} {request.path}")
            match request.method, request.endpoint:
                case "GET", "next":
                    found = self._hand_out()
                    if found is None:
                        return None
                    reply, verdict = found
                case "POST", "response" | "error":
                    reply, verdict = self._take_answer(request)
                case "POST", "init/error" | "restore/error":
                    reply, verdict = self._init_error, self._judge_init_error()
                case "GET", "restore/next":
                    reply, verdict = self._restore, Verdict(200, b"{}", JSON)
                case "POST", "extension/register":
                    reply, verdict = self._register, self._judge_registration()
                case "GET", "extension/event/next":
                    # No event is sent to an extension that asked for none.
                    self._changed.wait_for(self._closing.is_set)
                    return None
            if reply.cut_at is None:
                request.status = verdict.status if reply.status is None else reply.status
            self._changed.notify_all()
        if reply.hold_s:
            self._closing.wait(reply.hold_s)
        return reply, verdict

    def plan(self, request_id: str) -> Reply:
        with self._changed:
            pending = self._known.get(request_id)
            return _nth(pending.event.answers, pending.answers) if pending else AS_AWS

    def _hand_out(self) -> tuple[Reply, Verdict] | None:
        self._asked = True
        self._waiting += 1
        self._changed.notify_all()
        is_one = self._wait_for_event()
        self._waiting -= 1
        if not is_one:
            return None
        pending = self._in_flight[0] if self._again else self._queue.popleft()
        reply = _nth(pending.event.replies, pending.deliveries)
        pending.deliveries += 1
        if not self._again:
            is_delivered = self._at_once == 1 or self._delivers(reply)
            (self._in_flight if is_delivered else self._queue).insert(0, pending)
        usual: Headers = {
            "Content-Type": "application/json",
            REQUEST_ID: pending.request_id,
            "Lambda-Runtime-Deadline-Ms": str(time.time_ns() // 1_000_000 + pending.event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Lambda-Runtime-Trace-Id": TRACE_ID,
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        }
        return reply, Verdict(200, pending.event.body, merge(usual, pending.event.headers))

    def _delivers(self, reply: Reply) -> bool:
        """Whether the runtime has an event after this reply."""
        return reply.status in (None, 200) and reply.cut_at is None

    def _wait_for_event(self) -> bool:
        """Wait until there is an event to hand out; return whether there is, or the fake ends."""
        self._changed.wait_for(lambda: self._closing.is_set() or self._again or bool(self._queue))
        return not self._closing.is_set()

    @property
    def _again(self) -> bool:
        """Whether an event is to be handed out that was before."""
        return self._at_once == 1 and bool(self._in_flight)

    def _take_answer(self, request: Request) -> tuple[Reply, Verdict]:
        pending = self._known.get(request.request_id)
        if pending is None or pending.deliveries == 0:
            return AS_AWS, _refusal(400, "InvalidRequestID", "Invalid request ID")
        reply = _nth(pending.event.answers, pending.answers)
        pending.answers += 1
        if reply.unread and reply.cut_at is not None:
            return reply, NOT_ALLOWED  # dropped before it was read: nobody has it
        if request.request_id in self._expired:
            return reply, INVOKE_TIMEOUT
        if pending not in self._in_flight:
            return reply, NOT_ALLOWED
        attempt = merge(pending.event.headers).get("Lambda-Runtime-Invocation-Id")
        if request.header("Lambda-Runtime-Invocation-Id") not in (None, attempt):
            return reply, INVOKE_TIMEOUT
        self._in_flight.remove(pending)
        if len(request.body) > MAX_BODY_BYTES:
            message = f"Exceeded maximum allowed payload size ({MAX_BODY_BYTES} bytes)."
            return reply, _refusal(413, "RequestEntityTooLarge", message)
        return reply, Verdict(202, OK, JSON)

    def _judge_registration(self) -> Verdict:
        if self._asked:
            return _refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
        return Verdict(200, b'{"functionName":"hello"}', {**JSON, "Lambda-Extension-Identifier": EXTENSION_ID})

    def _judge_init_error(self) -> Verdict:
        if self._asked:
            return NOT_ALLOWED
        return Verdict(202, OK, JSON)


def _nth(replies: tuple[Reply, ...], number: int) -> Reply:
    return replies[number] if number < len(replies) else AS_AWS
