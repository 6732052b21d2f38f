"""One invocation on its way: what the function is given, what comes back, and what it printed meanwhile."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from pylambda.local.service.memory import peak_mb
from pylambda.local.service.outcomes import LONGEST_RESULT_BYTES, Outcome, too_large

# What the service gives back of a log.
TAIL_BYTES = 4096


class Call(NamedTuple):
    """What a caller asks for.

    Attributes:
        payload: the event.
        kind: what a person would call it: `invoke`, `stream`, `event`, or method and path.
        arn: the name under which the function was called.
        version: what `context.function_version` should be; told to the caller.
        client_context: decoded JSON; empty where there is none.
        tenant_id: empty where there is none.
        trace_id: the caller's; empty for a new one.
        request_id: of an earlier attempt; empty for a new one.
        tail: whether the end of the log is wanted.
        live: whether a streamed response is wanted as it arrives.
        rendered: whether a front makes an HTTP response of the result, and tells how that went.
    """

    payload: bytes
    kind: str
    arn: str
    version: str = "$LATEST"
    client_context: str = ""
    tenant_id: str = ""
    trace_id: str = ""
    request_id: str = ""
    tail: bool = False
    live: bool = False
    rendered: bool = False


class Invocation:
    """A call that was accepted.

    Args:
        call: what was asked for.

    Attributes:
        call: the same.
        request_id: the same over attempts.
        invocation_id: another one for each attempt: the runtime gives it back, and a stray answer is known by it.
        done: how it ended.
        on_done: called with that at once, where somebody cannot wait for a turn of the loop.
        began: when a worker was given it, by the monotonic clock; 0 while it waits.
        init_ms: how long its worker took to start; None where that had been asked before.
        worker: the number of the worker that has it.
        duration_ms: how long the function took.
        pid: the worker's process.
        delivered: whether the runtime has it.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.request_id = call.request_id or new_id()
        self.invocation_id = new_id()
        self.trace_id = call.trace_id or new_trace_id()
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.on_done: Callable[[Outcome], None] | None = None
        self.began = 0.0
        self.init_ms: float | None = None
        self.worker = 0
        self.duration_ms = 0.0
        self.pid = 0
        self.delivered = False
        self._log = bytearray()
        self._stream_type: str | None = None
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._arrival: asyncio.Event = asyncio.Event()
        self._abandoned = False

    @property
    def used_mb(self) -> int:
        """The most memory that its process has held so far; 0 where this cannot be known."""
        return peak_mb(self.pid)

    @property
    def streaming(self) -> str | None:
        """The content type of a streamed response that has begun; None where none has."""
        return self._stream_type

    def begin_stream(self, content_type: str) -> None:
        """Note that the response comes in pieces."""
        self._stream_type = content_type
        self._arrival.set()

    def push(self, part: bytes) -> None:
        """Take a piece of a streamed response."""
        self._held_bytes += len(part)
        if self._abandoned or (not self.call.live and self._held_bytes > LONGEST_RESULT_BYTES):
            return
        self._parts.append(part)
        self._arrival.set()

    def finish_stream(self, error_type: str, error_body: bytes) -> Outcome:
        """Return how a stream ended: well, unless it named an error."""
        content_type = self._stream_type or ""
        if error_type:
            return Outcome(error_body, error_type, content_type, streamed=True)
        if self.call.live:
            return Outcome(b"", content_type=content_type, streamed=True)
        if self._held_bytes > LONGEST_RESULT_BYTES:
            return too_large()
        return Outcome(b"".join(self._parts), content_type=content_type, streamed=True)

    def finish(self, outcome: Outcome) -> None:
        """Settle it; what comes later changes nothing."""
        if not self.done.done():
            self.done.set_result(outcome)
            self._arrival.set()
            if self.on_done is not None:
                self.on_done(outcome)

    def abandon(self) -> None:
        """Keep nothing of a stream for a caller that has left. The function goes on, as in Lambda."""
        self._abandoned = True
        self._parts.clear()

    async def begun(self) -> str | None:
        """Wait until the response streams, and return its content type; None where it came whole, or not at all."""
        await self._arrival.wait()
        return self._stream_type

    async def arriving(self) -> AsyncIterator[bytes]:
        """Give the pieces of a streamed response as they come; none where it does not stream."""
        while True:
            await self._arrival.wait()
            if not self.done.done():
                self._arrival.clear()
            parts, self._parts = self._parts, []
            for part in parts:
                yield part
            if self.done.done() and not self._parts:
                return

    def add_log(self, line: str) -> None:
        """Keep a line of the log, with its end, where somebody will ask for it."""
        if not self.call.tail:
            return
        self._log += line.encode("utf-8", "surrogateescape")
        if len(self._log) > 4 * TAIL_BYTES:
            del self._log[:-TAIL_BYTES]

    def log_tail(self) -> bytes:
        """Return the log's last bytes. A cut may split a character, as the service's does."""
        return bytes(self._log[-TAIL_BYTES:])


def new_id() -> str:
    """Return a random UUID, as the service's ids are: what `uuid.uuid4` makes, without that module's start."""
    digits = f"{int.from_bytes(os.urandom(16)) & ~(0xF << 76) & ~(0x3 << 62) | 4 << 76 | 2 << 62:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_trace_id() -> str:
    """Return a trace id as the service makes them, not sampled."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Parent={os.urandom(8).hex()};Sampled=0"
