"""What can go wrong, one class per wire name. Imports nothing.

The family answers two questions: who hears of it, and does the process go on?

    LoadFault     -> `/init/error`, then exit 1
    InvokeFault   -> `/invocation/ID/error`, then the next invocation
    ApiFault      -> nobody can be told: one line on stderr, then exit 1

A message names the thing, in the official client's words where it has them, because users match on them. A hint
names the mend; it goes to the log only, with the section of `PAGE` that says more.

Source of names and messages: awslambdaric 4.2.2, `lambda_runtime_exception.py` and `bootstrap.py`.
"""

# Says what each message means; a test compares it with the source.
PAGE = "docs/errors.md"


class Fault(Exception):
    """The root of the taxonomy.

    Args:
        message: a sentence that names the thing.
        hint: a sentence that names the mend; may be empty.
        stack: the stack trace of the error document where the exception's own traceback is not the right one.

    Attributes:
        details: more members of the error document, which the log does not repeat.
    """

    def __init__(self, message: str, *, hint: str = "", stack: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stack = stack
        self.details: dict[str, object] = {}

    @property
    def error_type(self) -> str:
        """The name that the platform sees, such as `Runtime.HandlerNotFound`."""
        return f"Runtime.{type(self).__name__}"

    @property
    def advice(self) -> str:
        """The hint and where more is said, for the log; empty where there is no hint."""
        return f"{self.hint} [{PAGE}#runtime{type(self).__name__.lower()}]" if self.hint else ""


class Ended(SystemExit):
    """Raised when `run` has served to the end: all was said, the process only has to end with this code."""


class LoadFault(Fault):
    """The function could not be loaded."""


class MalformedHandlerName(LoadFault):
    """Raised when the handler is not `module.function`, or there is none."""


class BuiltInModuleConflict(LoadFault):
    """Raised when the handler's module is one that is built into the interpreter."""


class ImportModuleError(LoadFault):
    """Raised when the handler's module, or one that it imports, cannot be imported."""


class UserCodeSyntaxError(LoadFault):
    """Raised when the handler's module, or one that it imports, is not Python."""


class HandlerNotFound(LoadFault):
    """Raised when the module has no such attribute, or it cannot be called."""


class WrongPrefix(LoadFault):
    """Raised when a name such as `asgi:app:app` leads to what is no app of that kind; the hint says what to write."""


class StartupFailed(LoadFault):
    """Raised when the lifespan of an ASGI app says that its startup failed."""


class MissingDependency(LoadFault):
    """Raised when the function asks for something that a package does which is not installed."""


class UntypedHandler(LoadFault):
    """Raised when a `typed` handler's event has no annotation that says what it is."""


class InvalidSetting(LoadFault):
    """Raised when a variable of ours holds what it cannot."""


class InvalidHook(LoadFault):
    """Raised when a hook or a middleware cannot be called as it will be, or not around this handler."""


class InvokeFault(Fault):
    """One invocation failed before or after the handler, not in it."""


class UnmarshalError(InvokeFault):
    """Raised when an event said to be JSON is not."""


class MarshalError(InvokeFault):
    """Raised when a result cannot be written as JSON."""


class LambdaContextUnmarshalError(InvokeFault):
    """Raised when the client context or the Cognito identity is not JSON."""


class InvalidEvent(InvokeFault):
    """Raised when an event is not what a `typed` handler takes; the message names each bad field's path."""


class EventRefused(InvokeFault):
    """Raised when a web app answers an event that is no HTTP request with an error, so that it is tried again."""


class ConsoleError(InvokeFault):
    """Raised when a command could not be started, failed, or was stopped; it carries the exit code and the output.

    Args:
        message: names the command and how it ended.
        details: `exit_code` and `output`, where it was started.
    """

    def __init__(self, message: str, *, details: dict[str, object] | None = None) -> None:
        super().__init__(message, stack=())
        self.details = details or {}


class InvalidResponse(InvokeFault):
    """Raised when a `raw` handler returns what cannot be sent, or a stream is written to after its end."""


class DeadlineExceeded(InvokeFault):
    """Raised when an async handler is cancelled because the platform would soon have ended it."""


class HandlerCancelled(InvokeFault):
    """Raised when something else than the deadline cancelled an async handler."""


class OutsideInvocation(InvokeFault):
    """Raised when something that belongs to an invocation is asked for where there is none."""


class ExitError(InvokeFault):
    """Raised for a handler that ended with `SystemExit` or another `BaseException`; the process ends after it."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class WorkersFailed(Fault):
    """Raised when no worker can be started, so that nothing can be served."""


class ApiFault(Fault):
    """The Runtime API cannot be used. Nobody can be told but stderr."""


class NotInLambda(ApiFault):
    """Raised when there is no Runtime API address: this is not Lambda, nor an emulator."""


class BadEndpoint(ApiFault):
    """Raised when the Runtime API address is not `host:port`, with or without a path behind it."""


class TransportError(ApiFault):
    """Raised when the connection to the Runtime API fails, or its reply is not HTTP."""


class NoDescriptors(ApiFault):
    """Raised when the function has left no descriptor for a connection to the Runtime API."""


class MissingRequestId(ApiFault):
    """Raised when a `/next` reply carries no request id, so that nothing can be answered."""


def one_line(body: bytes | bytearray) -> str:
    """Return the beginning of a reply's body on one line, for a message."""
    return " ".join(body[:500].decode(errors="replace").split())


class UnexpectedStatus(ApiFault):
    """Raised when the Runtime API answers with a status that ends the run.

    Args:
        request: method and path, for the message.
        status: the HTTP status.
        body: the reply's body, for the message.
    """

    def __init__(self, request: str, status: int, body: bytes | bytearray) -> None:
        super().__init__(f"the Runtime API answered {request} with {status}: {one_line(body)}")
        self.status = status
