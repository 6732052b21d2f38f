"""One event loop for the life of the environment: coroutines and asynchronous streams of handlers run on it.

The loop stands still between invocations, and so do the tasks that an invocation left behind: they go on with the
next one, and the clients and pools that belong to the loop stay usable. It is the thread's current event loop, so
`asyncio.get_event_loop()` gives the same one in code that is not asynchronous; where the function's module made a
loop current at import, that one is used.

A handler that would outlive its deadline is cancelled a margin before it. Where it waited is read off its frames
first, because the cancellation goes through them.

An asynchronous stream is one task from its first chunk to its last, because time limits, cancel scopes and task
groups belong to the task that they were entered in.
"""

import asyncio
import os
import traceback
import warnings
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Generator
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from pylambda.faults import DeadlineExceeded, HandlerCancelled, MissingDependency
from pylambda.function.waiting import place, waiting_frames

if TYPE_CHECKING:
    from pylambda.runtime_api.invocation import Current

ASYNCIO = os.path.dirname(asyncio.__file__) + os.sep
# EBADF, EINVAL: the function has closed the loop's descriptors. What lives on it is lost: a new process is whole again.
NO_POLL = 9, 22


class Runner:
    """Runs what is asynchronous to its end, from code that is not.

    Args:
        current: knows the invocation's deadline; without one nothing is cancelled.
        use_uvloop: take uvloop's loop.
        margin_ms: how long before the deadline a handler is cancelled.

    Raises:
        MissingDependency: uvloop is asked for and cannot be imported.
    """

    def __init__(self, current: "Current", *, use_uvloop: bool, margin_ms: int) -> None:
        self._current = current
        self._margin_ms = margin_ms
        self._loop = _uvloop() if use_uvloop else _current_or_new()
        asyncio.set_event_loop(self._loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs only while something of this class has it run."""
        return self._loop

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()
        asyncio.set_event_loop(None)

    def supervise(self, coroutine: "Coroutine[Any, Any, Any]") -> "Supervised":
        """Start a coroutine as a task of which more than one thing is waited for: its response, then its end."""
        task = self._loop.create_task(coroutine)
        return Supervised(task, self._deadline(task, coroutine), self._complete)

    def run(self, awaitable: "Awaitable[Any]") -> Any:
        """Return what `awaitable` comes to.

        Raises:
            DeadlineExceeded: it was cancelled because the deadline was near.
            HandlerCancelled: it was cancelled by something else.
            Exception: what it raises.
        """
        coroutine = awaitable if asyncio.iscoroutine(awaitable) else _await(awaitable)
        task = self._loop.create_task(coroutine)
        with self._deadline(task, coroutine):
            try:
                return self._complete(task)
            finally:
                task.cancel()  # where a signal has taken us out of the loop; a task that is done does not notice

    def iterate(self, body: "AsyncIterable[Any]") -> Generator[Any, None, None]:
        """Yield what `body` yields; the loop runs only while the next one is awaited.

        Raises:
            DeadlineExceeded, HandlerCancelled, Exception: see `run`.
        """
        handover = _Handover(self._loop)
        task = self._loop.create_task(handover.pump(body))
        deadline = self._deadline(task, body)
        try:
            while not (offered := self._next(handover, deadline)).is_end:
                yield offered.value
        except GeneratorExit:
            handover.stop()
            with deadline:
                self._loop.run_until_complete(task)
            raise
        finally:
            task.cancel()

    def _next(self, handover: "_Handover", deadline: "Deadline") -> "_Offer":
        with deadline:
            offer: _Offer = self._complete(handover.ask())
            if offer.error is not None:
                raise offer.error.with_traceback(_without_loop(offer.error.__traceback__))
            return offer

    def _complete(self, future: "asyncio.Future[Any]") -> Any:
        try:
            return self._loop.run_until_complete(future)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in NO_POLL and not future.done():
                raise SystemExit(f"the event loop is of no use any more: {error}") from None
            raise error.with_traceback(_without_loop(error.__traceback__)) from error.__cause__

    def _deadline(self, task: "asyncio.Task[Any]", source: Any) -> "Deadline":
        invocation = self._current.invocation
        return Deadline(self._loop, task, source, invocation.deadline_ms if invocation else 0, self._margin_ms)


class Supervised:
    """A task, and the deadline of the invocation that started it.

    Args:
        task: runs while something is waited for.
        deadline: cancels it.
        complete: runs the loop.
    """

    def __init__(
        self, task: "asyncio.Task[Any]", deadline: "Deadline", complete: "Callable[[asyncio.Future[Any]], Any]"
    ) -> None:
        self.task = task
        self._deadline = deadline
        self._complete = complete

    def until(self, future: "asyncio.Future[Any]") -> Any:
        """Run the loop until `future` is done; return what it comes to.

        Raises:
            DeadlineExceeded, HandlerCancelled: the task was cancelled; see `Runner.run`.
            Exception: what `future` raises.
        """
        with self._deadline:
            try:
                return self._complete(future)
            except BaseException:
                if self.task.done() and not self.task.cancelled():
                    self.task.exception()  # looked at, or else the loop logs that nobody did
                raise


class Deadline:
    """While entered, cancels a task when its time is up, and gives the cancellation its name.

    Args:
        loop: the task's.
        task: what is cancelled.
        source: the coroutine or asynchronous generator whose frames say where it waits.
        deadline_ms: milliseconds since the epoch; one that is past, as 0 is, counts as none.
        margin_ms: how long before it to cancel; where less is left, half of what is.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]", source: Any, deadline_ms: int, margin_ms: int
    ) -> None:
        self._loop = loop
        self._task = task
        self._source = source
        left_s = deadline_ms / 1000 - time()
        self._cancel_after_s = left_s - margin_ms / 1000 if left_s * 1000 > margin_ms else left_s / 2
        self._cancel_at = loop.time() + self._cancel_after_s if left_s > 0 else None
        self._frames: list[traceback.FrameSummary] | None = None
        self._timer: asyncio.Handle | None = None

    def __enter__(self) -> None:
        # Nothing can be cancelled before it waits for the first time, and most never do: a timer is for the others.
        if self._cancel_at is not None:
            self._timer = self._loop.call_soon(self._wind_up)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(error, asyncio.CancelledError):
            self._task.uncancel()  # it may be the one that this runs in, and goes on
            if self._frames is None:
                raise HandlerCancelled("the handler was cancelled, and not because of the deadline") from error
            raise DeadlineExceeded(
                f"the handler was cancelled after {self._cancel_after_s:.3f} s, shortly before the deadline, "
                f"while it was waiting {place(self._frames)}",
                hint="the function's timeout is too short for this event, or what it waits for does not answer",
                stack=tuple(traceback.format_list(self._frames)),
            ) from None

    def _wind_up(self) -> None:
        if not self._task.done():
            assert self._cancel_at is not None
            self._timer = self._loop.call_at(self._cancel_at, self._expire)

    def _expire(self) -> None:
        self._frames = waiting_frames(self._source)
        self._task.cancel()


class _Offer(NamedTuple):
    """What a pump hands over: a value, an error, or the end.

    The error is no exception of the future's, because a loop is not stopped by a future that holds a SystemExit.
    """

    value: Any = None
    error: BaseException | None = None
    is_end: bool = False


class _Handover:
    """Between a pump, which is a task, and the code that asks it for one value at a time.

    Args:
        loop: runs the pump.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._offer: asyncio.Future[_Offer] = loop.create_future()
        self._asked: asyncio.Future[bool] = loop.create_future()

    def ask(self) -> "asyncio.Future[_Offer]":
        """Let the pump go on; return the future of what it will offer."""
        self._offer = self._loop.create_future()
        self._asked.set_result(True)
        return self._offer

    def stop(self) -> None:
        """Let the pump close the body, which waits where it offered last, and end."""
        self._asked.set_result(False)

    async def pump(self, body: "AsyncIterable[Any]") -> None:
        """Offer what `body` yields, each when it is asked for, and its end or what it raises."""
        if not await self._next_wish():
            return
        values = aiter(body)
        try:
            async for value in values:
                self._offer.set_result(_Offer(value))
                if not await self._next_wish():
                    if hasattr(values, "aclose"):
                        await values.aclose()
                    return
        except BaseException as error:
            if self._offer.done():
                raise
            self._offer.set_result(_Offer(error=error))
        else:
            self._offer.set_result(_Offer(is_end=True))

    async def _next_wish(self) -> bool:
        try:
            return await self._asked
        finally:
            self._asked = self._loop.create_future()


async def _await(awaitable: "Awaitable[Any]") -> Any:
    return await awaitable


def _without_loop(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from where it leaves the event loop, because a user's trace shows the user's frames."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((__file__, ASYNCIO, "uvloop")):
        trace = trace.tb_next
    return trace


def _current_or_new() -> asyncio.AbstractEventLoop:
    """Return the loop that is current, as the function's module may have made one, or else a new one."""
    with warnings.catch_warnings():
        # Up to 3.13 asking for the current loop makes one where there is none, and 3.12 warns of that.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            return asyncio.new_event_loop()
    return asyncio.new_event_loop() if loop.is_closed() else loop


def _uvloop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError as error:
        raise MissingDependency(
            f"PYLAMBDA_UVLOOP is set, and uvloop cannot be imported: {error}",
            hint="install uvloop in the image, or unset PYLAMBDA_UVLOOP",
        ) from error
    return uvloop.new_event_loop()
