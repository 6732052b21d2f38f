"""The clocks of one worker: how long it may start, how long an invocation may take, how much memory it may hold."""

import asyncio
import time
from collections.abc import Callable

from pylambda.local.service.memory import group_mb

# Lambda lets a start take so long; then it starts again, inside the invocation and its time limit.
INIT_LIMIT_S = 10.0
# It gives all of a shutdown so long.
SHUTDOWN_S = 2.0
MEMORY_POLL_S = 0.1
# What `context.get_remaining_time_in_millis` counts down from where nothing ends an invocation.
NO_DEADLINE_S = 24 * 3600.0


def deadline_ms(began: float, limit_s: float | None) -> int:
    """Return when an invocation must have ended, in milliseconds since 1970.

    Args:
        began: by the monotonic clock.
        limit_s: None for none.
    """
    limit_s = NO_DEADLINE_S if limit_s is None else limit_s
    return int((time.time() + began + limit_s - time.monotonic()) * 1000)


class Limits:
    """Timers that call back when something is over.

    Args:
        timeout_s: of an invocation; None for no clocks at all, as while somebody debugs.
        memory_mb: of the process group; None for none.
    """

    def __init__(self, timeout_s: float | None, memory_mb: int | None) -> None:
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._start: asyncio.TimerHandle | None = None
        self._memory: asyncio.TimerHandle | None = None
        self._invocations: dict[str, asyncio.TimerHandle] = {}

    @property
    def runs(self) -> bool:
        """Whether an invocation's clock runs, also after its answer."""
        return bool(self._invocations)

    def begin_start(self, warn: Callable[[], None], end: Callable[[], None]) -> None:
        """Warn when a start takes longer than Lambda allows, and end it when an invocation's limit is over too."""
        if self._timeout_s is None:
            return
        loop, timeout_s = asyncio.get_running_loop(), self._timeout_s

        def over() -> None:
            warn()
            self._start = loop.call_later(timeout_s, end)

        self._start = loop.call_later(INIT_LIMIT_S, over)

    def end_start(self) -> None:
        """The start is done."""
        if self._start is not None:
            self._start.cancel()

    def begin(self, request_id: str, over: Callable[[], None]) -> None:
        """Start an invocation's clock."""
        if self._timeout_s is not None:

            def end() -> None:
                self._invocations.pop(request_id, None)
                over()

            self._invocations[request_id] = asyncio.get_running_loop().call_later(self._timeout_s, end)

    def end(self, request_id: str) -> None:
        """Stop an invocation's clock."""
        timer = self._invocations.pop(request_id, None)
        if timer is not None:
            timer.cancel()

    def lift(self) -> None:
        """Stop the clocks of what goes on now: a person looks at it."""
        self.end_start()
        self.end_all()

    def end_all(self) -> None:
        """Stop the clocks of all invocations."""
        for request_id in list(self._invocations):
            self.end(request_id)

    def watch_memory(self, group: int, over: Callable[[int, int], None]) -> None:
        """Look at a process group's memory from now on; `over` is given what it holds and what it may hold, in MB."""
        if self._memory_mb is None:
            return
        held_mb = group_mb(group)
        if held_mb > self._memory_mb:
            over(held_mb, self._memory_mb)
        else:
            self._memory = asyncio.get_running_loop().call_later(MEMORY_POLL_S, self.watch_memory, group, over)

    def close(self) -> None:
        """Stop all clocks."""
        self.end_all()
        for timer in (self._start, self._memory):
            if timer is not None:
                timer.cancel()
