"""What stands between the loop and any web app: which events become requests, and what the adapter answers itself."""

from collections.abc import Callable
from typing import Any

from pylambda import names
from pylambda.faults import EventRefused, InvalidEvent
from pylambda.payload import codec
from pylambda.web.events import HTTP_V2, URL, shape_of, source_of
from pylambda.web.requests import Request
from pylambda.web.results import Response, plain, to_result, to_stream

# An event that is no HTTP request, on its way to the app as one.
EVENT = URL.but("event", "event that is no HTTP request", stream="")
NON_HTTP_ERROR, NON_HTTP_NOT_FOUND = "error", "404"
FIRST_ERROR_STATUS = 400
# Enough of an answer to see what is wrong.
SHOWN_BYTES = 200


class WebSettings:
    """What the environment asks of the adapter; `start.settings` reads it.

    Args:
        root_path: where the app is mounted, empty for nowhere; None where the event tells.
        non_http: `error`, `404`, or the path to which an event that is no HTTP request is sent.
        health_path: answered without the app; empty for none.
        stream: the `Shape.stream` of the front doors that stream.
    """

    def __init__(
        self,
        root_path: str | None = None,
        non_http: str = NON_HTTP_ERROR,
        health_path: str = "",
        stream: frozenset[str] = frozenset(),
    ) -> None:
        self.root_path = root_path
        self.non_http = non_http
        self.health_path = health_path
        self.stream = stream


class Front:
    """Takes events in and gives results out, the same way for ASGI and WSGI.

    Args:
        settings: what the user asks for.
        log_error: takes what an app raised and the request id, and writes it to the function's log.
    """

    def __init__(self, settings: WebSettings, log_error: Callable[[BaseException, str], object]) -> None:
        self._settings = settings
        self.log_error = log_error

    def take(self, event: Any) -> "Request | Ready":
        """Return what the app is asked, or the result where it need not be asked.

        Args:
            event: whatever the function was invoked with.

        Raises:
            InvalidEvent: it is no HTTP request, and nobody said what to do with one that is not.
        """
        try:
            shape = shape_of(event)
            request = None if shape is None else Request(event, shape, self._settings.root_path)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidEvent(
                f"the event looks like an HTTP request and cannot be read as one: {error}",
                hint="compare it with one that `pylambda event apigw-v2` prints, or another of its shapes",
                stack=(),
            ) from None
        if request is None:
            return self._take_other(event)
        health_path = self._settings.health_path
        if health_path and request.path.removeprefix(request.root_path) == health_path:
            return Ready(self.result(request, plain(200)))
        return request

    def streams(self, request: Request) -> bool:
        """Whether the response is streamed: that is so of all responses to a front door that streams."""
        return request.shape.stream in self._settings.stream

    def result(self, request: Request, response: Response) -> Any:
        """Return the result of a response that is whole.

        Raises:
            EventRefused: an event that is no HTTP request was answered with an error, so that it is tried again.
        """
        if self.streams(request):
            return to_stream(response, request.shape, request.method)
        if request.shape is EVENT:
            return _value(request, response)
        return to_result(response, request.shape, request.method)

    def _take_other(self, event: Any) -> "Request | Ready":
        non_http = self._settings.non_http
        if non_http.startswith("/"):
            return _posted(event, non_http)
        if non_http == NON_HTTP_NOT_FOUND:
            return Ready(to_result(plain(404), HTTP_V2))
        raise InvalidEvent(
            f"the event is no HTTP request: {source_of(event)}",
            hint=f"set {names.NON_HTTP} to a path, to which such events are then POSTed as JSON, or to 404",
            stack=(),
        )


class Ready:
    """A result that needs no app.

    Args:
        result: as the front door takes it.
    """

    def __init__(self, result: Any) -> None:
        self.result = result


def _posted(event: Any, path: str) -> Request:
    document = codec.to_json(event)
    request = Request(
        {
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"host": "localhost", "content-type": "application/json"},
            "requestContext": {"http": {"method": "POST"}},
        },
        EVENT,
    )
    request.event = event
    request.body = document
    request.headers.append((b"content-length", b"%d" % len(document)))
    return request


def _value(request: Request, response: Response) -> Any:
    if response.status >= FIRST_ERROR_STATUS:
        text = response.body[:SHOWN_BYTES].decode(errors="replace")
        raise EventRefused(
            f"the app answered the event with {response.status}: {source_of(request.event)}, "
            f"it was POSTed to {request.path}, and the answer begins {text!r}",
            hint="an event that is refused so may be tried again, or go to a dead-letter queue",
            stack=(),
        )
    if not response.body:
        return None
    types = [value for name, value in response.headers if name.lower() == "content-type"]
    if types and codec.is_json(types[-1]):
        return codec.decode(response.body, None)
    return response.body.decode(errors="replace")
