"""Several invocations at once on one event loop: a task for each place, with a connection of its own.

Each invocation is a task too, from its event to its answer and what was deferred: what it cancels, and what it sets in
its context, is its own. A handler that is not asynchronous is called in a thread. One that holds the loop holds all the
others: the log says so once.
"""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from pylambda.faults import ExitError, Fault
from pylambda.function.aio import Deadline
from pylambda.function.context import LambdaContext, note_first
from pylambda.function.handler import exit_code
from pylambda.log.sinks import warn
from pylambda.payload.streams import PlainStream
from pylambda.start.settings import describe_function
from pylambda.workers.loop_api import LoopApi
from pylambda.workers.patience import Patience
from pylambda.workers.watch import LoopWatch

if TYPE_CHECKING:
    from pylambda.function.adapt import Adapted
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk, Stream
    from pylambda.runtime_api.invocation import Invocation
    from pylambda.workers.current import CurrentByContext
    from pylambda.workers.host import Host
    from pylambda.workers.places import Places

# How often is looked whether the last invocations have been answered, once the end was asked for.
LOOK_EVERY_S = 0.005


class Tasks:
    """Serves a handler on a loop.

    Args:
        host: what the modes have in common.
        current: the invocation of each task.
        adapted: the handler. `respond` is called on the loop and awaited where it can be; where there is none, `call`
            is called in a thread.
        places: how many there are, and whether another event may be asked for.
    """

    def __init__(self, host: "Host", current: "CurrentByContext", adapted: "Adapted", places: "Places") -> None:
        self._host = host
        self._current = current
        self._adapted = adapted
        self._places = places
        self._function = describe_function(host.settings.environ)
        self._margin_ms = host.settings.deadline_margin_ms
        self._end_lines: Callable[[str], None] = lambda request_id: None
        if host.settings.prints_records:
            from pylambda.log.printed import end_lines

            self._end_lines = end_lines
        self._threads = ThreadPoolExecutor(places.count, "place") if adapted.respond is None else None

    async def serve(self) -> None:
        """Serve until no more events may be asked for and all are answered.

        Raises:
            Fault: the Runtime API cannot be used any more.
        """
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        self._places.on_end(partial(loop.call_soon_threadsafe, ended.set))
        slots = [loop.create_task(self._serve_place(place)) for place in range(self._places.count)]
        all_slots = asyncio.gather(*slots)
        end = loop.create_task(ended.wait())
        with LoopWatch(loop, self._places):
            try:
                await asyncio.wait((all_slots, end), return_when=asyncio.FIRST_COMPLETED)
                self._places.end()
                while self._places.busy and self._places.time_left_s():
                    await asyncio.sleep(LOOK_EVERY_S)
            finally:
                for task in (end, *slots):
                    task.cancel()
                await asyncio.wait((end, *slots))
                if self._threads:
                    self._threads.shutdown(wait=False, cancel_futures=True)
        if not all_slots.cancelled() and (fault := all_slots.exception()):
            raise fault

    async def _serve_place(self, place: int) -> None:
        api = LoopApi(self._host.settings.runtime_api, warn)
        patience = Patience(warn)
        try:
            while api.has_asked or self._places.may_ask():
                self._places.asking()
                try:
                    invocation = await api.take()
                except Fault as fault:
                    await asyncio.sleep(patience.delay_s(fault))
                    continue
                patience.rewarded()
                self._places.took(place, invocation)
                await asyncio.create_task(self._serve(api, place, invocation))
                self._places.done(place)
                del invocation
        finally:
            api.drop()

    async def _serve(self, api: LoopApi, place: int, invocation: "Invocation") -> None:
        note_first(invocation)
        self._current.invocation = invocation
        try:
            await self._answer(api, invocation)
            self._places.answered(place)
            await self._run_deferred(invocation)
        finally:
            self._end_lines(invocation.request_id)  # of what ran after the answer
            self._current.done()

    async def _answer(self, api: LoopApi, invocation: "Invocation") -> None:
        try:
            event = self._adapted.decode(invocation.event, invocation.content_type)
            invocation.event = b""
            context = LambdaContext(invocation, self._function, self._host.sink.write)
            body, content_type = self._adapted.encode(await self._call(event, context, invocation))
            self._end_lines(invocation.request_id)
        except BaseException as error:
            self._end_lines(invocation.request_id)
            await api.give_failure(invocation, self._log(invocation, error), ask_next=self._may_ask())
            return
        if isinstance(body, bytes):
            await api.give(invocation, body, content_type, ask_next=self._may_ask())
        else:
            pieces = self._pieces(body, invocation)
            await api.give_stream(invocation, pieces, content_type, report_on=partial(self._log, invocation))

    def _may_ask(self) -> bool:
        """Whether the next event may be asked for along with an answer."""
        return not self._current.deferred and self._places.may_ask()

    async def _call(self, event: Any, context: LambdaContext, invocation: "Invocation") -> Any:
        if self._adapted.respond is None:
            result = await self._in_thread(self._adapted.call, event, context)
        else:
            result = self._adapted.respond(event, context)
            if hasattr(result, "__await__"):
                with self._deadline(result, invocation):
                    result = await result
        return PlainStream(result) if isinstance(result, (GeneratorType, AsyncGeneratorType)) else result

    async def _pieces(self, stream: "Stream", invocation: "Invocation") -> "AsyncGenerator[Chunk, None]":
        """Yield a stream's pieces, each until shortly before the deadline."""
        pieces = stream.pieces(self._in_thread)
        try:
            while True:
                with self._deadline(pieces, invocation):
                    try:
                        piece = await anext(pieces)
                    except StopAsyncIteration:
                        return
                yield piece
        finally:
            await pieces.aclose()

    def _deadline(self, source: Any, invocation: "Invocation") -> Deadline:
        task = asyncio.current_task()
        assert task is not None  # an invocation is one
        return Deadline(asyncio.get_running_loop(), task, source, invocation.deadline_ms, self._margin_ms)

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self._threads, context.run, function, *arguments)

    async def _run_deferred(self, invocation: "Invocation") -> None:
        deferred = self._current.deferred
        while deferred:
            function, args, kwargs = deferred.pop(0)
            try:
                result = function(*args, **kwargs)
                if hasattr(result, "__await__"):
                    await result
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._log(invocation, error)

    def _log(self, invocation: "Invocation", error: BaseException) -> "Failure":
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            code = exit_code(error)
            fault = ExitError(f"the handler raised {error!r}: it ends this invocation only", exit_code=code)
            error = fault.with_traceback(error.__traceback__)
        return self._host.log(error, invocation.request_id)
