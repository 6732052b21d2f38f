"""The root handler for `logging`: records as text or as JSON objects, with the request id of their invocation.

Imported when the function first imports `logging`. There is exactly one root handler, so `logging.basicConfig()`
in a function adds none, as with Amazon's runtime.

Source of the formats: awslambdaric 4.2.2 `bootstrap.py` and `lambda_runtime_log_utils.py`. A record is left as it
was found, but for `aws_request_id` and `tenant_id`, which formats of users' own may name.
"""

import logging
import time

from pylambda.log.sinks import timestamp
from pylambda.payload.codec import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from pylambda.log.sinks import Sink

    class Served(Protocol):
        """What a record says of its invocation; `runtime_api.invocation.Invocation` has it."""

        request_id: str
        tenant_id: str | None

    class Current(Protocol):
        """Knows which invocation is served; `runtime_api.invocation.Current` does."""

        @property
        def invocation(self) -> Served | None:
            """None before the first one."""


TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
TEXT_DATE_FORMAT = "%Y-%m-%dT%H:%M:%S"
# What a record always has. The rest came with `extra=`.
OWN_ATTRIBUTES = frozenset(
    (
        "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created "
        "msecs relativeCreated thread threadName processName process aws_request_id tenant_id _frame_type"
    ).split()
)


def install(current: "Current", sink: "Sink", *, log_json: bool, log_level: str) -> None:
    """Give the root logger its handler.

    Args:
        current: knows the invocation that is being served.
        sink: where records go.
        log_json: JSON objects instead of text.
        log_level: the root logger's level; one that `logging` does not know is ignored.
    """
    # For every formatter, the function's own included: Lambda's clock is UTC, and so are its logs.
    logging.Formatter.converter = time.gmtime
    handler = (LambdaLoggerHandlerWithFrameType if log_json or log_level else LambdaLoggerHandler)(sink)
    handler.setFormatter(JsonFormatter() if log_json else logging.Formatter(TEXT_FORMAT, TEXT_DATE_FORMAT))
    handler.addFilter(InvocationFilter(current))
    root = logging.getLogger()
    if log_level in logging.getLevelNamesMapping():
        root.setLevel(log_level)
    root.addHandler(handler)


class InvocationFilter(logging.Filter):
    """Writes the request id and the tenant id on each record; both are empty before the first invocation.

    Args:
        current: knows the invocation that is being served.
    """

    def __init__(self, current: "Current") -> None:
        super().__init__()
        self._current = current

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        invocation = self._current.invocation
        record.aws_request_id = invocation.request_id if invocation else ""
        record.tenant_id = invocation.tenant_id if invocation else None
        return True


class LambdaLoggerHandler(logging.Handler):
    """Hands formatted records to a sink. People look for it by this name, and by its attribute `log_sink`.

    Args:
        sink: where they go.
    """

    typed = False

    def __init__(self, sink: "Sink") -> None:
        super().__init__()
        self.log_sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Format and write one record. What fails on the way is reported by `logging` and costs the record only."""
        try:
            self.log_sink.record(self.format(record), record.levelno, typed=self.typed)
        except Exception:
            self.handleError(record)


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """Hands formatted records to a sink with their levels."""

    typed = True


class JsonFormatter(logging.Formatter):
    """One JSON object a record."""

    def __init__(self) -> None:
        super().__init__(datefmt=f"{TEXT_DATE_FORMAT}Z")
        # How many attributes a record has that nobody added to: `logging` itself, and the filter above two more.
        self._own_count = len(vars(logging.makeLogRecord({}))) + 2
        self._second = 0, ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object and a line end; keys in the official client's order, those without a value left out."""
        level = logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10)
        members = vars(record)
        if len(members) == self._own_count and isinstance(record.msg, str) and not record.exc_info:
            # What most records are: nothing but texts, so the object is written as it stands here.
            request_id = members.get("aws_request_id")
            if request_id is not None and members.get("tenant_id") is None and members.get("taskName") is None:
                return (
                    f'{{"timestamp": "{self._timestamp(record.created)}", "level": {quoted(level)}, '
                    f'"message": {quoted(record.getMessage())}, "logger": {quoted(record.name)}, '
                    f'"requestId": {quoted(request_id)}}}\n'
                )
        return self._format_any(record, level)

    def _timestamp(self, seconds: float) -> str:
        """Return what `timestamp` does; most records come in the second of the last one."""
        second, text = self._second
        milliseconds = int(seconds * 1000)
        if milliseconds // 1000 != second:
            second, text = self._second = milliseconds // 1000, timestamp(seconds)[:-4]
        return f"{text}{milliseconds % 1000:03d}Z"

    def _format_any(self, record: logging.LogRecord, level: str) -> str:
        message = record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage()
        members: dict[str, Any] = {
            "timestamp": self._timestamp(record.created),
            "level": level,
            "message": message,
            "logger": record.name,
            **_describe_exception(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if record.exc_info else None,
        }
        tenant_id = getattr(record, "tenant_id", None)
        if tenant_id is not None:
            members["tenantId"] = tenant_id
        for name, value in record.__dict__.items():
            if name not in OWN_ATTRIBUTES and name not in members:
                members[name] = value
        return _to_json({name: value for name, value in members.items() if value is not None}) + "\n"


def _describe_exception(record: logging.LogRecord) -> "dict[str, Any]":
    import traceback

    if not record.exc_info or record.exc_info[0] is None:
        return {}
    kind, error, trace = record.exc_info
    return {"stackTrace": traceback.format_tb(trace), "errorType": kind.__name__, "errorMessage": str(error)}


def _to_json(members: "dict[str, Any]") -> str:
    import json

    return json.dumps(members, ensure_ascii=False, default=str)
