"""What is said of a failure: a whole report where there is something to say it with, else a bare one."""

from posix import closerange

from pylambda.payload import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pylambda.faults import NoDescriptors
    from pylambda.log.sinks import Sink

    class Failure(Protocol):
        """What the platform is told of a failure; `reports.Report` has it, and so has `BareReport`."""

        @property
        def error_type(self) -> str:
            """The document's."""

        @property
        def platform_error_type(self) -> str:
            """Category and name, by the platform's pattern."""

        @property
        def xray_cause(self) -> str:
            """ASCII JSON, or nothing."""

        @property
        def body(self) -> bytes:
            """The error document as JSON."""


NONE_LEFT = 23, 24  # ENFILE, EMFILE


class BareReport:
    """What can be said of a failure with nothing to say it with. `reports.Report` says the same, and more.

    Args:
        error: what was raised.
        request_id: of the invocation that failed.
    """

    platform_error_type = "Function.Unknown"
    xray_cause = ""

    def __init__(self, error: BaseException, request_id: str) -> None:
        self.error_type: str = getattr(error, "error_type", type(error).__name__)
        self.body = codec.to_json(
            {"errorMessage": str(error), "errorType": self.error_type, "requestId": request_id, "stackTrace": []}
        )


def log_failure(
    error: BaseException,
    sink: "Sink",
    *,
    log_json: bool,
    request_id: str = "",
    hint_for: "Callable[[BaseException], str] | None" = None,
) -> "Failure":
    """Report a failure and log the report; return it.

    Args:
        error: what was raised.
        sink: takes the report.
        log_json: whether it is logged as a JSON object.
        request_id: of the invocation that failed; empty for a failure to load the function.
        hint_for: names the mend, for the log.
    """
    try:
        from pylambda.log import reports

        report = reports.Report(error, request_id, hint=hint_for(error) if hint_for else "")
        reports.log_report(report, sink, log_json=log_json)
    except Exception:
        # No descriptor is left to import from, or no memory: the caller still gets an answer.
        return BareReport(error, request_id)
    return report


def exhaustion(error: Exception, message: str = "") -> "NoDescriptors | None":
    """Return the fault where an error says that the function has left no descriptor; what follows has stdin's to go on.

    Args:
        error: of a connection or of an import.
        message: of the fault; the error's own where it is empty.
    """
    if not isinstance(error, OSError) or error.errno not in NONE_LEFT:
        return None
    closerange(0, 1)
    from pylambda.faults import NoDescriptors

    return NoDescriptors(message or str(error))
