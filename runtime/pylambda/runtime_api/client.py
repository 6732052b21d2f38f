"""The Runtime API: what is asked, what is answered, and which refusals end the run. The socket is `connection`'s.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import sys

from pylambda import names
from pylambda.log.sinks import warn
from pylambda.runtime_api.connection import Connection
from pylambda.runtime_api.invocation import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pylambda.faults import UnexpectedStatus
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import Addressed
    from pylambda.runtime_api.response_stream import ResponseStream
    from pylambda.runtime_api.wire import Reply

# What costs one log line: the caller was told. Source: the emulator's replies, and Node's and Rust's runtimes.
FORGIVEN = {
    400: "the invocation is not known (any more)",
    403: "the invocation was answered already",
    410: "the invocation timed out",
    413: "the response is larger than the platform takes",
}


def parse_endpoint(endpoint: str) -> tuple[str, int, str]:
    """Return host, port and path of `host:port` or `host:port/path`, as two local tools have it; the path may be empty.

    Raises:
        NotInLambda: `endpoint` is empty.
        BadEndpoint: it is not `host:port`.
    """
    if not endpoint:
        from pylambda.faults import NotInLambda

        raise NotInLambda(
            f"{names.RUNTIME_API} is not set, so there is no Runtime API to ask for work",
            hint="outside Lambda start the function through entry_script.sh, which starts the emulator",
        )
    authority, slash, path = endpoint.partition("/")
    host, _, port = authority.rpartition(":")
    if (
        not host
        or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)
        or host.split() != [host]
        or not (path.isascii() and path.isprintable() and path.partition(" ")[0] == path)
    ):
        from pylambda.faults import BadEndpoint

        raise BadEndpoint(
            f"{names.RUNTIME_API} is {endpoint!r}",
            hint="it must be host:port, such as 127.0.0.1:9001, without http://",
        )
    return host.strip("[]"), int(port), (slash + path).rstrip("/")


class RuntimeApi:
    """One client of the Runtime API: wait for work with `next`, answer it once with one of the others.

    Args:
        endpoint: `host:port`, or with a path behind it; what the environment says where it is None.
        warn: takes one line about a request that was refused but does not end the run.

    Attributes:
        connection: the one that it has, for requests that are not its own.

    Raises:
        NotInLambda: there is no endpoint.
        BadEndpoint: it is not `host:port`.
    """

    def __init__(self, endpoint: str | None = None, warn: "Callable[[str], None]" = warn) -> None:
        if endpoint is None:
            from pylambda.start.environment import Environment

            endpoint = Environment().get(names.RUNTIME_API) or ""
        host, port, self._path = parse_endpoint(endpoint)
        self.connection = Connection(host, port)
        self._warn = warn
        python = ".".join(map(str, sys.version_info[:3]))
        authority = endpoint.partition("/")[0]
        self._common = f" HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: pylambda/{python}-{names.VERSION}\r\n"
        self._next_request = f"GET {self._path}{names.NEXT_PATH}{self._common}\r\n".encode()

    def next(self) -> Invocation:
        """Wait for the next invocation.

        Raises:
            TransportError: the connection fails, or the reply is not HTTP.
            UnexpectedStatus: the reply is not 200.
            MissingRequestId: the reply has no request id.
        """
        reply = self.connection.read_ahead() or self.connection.exchange(self._next_request)
        if reply.status != 200:
            self.connection.close()  # after a reply that nobody asked for, each would be taken for that to the next
            raise unexpected_status("GET " + names.NEXT_PATH, reply)
        return Invocation(reply)

    def respond(
        self, invocation: Invocation, body: bytes, content_type: str = names.JSON, *, ask_next: bool = False
    ) -> None:
        """Answer an invocation with the handler's result.

        Args:
            invocation: what is answered.
            body: what the caller gets.
            content_type: the body's.
            ask_next: send the next `/next` along; to be followed by `next`.

        Raises:
            UnexpectedStatus: the reply's status ends the run.
        """
        headers = f"{names.SEND_CONTENT_TYPE}: {content_type}\r\n"
        self._answer("response", headers, invocation, body, ask_next)

    def respond_stream(
        self,
        invocation: Invocation,
        chunks: "Iterable[Chunk]",
        content_type: str = names.OCTET_STREAM,
        *,
        report_on: "Callable[[BaseException], BaseException | Failure] | None" = None,
    ) -> None:
        """Answer an invocation piece by piece: each chunk leaves before the next one is asked for.

        Args:
            invocation: what is answered.
            chunks: `bytes` or `str`; empty ones are left out. Closed at the end, or when the client goes away.
            content_type: the body's; `names.HTTP_INTEGRATION` for one that begins with a prelude.
            report_on: makes what the platform is told of what `chunks` raises.

        Raises:
            Exception: what `chunks` raised. The platform knows: as an ordinary error while nothing was sent, in the
                trailers after that.
            UnexpectedStatus: the reply's status ends the run.
        """
        from pylambda.runtime_api.response_stream import ResponseStream, State

        stream = ResponseStream(self._stream_head(invocation, content_type), self.connection)
        try:
            stream.send(chunks)
        except BaseException as error:
            report = _report_on(report_on(error) if report_on else error, invocation)
            if stream.state is State.AWAITING:
                self.fail(invocation, report)
            elif stream.state is State.STREAMING:
                stream.fail(report)
            raise
        finally:
            if stream.state is State.ENDED:
                self._conclude(invocation, stream)

    def fail(self, invocation: "Addressed", error: "BaseException | Failure", *, ask_next: bool = False) -> None:
        """Answer an invocation with an error.

        Args:
            invocation: what failed.
            error: what was raised, or the report on it.
            ask_next: send the next `/next` along; to be followed by `next`.

        Raises:
            UnexpectedStatus: the reply's status ends the run.
        """
        report = _report_on(error, invocation)
        headers = (
            f"{names.SEND_CONTENT_TYPE}: {names.JSON}\r\n"
            f"{names.SEND_ERROR_TYPE}: {report.platform_error_type}\r\n"
            f"{names.SEND_XRAY_CAUSE}: {report.xray_cause}\r\n"
        )
        self._answer("error", headers, invocation, report.body, ask_next)

    def fail_init(
        self, error: "BaseException | Failure", *, path: str = names.INIT_ERROR_PATH, error_type: str = ""
    ) -> None:
        """Tell the platform that the function could not be loaded.

        Args:
            error: what was raised, or the report on it.
            path: where that is told, of another phase than init.
            error_type: what is said of it in the header, where that is not the document's own.

        Raises:
            TransportError: the connection fails.
            UnexpectedStatus: the reply is not 202.
        """
        report = _report_on(error)
        # As the official client sends it; one that no header can hold is Unknown.
        own_type = report.error_type if report.error_type.isascii() else report.platform_error_type
        self.ask("POST", path, f"{names.SEND_ERROR_TYPE}: {error_type or own_type}\r\n", report.body, expected=202)

    def ask(self, method: str, path: str, headers: str = "", body: bytes = b"", *, expected: int) -> "Reply":
        """Send a request that is about no invocation, and return its reply.

        Args:
            method: GET or POST.
            path: behind that of the endpoint.
            headers: lines, each with its line end.
            body: of a POST.
            expected: the status.

        Raises:
            TransportError: the connection fails.
            UnexpectedStatus: the reply has another status.
        """
        head = self._head(path, headers, body) if method == "POST" else self.get_head(path, headers)
        reply = self.connection.exchange(head, body)
        if reply.status != expected:
            raise unexpected_status(f"{method} {path}", reply)
        return reply

    def _answer(self, kind: str, headers: str, invocation: "Addressed", body: bytes, ask_next: bool) -> None:
        head = self._answer_head(kind, headers, invocation, body)
        try:
            reply = self.connection.exchange(head, body, self._next_request if ask_next else b"")
        except Exception as fault:
            _only_transport(fault)
            self._lost(invocation, body, fault)
            return
        self._judge(kind, invocation, reply)

    def _lost(self, invocation: "Addressed", body: bytes, fault: Exception) -> None:
        # The environment may not be lost: if it is, the next request says so and ends the run.
        self._warn(f"the answer of {len(body)} bytes to {invocation.request_id} was not delivered: {fault}")

    def _conclude(self, invocation: Invocation, stream: "ResponseStream") -> None:
        """Read the reply to a streamed response and close: the platform wants a connection for each of them."""
        try:
            reply = self.connection.read_reply()
        except Exception as fault:
            _only_transport(fault)
            stream.say_broken_off(self._warn, invocation.request_id, fault)
        else:
            self._judge("response", invocation, reply)
        finally:
            self.connection.close()

    def _judge(self, kind: str, invocation: "Addressed", reply: "Reply") -> None:
        if 200 <= reply.status < 300:
            return
        reason = FORGIVEN.get(reply.status)
        if reason is None:
            raise unexpected_status(f"POST {names.INVOCATION_PATH}{invocation.request_id}/{kind}", reply)
        from pylambda.faults import one_line

        detail = one_line(reply.body)
        self._warn(f"the answer to {invocation.request_id} was refused, {reply.status}: {reason}: {detail}")

    def _answer_head(self, kind: str, headers: str, invocation: "Addressed", body: bytes) -> bytes:
        return self._head(f"{names.INVOCATION_PATH}{invocation.request_id}/{kind}", headers + _echo(invocation), body)

    def _stream_head(self, invocation: Invocation, content_type: str) -> bytes:
        path = f"{names.INVOCATION_PATH}{invocation.request_id}/response"
        head = (
            f"POST {self._path}{path}{self._common}{names.SEND_RESPONSE_MODE}: {names.STREAMING}\r\n"
            f"{names.SEND_TRAILER}: {names.SEND_ERROR_TYPE}, {names.SEND_ERROR_BODY}\r\n"
            f"{names.SEND_CONTENT_TYPE}: {content_type}\r\n{names.SEND_TRANSFER_ENCODING}: chunked\r\n"
            f"{_echo(invocation)}\r\n"
        )
        return head.encode()

    def get_head(self, path: str, headers: str = "") -> bytes:
        """Return a whole GET request, whose path is behind that of the endpoint."""
        return f"GET {self._path}{path}{self._common}{headers}\r\n".encode()

    def _head(self, path: str, headers: str, body: bytes) -> bytes:
        head = f"POST {self._path}{path}{self._common}{headers}{names.SEND_CONTENT_LENGTH}: {len(body)}\r\n\r\n"
        return head.encode("utf-8", "surrogateescape")


def _only_transport(fault: Exception) -> None:
    """Raise `fault` again unless it says that the connection failed."""
    from pylambda.faults import TransportError

    if not isinstance(fault, TransportError):
        raise fault


def unexpected_status(request: str, reply: "Reply") -> "UnexpectedStatus":
    from pylambda.faults import UnexpectedStatus

    return UnexpectedStatus(request, reply.status, reply.body)


def _echo(invocation: "Addressed") -> str:
    return f"{names.SEND_INVOCATION_ID}: {invocation.invocation_id}\r\n" if invocation.invocation_id is not None else ""


def _report_on(error: "BaseException | Failure", invocation: "Addressed | None" = None) -> "Failure":
    if not isinstance(error, BaseException):
        return error
    from pylambda.log import reports

    return reports.Report(error, invocation.request_id if invocation else "")
