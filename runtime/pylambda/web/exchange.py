"""One request and its response in ASGI: what `receive` gives, and what each `send` may be followed by.

    WAITING   -> start: STARTED     body, anything else: an error in the app
    STARTED   -> body: STARTED, or COMPLETE where it is the last     second start: an error in the app
    COMPLETE  -> anything: nothing happens, as the specification has it

`done` is what the loop runs for: the response is whole, or the app is at its end. An app that is not at its end when
its response is whole has background work, which goes on when the response has left.

Source: ASGI, "HTTP & WebSocket ASGI Message Format", 2.5.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Protocol

from pylambda.log.sinks import warn
from pylambda.web.requests import Request
from pylambda.web.results import Response, checked, decode_header, has_body, plain

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

WAITING, STARTED, COMPLETE = "waiting", "started", "complete"
START, BODY, PATH_SEND = "http.response.start", "http.response.body", "http.response.pathsend"
# Nothing that is sent asks for these, so an app that sends them all the same loses nothing but them.
OPTIONAL = ("http.response.trailers", "http.response.push", "http.response.debug", "http.response.early_hint")
# How many turns of the loop an app gets to come to its end once its response is whole: task groups take a few.
TURNS_TO_END = 8
FILE_CHUNK_BYTES = 1 << 16


class Supervised(Protocol):
    """A task that runs while something is waited for; `aio.Supervised` has it."""

    @property
    def task(self) -> "asyncio.Task[Any]":
        """The task itself."""

    def until(self, future: "asyncio.Future[Any]") -> Any:
        """Run the loop until `future` is done, or the deadline of the invocation is near."""


class Runner(Protocol):
    """The environment's event loop; `aio.Runner` has it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop itself."""

    def supervise(self, coroutine: Coroutine[Any, Any, Any]) -> Supervised:
        """Start a coroutine as a task."""


class Exchange:
    """One call of an app, buffered: the response is kept until it is whole.

    Args:
        app: the ASGI 3 callable.
        scope: what it is called with.
        request: what is asked.
        loop: runs it.
        log_error: takes what it raises.

    Attributes:
        done: set when the response is whole or the app is at its end.
        response: what was answered; None until then.
    """

    def __init__(
        self,
        app: App,
        scope: dict[str, Any],
        request: Request,
        loop: asyncio.AbstractEventLoop,
        log_error: Callable[[BaseException], object],
    ) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.response: Response | None = None
        self._app = app
        self._scope = scope
        self._request = request
        self._loop = loop
        self._log_error = log_error
        self._state = WAITING
        self._is_read = False
        self._disconnected: asyncio.Event | None = None
        self._turns_left = TURNS_TO_END
        self._at_end = False
        self._parts: list[bytes] = []
        self._exit: BaseException | None = None

    async def run(self) -> None:
        """Call the app and see it through; what it raises is answered and logged here."""
        try:
            await self._app(self._scope, self.receive, self.send)
        except Exception as error:
            self._failed(error)
        except (SystemExit, KeyboardInterrupt) as error:
            # Raised where the invocation is served: raised here it would end the loop, and with it other requests.
            self._exit = error
        except BaseException:
            self.done.cancel()  # the deadline's cancellation, for whoever waits
            raise
        else:
            self._returned()
        self._at_end = True
        self._finish()

    async def receive(self) -> Message:
        """Give the request, whole; then block until the response is complete or the client is gone."""
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        if not self._is_over():
            if self._disconnected is None:
                self._disconnected = asyncio.Event()
            await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message of the response.

        Raises:
            RuntimeError: it cannot follow what came before.
            TypeError: something in it is of the wrong type.
        """
        kind = message["type"]
        if self._state is COMPLETE or kind in OPTIONAL:
            return
        if kind == START:
            self._start(message)
        elif self._state is WAITING:
            raise RuntimeError(f"the app sent {kind!r} before 'http.response.start'")
        elif kind == BODY:
            body = message.get("body", b"")
            if not isinstance(body, (bytes, bytearray, memoryview)):
                raise TypeError(f"the body of a response must be bytes, not {type(body).__name__}")
            await self._take(bytes(body), is_last=not message.get("more_body", False))
        elif kind == PATH_SEND:
            await self._take_file(message["path"])
        else:
            raise RuntimeError(f"the app sent {kind!r}, which is no message of a response")

    def answer(self) -> Response:
        """Return the response.

        Raises:
            SystemExit, KeyboardInterrupt: the app did.
        """
        if self._exit is not None:
            raise self._exit
        assert self.response is not None
        return self.response

    def see_through(self, supervised: Supervised) -> None:
        """Run what the app still does when its response is whole. Raises what `answer` raises, and faults."""
        supervised.until(supervised.task)
        self.answer()

    async def end_of(self, task: "asyncio.Task[None]") -> None:
        """Wait for the same on a loop that runs already. Raises what `answer` raises."""
        await task
        self.answer()

    def _start(self, message: Message) -> None:
        if self._state is not WAITING:
            raise RuntimeError("the app sent a second 'http.response.start'")
        status = message["status"]
        if not isinstance(status, int):
            raise TypeError(f"the status of a response must be an int, not {type(status).__name__}")
        headers = []
        for name, value in message.get("headers", ()):
            if not isinstance(name, bytes) or not isinstance(value, bytes):
                # Not the value, which may be somebody's cookie.
                raise TypeError(f"names and values of headers must be bytes: {name!r} has a {type(value).__name__}")
            headers.append((name.decode("latin-1"), decode_header(value)))
        self._state = STARTED
        self.response = Response(int(status), headers)

    async def _take(self, body: bytes, *, is_last: bool) -> None:
        if body:
            self._parts.append(body)
        if is_last:
            self._complete()

    async def _take_file(self, path: Any) -> None:
        with open(path, "rb") as file:
            while chunk := file.read(FILE_CHUNK_BYTES):
                await self._take(chunk, is_last=False)
        await self._take(b"", is_last=True)

    def _complete(self) -> None:
        assert self.response is not None
        self._state = COMPLETE
        self.response.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self.response = checked(self.response)
        self._settle()

    def _settle(self) -> None:
        """Let those who wait go on: when the app is at its end, or once it had its turns to come there."""
        if self._disconnected is not None:
            self._disconnected.set()
        if self._at_end or not self._turns_left:
            self._finish()
        else:
            self._turns_left -= 1
            self._loop.call_soon(self._settle)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self._disconnected is not None:
            self._disconnected.set()

    def _is_over(self) -> bool:
        return self._state is COMPLETE

    def _has_body(self) -> bool:
        return self.response is None or has_body(self.response.status, self._request.method)

    def _failed(self, error: Exception) -> None:
        self._log_error(error)
        if self._state is not COMPLETE:
            self.response, self._state = plain(500), COMPLETE

    def _returned(self) -> None:
        if self._state is WAITING:
            warn("the app returned without sending a response: the client gets a 500")
            self.response, self._state = plain(500), COMPLETE
        elif self._state is STARTED:
            warn("the app returned without sending the end of its response: the client gets what there is")
            self._complete()
