"""A WSGI app as a handler: an event in, a result out, on the thread and without a loop that runs, as WSGI apps expect.

Source: PEP 3333; `wsgiref.validate` holds both sides to it in the tests.
"""

from _thread import get_ident
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from io import BytesIO
from types import TracebackType
from typing import Any

from pylambda.payload.streams import close
from pylambda.web.front import Front, Ready
from pylambda.web.requests import Request, flattened
from pylambda.web.results import HttpStream, Response, checked, has_body, plain, to_prelude

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

FILE_CHUNK_BYTES = 1 << 16
FIRST_THREAD = get_ident()
# These two have names of their own.
NOT_HTTP = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class FileWrapper:
    """`wsgi.file_wrapper`: a file in pieces.

    Args:
        file: has `read`, and `close` where it can be closed.
        block_size: how much of it at once.
    """

    def __init__(self, file: Any, block_size: int = FILE_CHUNK_BYTES) -> None:
        self._file = file
        self._block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(self._block_size), b"")

    def close(self) -> None:
        """Close the file."""
        close(self._file)


class Errors:
    """`wsgi.errors`: whatever `sys.stderr` is when something is written."""

    def write(self, text: str) -> int:
        """Write text."""
        import sys

        return sys.stderr.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: what is written is out."""


class Call:
    """One call of an app: its `start_response`, and its body as it comes.

    Args:
        app: the WSGI callable.
        environ: what it is called with.

    Attributes:
        response: status and headers; None until the app said them.
    """

    def __init__(self, app: App, environ: Environ) -> None:
        self.response: Response | None = None
        self._app = app
        self._environ = environ
        self._is_sent = False
        self._written: list[bytes] = []

    def body(self) -> Generator[bytes, None, None]:
        """Yield the body as the app gives it; its iterable is closed whatever happens.

        Raises:
            Exception: what the app raises.
            TypeError: a part of the body is not bytes.
        """
        parts = self._app(self._environ, self._start_response)
        try:
            yield from self._take_written()
            for part in parts:
                if not isinstance(part, bytes):
                    raise TypeError(f"the body of a response must be bytes, not {type(part).__name__}")
                yield from self._take_written()
                if part:
                    self._refuse_unless_started()
                    self._is_sent = True
                    yield part
            self._refuse_unless_started()
            yield from self._take_written()
        finally:
            close(parts)

    def answer(self, body: bytes) -> Response:
        """Return status and headers with a body; there is one once `body` has begun to yield."""
        assert self.response is not None
        self.response.body = body
        return self.response

    def _take_written(self) -> Iterator[bytes]:
        while self._written:
            self._is_sent = True
            yield self._written.pop(0)

    def _refuse_unless_started(self) -> None:
        if self.response is None:
            raise RuntimeError("the app gave a body without calling start_response")

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        try:
            if exc_info and exc_info[1] is not None and self._is_sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if exc_info is None and self.response is not None:
                raise RuntimeError("the app called start_response a second time, and without exc_info")
        finally:
            exc_info = None  # it would keep its frames alive
        code = status[:3] if isinstance(status, str) else ""
        if not (code.isascii() and code.isdigit()):
            raise ValueError(f"{status!r} is no status: it begins with three digits")
        self.response = Response(int(code), [(_text(name), _text(value)) for name, value in headers])
        return self._written.append


class WsgiHandler:
    """Serves an app.

    Args:
        app: the WSGI callable.
        front: takes events in.
    """

    def __init__(self, app: App, front: Front) -> None:
        self._app = app
        self._front = front

    def __call__(self, event: Any, context: Any) -> Any:
        """Serve one event; return the result.

        Raises:
            Fault: the event is no request, or what the app answered is no result.
        """
        request = self._front.take(event)
        if isinstance(request, Ready):
            return request.result
        call = Call(self._app, environ_of(request, context))

        def log_error(error: BaseException) -> None:
            self._front.log_error(error, context.aws_request_id)

        if self._front.streams(request):
            return HttpStream(partial(_chunks, call, request, log_error), request.shape)
        try:
            body = b"".join(call.body())
        except Exception as error:
            log_error(error)
            return self._front.result(request, plain(500))
        return self._front.result(request, checked(call.answer(body)))


def _chunks(call: Call, request: Request, log_error: Callable[[BaseException], object]) -> Generator[bytes, None, None]:
    """Yield the head with the first part of the body, then each part when the one before has left."""
    body = call.body()
    try:
        try:
            first = next(body, b"")
        except Exception as error:
            log_error(error)
            response = plain(500)
        else:
            answer = call.answer(first)
            response = checked(answer)
            if response is not answer:  # a status that cannot be sent
                close(body)
        has_any = has_body(response.status, request.method)
        yield to_prelude(response, request.shape) + (response.body if has_any else b"")
        if has_any:
            yield from body
    finally:
        close(body)


def environ_of(request: Request, context: Any) -> Environ:
    """Return what a WSGI app is called with.

    Args:
        request: what is asked.
        context: the invocation's.
    """
    server, port = request.server or ("localhost", 443 if request.scheme == "https" else 80)
    query = f"?{request.query}" if request.query else ""
    environ: Environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": _native(request.root_path),
        "PATH_INFO": _native(request.path.removeprefix(request.root_path)),
        "QUERY_STRING": request.query,
        "RAW_URI": request.raw_path + query,
        "REQUEST_URI": request.raw_path + query,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": Errors(),
        # Where several are served at once in threads, none of those is the first one.
        "wsgi.multithread": get_ident() != FIRST_THREAD,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "aws.event": request.event,
        "aws.context": context,
    }
    if request.client is not None:
        environ["REMOTE_ADDR"], remote_port = request.client[0], request.client[1]
        if remote_port:
            environ["REMOTE_PORT"] = str(remote_port)
    if user := principal(request.event):
        environ["REMOTE_USER"] = user
    for name, value in flattened(request.headers).items():
        if name in NOT_HTTP:
            environ[NOT_HTTP[name]] = value
        elif "_" not in name:  # a client could spell a header of the front door's with one
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def principal(event: Any) -> str:
    """Return whom an authorizer let in, where it said; else nothing."""
    if not isinstance(event, dict):
        return ""
    context = event.get("requestContext")
    authorizer = context.get("authorizer") if isinstance(context, dict) else None
    user = authorizer.get("principalId") if isinstance(authorizer, dict) else None
    return user if isinstance(user, str) else ""


def _native(text: str) -> str:
    """Return text as WSGI has it: its UTF-8 bytes as latin-1."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _text(value: str) -> str:
    """Return a header's native string as the text that it spells: UTF-8 where it is that."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
