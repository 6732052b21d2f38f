"""A response that is streamed: each one to a front door that streams, those without a body and our own errors too.

The head goes with the first message of the body, in one chunk: a front door may hold small chunks back until the next
one, and the first event of a stream must not wait for a second. Until then a failure is an ordinary 500.

Each chunk is asked for when the one before has left, and the app stands in its `send` meanwhile. Where the client is
gone by then, that `send` raises `ClientDisconnected`, which is an OSError as the specification wants it.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator

from pylambda.log.sinks import warn
from pylambda.runtime_api import invocation
from pylambda.web.exchange import COMPLETE, STARTED, WAITING, Exchange, Supervised
from pylambda.web.results import Response, checked, plain, to_prelude


class ClientDisconnected(OSError):
    """Raised in an app that sends to a client that is gone."""


class StreamedExchange(Exchange):
    """One call of an app, its response handed on piece by piece.

    `done` is set when there is a chunk, or when none will come any more.
    """

    _chunk: bytes | None = None
    _resume: "asyncio.Future[None] | None" = None
    _has_begun = False
    _is_gone = False
    _error: Exception | None = None

    def chunks(self, supervised: Supervised) -> Generator[bytes, None, None]:
        """Yield what the app sends, each piece when the one before has left.

        Args:
            supervised: the task of `run`.

        Raises:
            Fault: the deadline is near.
            Exception: what the app raises once it has begun to answer.
        """
        try:
            while True:
                supervised.until(self.done)
                chunk, self._chunk = self._chunk, None
                if chunk is None:
                    break
                yield chunk
                del chunk
                if self._resume is None:
                    break
                self._go_on()
        except GeneratorExit:
            self._tell_that_client_left()
            try:
                supervised.until(supervised.task)
            except Exception as error:
                self._log_error(error)
            raise
        self._raise_error()
        if not supervised.task.done():
            invocation.current.deferred.append((self.see_through, (supervised,), {}))

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the same on a loop that runs already, beside others. Raises what `chunks` raises."""
        task = self._loop.create_task(self.run())
        try:
            while True:
                await self.done
                chunk, self._chunk = self._chunk, None
                if chunk is None:
                    break
                yield chunk
                del chunk
                if self._resume is None:
                    break
                self._go_on()
        except GeneratorExit:
            self._tell_that_client_left()
            await asyncio.wait((task,))
            raise
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            raise
        self._raise_error()
        if not task.done():
            invocation.current.deferred.append((self.end_of, (task,), {}))

    def _raise_error(self) -> None:
        error = self._error or self._exit
        if error is not None:
            raise error

    def _go_on(self) -> None:
        assert self._resume is not None
        self.done = self._loop.create_future()
        self._resume.set_result(None)
        self._resume = None

    async def _take(self, body: bytes, *, is_last: bool) -> None:
        if self._is_gone:
            raise ClientDisconnected("the client is gone")
        chunk = body if self._has_body() else b""
        if not self._has_begun:
            chunk = self._begin(chunk)
        if is_last:
            self._state = COMPLETE
        if chunk:
            self._offer(chunk)
            self._resume = self._loop.create_future()
            await self._resume
        if is_last:
            self._settle()

    def _begin(self, body: bytes) -> bytes:
        assert self.response is not None
        self._has_begun = True
        response = checked(self.response)
        if response is not self.response:  # a status that cannot be sent
            self.response, self._state, body = response, COMPLETE, response.body
        return to_prelude(response, self._request.shape) + body

    def _offer(self, chunk: bytes) -> None:
        self._chunk = chunk
        if not self.done.done():
            self.done.set_result(None)

    def _tell_that_client_left(self) -> None:
        self._is_gone = True
        if self._resume is not None:
            self._resume.set_exception(ClientDisconnected("the client is gone"))
            self._resume = None
        if self._disconnected is not None:
            self._disconnected.set()

    def _is_over(self) -> bool:
        return self._is_gone or super()._is_over()

    def _failed(self, error: Exception) -> None:
        if self._is_gone and _comes_of_it(error):
            return
        if self._has_begun and self._state is not COMPLETE and not self._is_gone:
            self._error = error  # the loop logs it, and tells the platform in the trailers
            return
        self._log_error(error)
        if not self._has_begun:
            self._answer_by_itself(plain(500))

    def _returned(self) -> None:
        if self._state is WAITING:
            warn("the app returned without sending a response: the client gets a 500")
            self._answer_by_itself(plain(500))
        elif self._state is STARTED:
            warn("the app returned without sending the end of its response: it ends where it stands")
            if not self._has_begun:
                self._offer(self._begin(b""))

    def _answer_by_itself(self, response: Response) -> None:
        self.response = response
        self._offer(self._begin(response.body if self._has_body() else b""))


def _comes_of_it(error: BaseException | None) -> bool:
    """Whether an error is that of a client that is gone, or was raised because of it."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop()
        if isinstance(one, ClientDisconnected):
            return True
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += [one.__cause__, one.__context__]
        pending += getattr(one, "exceptions", ())
    return False
