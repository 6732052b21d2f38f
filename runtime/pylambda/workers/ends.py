"""How a worker ended, in the words that Lambda has for a runtime that exits.

Source: what the service answered, recorded by LocalStack's tests against AWS: `Runtime.ExitError` with
`RequestId: ID Error: Runtime exited with error: exit status 127`, or `signal: killed`, or `without providing a reason`.
"""

import os
import signal

from pylambda.payload import codec

ERROR_TYPE = "Runtime.ExitError"
# As Go's `os.ProcessState` spells what Lambda prints of it.
SIGNAL_NAMES = {
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGILL: "illegal instruction",
    signal.SIGFPE: "floating point exception",
    signal.SIGTERM: "terminated",
}


def describe_end(status: int) -> str:
    """Return the end that a wait status tells of, such as `exit status 1`; empty for an exit with 0."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = SIGNAL_NAMES.get(number, f"signal {number}")  # type: ignore[call-overload]
        return f"signal: {name}{' (core dumped)' if os.WCOREDUMP(status) else ''}"
    code = os.WEXITSTATUS(status)
    return f"exit status {code}" if code else ""


class Crash:
    """What the platform is told of an invocation whose worker died: `log.failures.Failure`.

    Args:
        end: what `describe_end` says.
        request_id: of the invocation; empty for an end in init.
    """

    error_type = platform_error_type = ERROR_TYPE
    xray_cause = ""

    def __init__(self, end: str, request_id: str = "") -> None:
        self.end = end
        self.request_id = request_id

    def of(self, request_id: str) -> "Crash":
        """Return the same for an invocation."""
        return Crash(self.end, request_id)

    @property
    def reason(self) -> str:
        """The end in words for the log."""
        return self.end or "exit status 0"

    @property
    def body(self) -> bytes:
        """The error document as JSON."""
        how = f"Runtime exited with error: {self.end}" if self.end else "Runtime exited without providing a reason"
        message = f"RequestId: {self.request_id} Error: {how}"
        return codec.to_json({"errorMessage": message, "errorType": self.error_type})
