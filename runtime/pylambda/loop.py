"""Take one invocation, call the handler, answer: until the Runtime API or the handler ends it.

Whatever a handler does wrong costs its own invocation only. The exceptions that mean "end this process"
(`SystemExit` and the like) are reported first and then obeyed.
"""

from posix import register_at_fork

from pylambda import names
from pylambda.function.context import LambdaContext, note_first
from pylambda.log.failures import log_failure
from pylambda.payload import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any, ClassVar

    from pylambda.faults import ExitError
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.payload.codec import Chunk, Stream
    from pylambda.runtime_api.invocation import Current, Invocation, InvocationSource
    from pylambda.start.environment import Variables


class _LeftToParent(BaseException):
    """Raised where the body of a stream goes on in a child that it forked: the rest is the parent's to send."""


class Loop:
    """Serves one handler.

    Args:
        api: where invocations come from and answers go.
        handler: the user's function.
        function: what the platform says of it, for `context`.
        current: told of each invocation before the handler runs.
        sink: takes reports of failures.
        environ: where the trace id of the invocation is published.
        log_json: whether reports are logged as JSON objects.
        runner: gives the event loop, for a stream that is asynchronous.
        decode: makes the event of a body and its content type.
        encode: makes a body and its content type of a result.
    """

    # `awslambdaric.bootstrap`, once it is imported: it puts itself here, and its own in the place of `serve`.
    stand_in: "ClassVar[ModuleType | None]" = None

    def __init__(
        self,
        api: "InvocationSource",
        handler: "Handler",
        *,
        function: "dict[str, str | None]",
        current: "Current",
        sink: "Sink",
        environ: "Variables",
        log_json: bool,
        runner: "Callable[[], Runner]",
        decode: "Callable[[bytes | bytearray, str | None], Any]" = codec.decode,
        encode: "Callable[[Any], tuple[bytes | Stream, str]]" = codec.encode,
    ) -> None:
        self._api = api
        self._handler = handler
        self._function = function
        self._current = current
        self._sink = sink
        self._environ = environ
        self._log_json = log_json
        self._runner = runner
        self._decode = decode
        self._encode = encode
        self._in_child = False
        register_at_fork(after_in_child=self._leave_to_parent)

    def run(self) -> int:
        """Serve until a handler ends the process; return its exit code.

        A child that a handler forked ends as it would without a runtime: it does not speak for its parent.

        Raises:
            ApiFault: the Runtime API cannot be used any more.
        """
        first = self._api.next()
        note_first(first)
        code = self.serve(first)
        del first
        while True:
            if self._current.deferred:
                self._run_deferred()
                if self._in_child:
                    return 0
            if code is not None:
                return code
            code = self.serve(self._api.next())

    def serve(self, invocation: "Invocation") -> int | None:
        """Serve one invocation; return the exit code where it ends the process.

        What the invocation held is let go on return, before the next one is waited for: that may take hours.
        """
        self._current.invocation = invocation
        self._publish_trace_id(invocation.trace_id)
        try:
            event = self._decode(invocation.event, invocation.content_type)
            invocation.event = b""
            result = self._handler(event, LambdaContext(invocation, self._function, self._sink.write))
            body, content_type = self._encode(result)
        except Exception as error:
            if self._in_child:
                raise
            self._fail(invocation, error, ask_next=not self._current.deferred)
        except BaseException as error:
            if self._in_child:
                raise
            return self._fail_and_exit(invocation, error)
        else:
            if self._in_child:
                return 0
            if not isinstance(body, bytes):
                return self._respond_stream(invocation, body)
            self._api.respond(invocation, body, content_type, ask_next=not self._current.deferred)
        return None

    def _run_deferred(self) -> None:
        """Run what was to wait for the answer, of which a child that a handler forked has nothing."""
        from pylambda.lifecycle.after import run_deferred

        invocation = self._current.invocation
        assert invocation is not None  # what is deferred belongs to one
        run_deferred(self._current, self._runner, lambda error: self._log(invocation, error))

    def _leave_to_parent(self) -> None:
        self._in_child = True
        self._current.deferred.clear()

    def _publish_trace_id(self, trace_id: str | None) -> None:
        # The X-Ray SDK and OpenTelemetry read the variable during the invocation.
        if trace_id is not None:
            self._environ[names.XRAY_TRACE_ID] = trace_id
        else:
            self._environ.pop(names.XRAY_TRACE_ID, "")

    def _respond_stream(self, invocation: "Invocation", stream: "Stream") -> int | None:
        """Answer with a stream; return the exit code where its body ends the process."""
        failed: BaseException | None = None

        def report_on(error: BaseException) -> "Failure":
            nonlocal failed
            if self._in_child:
                raise error
            failed = error
            return self._log(invocation, error if isinstance(error, Exception) else _exit_fault(error))

        try:
            chunks = stream.chunks(self._runner)
        except Exception as error:
            self._fail(invocation, error, ask_next=not self._current.deferred)
            return None
        mine = self._until_forked(chunks)
        try:
            self._api.respond_stream(invocation, mine, stream.content_type, report_on=report_on)
        except _LeftToParent:
            return 0
        except BaseException as error:
            if error is not failed:
                raise
        return None if failed is None or isinstance(failed, Exception) else _exit_fault(failed).exit_code

    def _until_forked(self, chunks: "Iterator[Chunk]") -> "Iterator[Chunk]":
        from pylambda.payload.streams import close

        try:
            for chunk in chunks:
                if self._in_child:
                    break
                yield chunk
            if self._in_child:
                raise _LeftToParent
        finally:
            close(chunks)

    def _log(self, invocation: "Invocation", error: BaseException) -> "Failure":
        # Asked of errors from the kernel alone, so that a handler's own exception costs no import.
        hint_for = _hint_for if isinstance(error, OSError) else None
        return log_failure(
            error, self._sink, log_json=self._log_json, request_id=invocation.request_id, hint_for=hint_for
        )

    def _fail(self, invocation: "Invocation", error: BaseException, *, ask_next: bool) -> None:
        self._api.fail(invocation, self._log(invocation, error), ask_next=ask_next)

    def _fail_and_exit(self, invocation: "Invocation", error: BaseException) -> int:
        fault = _exit_fault(error)
        self._fail(invocation, fault, ask_next=False)
        return fault.exit_code


def _exit_fault(error: BaseException) -> "ExitError":
    from pylambda.faults import ExitError
    from pylambda.function.handler import exit_code

    code = exit_code(error)
    fault = ExitError(f"the handler raised {error!r}: the process exits with code {code}", exit_code=code)
    return fault.with_traceback(error.__traceback__)


def _hint_for(error: BaseException) -> str:
    from pylambda.function.hints import for_missing_call

    return for_missing_call(error)
