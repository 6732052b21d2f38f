"""An ASGI app as a handler: an event in, a result out, on the environment's one event loop.

Source: ASGI, "HTTP & WebSocket ASGI Message Format", 2.5.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any, TypeVar

from pylambda.runtime_api import invocation
from pylambda.web.exchange import App, Exchange, Runner
from pylambda.web.front import Front, Ready
from pylambda.web.lifespan import Lifespan
from pylambda.web.requests import Request
from pylambda.web.results import HttpStream
from pylambda.web.streamed import StreamedExchange

AnyExchange = TypeVar("AnyExchange", bound=Exchange)

# From 2.4 on `send` raises OSError once the client is gone, so that apps need not listen for it beside their answer.
SPEC_VERSION = "2.4"


class AsgiHandler:
    """Serves an app.

    Args:
        app: the ASGI 3 callable.
        front: takes events in.
        runner: has the loop.
    """

    def __init__(self, app: App, front: Front, runner: Runner) -> None:
        self.lifespan = Lifespan(app, runner)
        self._app = app
        self._front = front
        self._runner = runner

    def __call__(self, event: Any, context: Any) -> Any:
        """Serve one event; return the result. What the app still does then is done when the result has left.

        Raises:
            Fault: the event is no request, the deadline is near, or what the app answered is no result.
        """
        request = self._front.take(event)
        if isinstance(request, Ready):
            return request.result
        if self._front.streams(request):
            return self._stream(request, context)
        exchange = self._exchange(Exchange, request, context)
        supervised = self._runner.supervise(exchange.run())
        supervised.until(exchange.done)
        if not supervised.task.done():
            invocation.current.deferred.append((exchange.see_through, (supervised,), {}))
        return self._front.result(request, exchange.answer())

    async def respond(self, event: Any, context: Any) -> Any:
        """Do the same on a loop that runs already, beside others where there are any.

        Raises:
            Fault: the event is no request, or what the app answered is no result.
        """
        request = self._front.take(event)
        if isinstance(request, Ready):
            return request.result
        if self._front.streams(request):
            return self._stream(request, context)
        exchange = self._exchange(Exchange, request, context)
        task = self._runner.loop.create_task(exchange.run())
        try:
            await exchange.done
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            raise
        if not task.done():
            invocation.current.deferred.append((exchange.end_of, (task,), {}))
        return self._front.result(request, exchange.answer())

    def _stream(self, request: Request, context: Any) -> HttpStream:
        def chunks() -> Generator[bytes, None, None]:
            exchange = self._exchange(StreamedExchange, request, context)
            return exchange.chunks(self._runner.supervise(exchange.run()))

        def pieces() -> AsyncGenerator[bytes, None]:
            return self._exchange(StreamedExchange, request, context).pieces()

        return HttpStream(chunks, request.shape, pieces)

    def _exchange(self, kind: type[AnyExchange], request: Request, context: Any) -> AnyExchange:
        def log_error(error: BaseException) -> None:
            self._front.log_error(error, context.aws_request_id)

        return kind(self._app, self._scope(request, context), request, self._runner.loop, log_error)

    def _scope(self, request: Request, context: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
            "http_version": request.http_version,
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "raw_path": request.raw_path.encode("ascii"),
            "query_string": request.query.encode("ascii"),
            "root_path": request.root_path,
            "headers": request.headers,
            "client": request.client,
            "server": request.server,
            "state": self.lifespan.state.copy(),
            "extensions": {"http.response.pathsend": {}},
            "aws.event": request.event,
            "aws.context": context,
        }
