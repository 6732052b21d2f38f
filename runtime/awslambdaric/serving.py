"""How the runtime serves through `bootstrap`: each request, call and answer passes through what may be replaced there.

`take_over` is called when `bootstrap` is imported, which may be in a function's module, in a `.pth` file before it or
in the middle of an invocation. From then on `Loop.serve` is `serve`, the loop's Runtime API is a `ClientApi`,
and what fails in init is told through a client, too.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.faults import ApiFault
from pylambda.log.reports import Report
from pylambda.loop import Loop
from pylambda.payload import codec
from pylambda.runtime_api.client import RuntimeApi
from pylambda.runtime_api.invocation import Invocation

from .given import GivenInvocation
from .lambda_context import LambdaContext
from .lambda_runtime_client import LambdaRuntimeClient, send_init_error
from .lambda_runtime_marshaller import LambdaMarshaller

if TYPE_CHECKING:
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import InvocationSource


class LogSink:
    """The function's log under the official client's methods, and under the runtime's own.

    Args:
        sink: where it goes.
        log_json: whether failures are logged as JSON objects.
    """

    def __init__(self, sink: "Sink", *, log_json: bool) -> None:
        self.log_json = log_json
        self.error = sink.error
        self.write = sink.write
        self.record = sink.record

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        """Write text as it is."""
        self.write(msg)

    def log_error(self, message_lines: list[str]) -> None:
        """Write the record of a failure."""
        self.error(message_lines)


class LoopClient(LambdaRuntimeClient):
    """The client of a loop. Its methods are the class's above, so that what replaces them there is called.

    Args:
        loop: serves the function.

    Attributes:
        exit_code: what the process ends with; None while it goes on.
        answered: whether the invocation was.
    """

    def __init__(self, loop: Loop) -> None:
        self._api = LoopApi(loop, self)
        self.loop = loop
        self.log_sink = LogSink(loop._sink, log_json=loop._log_json)
        self.exit_code: int | None = None
        self.answered = False
        if loop._decode is not codec.decode or loop._encode is not codec.encode:
            self.marshaller = LambdaMarshaller(loop._decode, loop._encode)

    @property
    def in_child(self) -> bool:
        """Whether this is a child that the handler forked, which has no say in the invocation."""
        return self.loop._in_child


class LoopApi:
    """What the client of a loop sends through: the loop's own Runtime API, for which a forked child sends nothing.

    Args:
        loop: serves the function.
        client: the client.
    """

    def __init__(self, loop: Loop, client: LoopClient) -> None:
        self._loop, self._client = loop, client
        self._api: Any = loop._api

    def next(self) -> Invocation:
        """Wait for the next invocation."""
        return self._api.next()  # type: ignore[no-any-return]

    def respond(
        self, invocation: Invocation, body: "bytes | codec.Stream", content_type: str, *, ask_next: bool
    ) -> None:
        """Answer with a result, piece by piece where it is a stream."""
        if self._client.in_child:
            return
        self._client.answered = True
        if isinstance(body, bytes):
            self._api.respond(invocation, body, content_type, ask_next=ask_next)
        else:
            self._client.exit_code = self._loop._respond_stream(invocation, body)

    def fail(self, invocation: Invocation, error: "Failure", *, ask_next: bool) -> None:
        """Answer with an error."""
        if not self._client.in_child:
            self._client.answered = True
            self._api.fail(invocation, error, ask_next=ask_next)


class ClientApi:
    """The Runtime API of a loop that serves through `bootstrap`: asks and answers through a client's methods.

    Args:
        loop: serves the function.
    """

    def __init__(self, loop: Loop) -> None:
        self._api: InvocationSource = loop._api
        self.client = LoopClient(loop)

    def next(self) -> Invocation:
        """Wait for the next invocation."""
        request = self.client.wait_next_invocation()
        return GivenInvocation(
            request.invoke_id,
            event=request.event_body,
            content_type=request.content_type,
            deadline_ms=request.deadline_time_in_ms,
            function_arn=request.invoked_function_arn,
            trace_id=request.x_amzn_trace_id,
            client_context=request.client_context,
            cognito_identity=request.cognito_identity,
            tenant_id=request.tenant_id,
            invocation_id=request.invocation_id,
        )

    def respond(self, invocation: Invocation, body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Answer with a result."""
        self.client.ask_next = ask_next
        self.client.post_invocation_result(invocation.request_id, body, content_type, invocation.invocation_id)

    def respond_stream(
        self,
        invocation: Invocation,
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece. `post_invocation_result` has been called, with the stream."""
        self._api.respond_stream(invocation, chunks, content_type, report_on=report_on)

    def fail(self, invocation: Invocation, error: "Failure", *, ask_next: bool) -> None:
        """Answer with an error."""
        self.client.ask_next = ask_next
        self.client.post_invocation_error(
            invocation.request_id, error.body.decode(), error.xray_cause, invocation.invocation_id
        )


def take_over(bootstrap: Any) -> None:
    """Let every loop of this process serve through a module's `handle_event_request`, from its next invocation on."""

    def serve(loop: Loop, invocation: Invocation) -> int | None:
        client = adopt(loop).client
        client.exit_code, client.answered = None, False
        loop._current.invocation = invocation
        loop._publish_trace_id(invocation.trace_id)
        bootstrap._GLOBAL_AWS_REQUEST_ID, bootstrap._GLOBAL_TENANT_ID = invocation.request_id, invocation.tenant_id
        body, invocation.event = invocation.event, b""
        try:
            bootstrap.handle_event_request(
                client,
                loop._handler,
                invocation.request_id,
                body,
                invocation.content_type,
                invocation.client_context,
                invocation.cognito_identity,
                invocation.function_arn,
                invocation.deadline_ms,
                invocation.tenant_id,
                client.log_sink,
                invocation.invocation_id,
            )
        except BaseException as error:
            if client.in_child or client.answered or isinstance(error, ApiFault):
                raise
            if isinstance(error, Exception):  # of what was put in the place of `handle_event_request`
                loop._fail(invocation, error, ask_next=not loop._current.deferred)
                return None
            return loop._fail_and_exit(invocation, error)
        return 0 if client.in_child else client.exit_code

    Loop.serve = serve  # type: ignore[method-assign, assignment]
    RuntimeApi.fail_init = fail_init  # type: ignore[method-assign, assignment]
    Loop.stand_in = bootstrap


def adopt(loop: Loop) -> ClientApi:
    """Return what a loop asks and answers through; it is put there where it is not yet."""
    api = loop._api
    if not isinstance(api, ClientApi):
        api = loop._api = ClientApi(loop)
        LambdaContext._write_log = staticmethod(loop._sink.write)
    return api


def fail_init(
    api: RuntimeApi, error: "BaseException | Failure", *, path: str = names.INIT_ERROR_PATH, error_type: str = ""
) -> None:
    """Tell the platform of a failure in init through a client; for the arguments see `RuntimeApi.fail_init`."""
    if path != names.INIT_ERROR_PATH:
        send_init_error(api, error, path=path, error_type=error_type)
        return
    client = LambdaRuntimeClient.__new__(LambdaRuntimeClient)
    client._api = api
    failure = Report(error) if isinstance(error, BaseException) else error
    client.post_init_error(codec.decode(failure.body, names.JSON), *([error_type] if error_type else []))
