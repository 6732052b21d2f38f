"""Apps served in this process, the way `main` puts them together: what the tests of results and protocols call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from pylambda.function.aio import Runner
from pylambda.lifecycle.after import run_deferred
from pylambda.payload import codec
from pylambda.runtime_api import invocation
from pylambda.runtime_api.invocation import Current
from pylambda.web.asgi import AsgiHandler
from pylambda.web.front import Front, WebSettings
from pylambda.web.results import encode
from pylambda.web.wsgi import WsgiHandler

CONTEXT = SimpleNamespace(aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd")


class Served:
    """An app behind a front.

    Args:
        settings: what the environment asks for.

    Attributes:
        errors: what the app raised and the log was told of.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.errors: list[BaseException] = []
        self.handler: Callable[[Any, Any], Any]
        self.front = Front(settings, lambda error, request_id: self.errors.append(error))

    def result(self, event: Any) -> Any:
        """Return the result of an event, as it goes over the wire; what waits for that is done then."""
        body, _ = encode(self.handler(event, CONTEXT))
        assert isinstance(body, bytes)
        run_deferred(invocation.current, lambda: self.runner, self.errors.append)
        return codec.decode(body, None)

    def chunks(self, event: Any) -> Iterator[bytes]:
        """Return the chunks of a streamed result."""
        stream, content_type = encode(self.handler(event, CONTEXT))
        assert not isinstance(stream, bytes), stream
        assert content_type == "application/vnd.awslambda.http-integration-response"
        return stream.chunks(lambda: self.runner)  # type: ignore[return-value]

    runner: Runner


@contextmanager
def asgi(app: Any, **settings: Any) -> Iterator[Served]:
    """Serve an ASGI app; its startup is run."""
    served = Served(WebSettings(**settings))
    served.runner = Runner(Current(), use_uvloop=False, margin_ms=100)
    handler = AsgiHandler(app, served.front, served.runner)
    served.handler = handler
    try:
        handler.lifespan.start()
        yield served
        handler.lifespan.stop()
    finally:
        served.runner.loop.close()


@contextmanager
def wsgi(app: Any, **settings: Any) -> Iterator[Served]:
    """Serve a WSGI app."""
    served = Served(WebSettings(**settings))
    served.handler = WsgiHandler(app, served.front)
    served.runner = None  # type: ignore[assignment]
    yield served


def answering(status: int, headers: list[tuple[str, str]], body: bytes) -> Any:
    """Return an ASGI app that always answers this."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise ValueError("no lifespan")
        pairs = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return app


def answering_by_wsgi(status: int, headers: list[tuple[str, str]], body: bytes) -> Any:
    """Return a WSGI app that always answers this."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        native = [(name, value.encode().decode("latin-1")) for name, value in headers]
        start_response(f"{status} Reason", native)
        return [body]

    return app
