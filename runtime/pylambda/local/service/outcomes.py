"""How an invocation can end, and the documents that the platform writes where the function could not.

Texts by LocalStack's recordings of the service (`tests/aws/services/lambda_`, November 2025) and, for signals, by the
words of Go, in which the platform is written.
"""

import json
import signal
from typing import NamedTuple

LONGEST_RESULT_BYTES = 6 * 1024 * 1024 + 100
TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
TOO_LARGE = "Function.ResponseSizeTooLarge"
TRUNCATED = "Runtime.TruncatedResponse"

SIGNALS = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


class Outcome(NamedTuple):
    """How an invocation ended.

    Attributes:
        body: the result, or the error's document.
        error_type: empty where the function succeeded; the names of the platform's own begin with `Runtime.`,
            `Sandbox.` or `Function.`.
        content_type: what the runtime sent it as.
        streamed: whether the function streamed it.
        note: what a person should know that the document does not say.
        log_type: the error's type in the REPORT line, where that differs.
        at_start: whether the function has not been asked at all, because it did not start.
    """

    body: bytes
    error_type: str = ""
    content_type: str = "application/json"
    streamed: bool = False
    note: str = ""
    log_type: str = ""
    at_start: bool = False

    @property
    def failed(self) -> bool:
        return bool(self.error_type)

    @property
    def status(self) -> str:
        """The word of the platform's report: `success`, `error` or `timeout`."""
        if not self.failed:
            return "success"
        return "timeout" if self.error_type == TIMED_OUT else "error"


def document(error_type: str, message: str) -> bytes:
    """Return an error document of the platform."""
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()


def timed_out(request_id: str, timeout_s: float, note: str = "") -> Outcome:
    """Return how an invocation ends that took too long."""
    text = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    return Outcome(document(TIMED_OUT, text), TIMED_OUT, note=note)


def exited(request_id: str, code: int, note: str = "") -> Outcome:
    """Return how an invocation ends whose process did; `code` as in `Popen.returncode`."""
    text = f"RequestId: {request_id} Error: {exit_reason(code)}"
    return Outcome(document(EXITED, text), EXITED, note=note)


def killed_for_memory(request_id: str, used_mb: int, limit_mb: int) -> Outcome:
    """Return how an invocation ends that used too much memory."""
    text = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    note = f"killed at {used_mb} of {limit_mb} MB"
    return Outcome(document(EXITED, text), EXITED, note=note, log_type=OUT_OF_MEMORY)


def truncated(content_type: str, why: Outcome) -> Outcome:
    """Return how a stream ends whose process did, in the middle of it."""
    return Outcome(why.body, TRUNCATED, content_type, streamed=True, note=why.note, log_type=why.log_type)


def too_large() -> Outcome:
    """Return how an invocation ends whose result the platform does not take."""
    text = f"Response payload size exceeded maximum allowed payload size ({LONGEST_RESULT_BYTES} bytes)."
    return Outcome(document(TOO_LARGE, text), TOO_LARGE)


def exit_reason(code: int) -> str:
    """Return the platform's sentence for a process's end; `code` as in `Popen.returncode`."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = SIGNALS.get(signal.Signals(-code), f"signal {-code}") if -code in set(signal.Signals) else f"signal {-code}"
    return f"Runtime exited with error: signal: {name}"
