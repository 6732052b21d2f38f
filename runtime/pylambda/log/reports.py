"""An exception as the platform wants to hear of it: error document, X-Ray cause, log lines.

Imported when something first fails, which is why it may import `traceback`.

Source: the shapes are those of awslambdaric 4.2.2 (`bootstrap.py`); the pattern of error types is the platform's.
A trace shows the user's frames: those of this package and of the import system are left out.
"""

import os
import time
import traceback
from types import TracebackType

from pylambda.faults import Fault
from pylambda.log.sinks import timestamp
from pylambda.payload import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pylambda.log.sinks import Sink

PACKAGE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# The official client's names beside it, through which the runtime serves once they are imported.
CLIENT_DIR = os.path.join(os.path.dirname(os.path.dirname(PACKAGE_DIR)), "awslambdaric", "")
NO_BREAK_SPACE = "\u00a0"
# Past this the platform takes no X-Ray cause; it crops what it takes to 64 KiB.
MAX_XRAY_CAUSE_BYTES = 1 << 20
VALIDATION_ERROR = "LambdaValidationError"


class Report:
    """What is sent and printed about one failure.

    Args:
        error: what was raised.
        request_id: of the invocation that failed; empty at initialization.
        hint: how to mend it, where the error does not say so itself.

    Attributes:
        error_type: the name in the document, a bare class name for the user's own exceptions.
        message: the exception's text.
        stack: one string a frame, as `traceback.format_list` writes them.
        hint: how to mend it, and where more is said; for the log only.
    """

    def __init__(self, error: BaseException, request_id: str = "", hint: str = "") -> None:
        self.request_id = request_id
        frames = _user_frames(error.__traceback__)
        self._frames = frames
        self._details: dict[str, object] = {}
        if isinstance(error, Fault):
            self._details = error.details
            self.error_type = error.error_type
            self.message = error.message
            self.hint = error.advice or hint
            self.stack = list(traceback.format_list(frames) if error.stack is None else error.stack)
            self._xray_type = VALIDATION_ERROR
            self._category_and_name = self.error_type
        else:
            self.error_type = self._xray_type = type(error).__name__
            self.message = _text_of(error)
            self.hint = hint
            self.stack = traceback.format_list(frames)
            self._category_and_name = f"Function.{self.error_type}"

    @property
    def platform_error_type(self) -> str:
        """The type as the platform's pattern wants it: `Function.Name` for the user's, `Runtime.Name` for ours.

        The pattern is ``^(Runtime|Function)\\.[A-Z][a-zA-Z]+$``; what does not fit is `Unknown` of its category.
        """
        category, _, name = self._category_and_name.partition(".")
        fits = len(name) > 1 and name.isascii() and name.isalpha() and name[0].isupper()
        return f"{category}.{name if fits else 'Unknown'}"

    @property
    def document(self) -> "dict[str, Any]":
        """The error document, its keys in the official client's order."""
        return {
            "errorMessage": self.message,
            "errorType": self.error_type,
            "requestId": self.request_id,
            "stackTrace": self.stack,
        }

    @property
    def body(self) -> bytes:
        """The error document as JSON, with what a fault of ours carries besides."""
        return codec.to_json({**self.document, **self._details})

    @property
    def xray_cause(self) -> str:
        """The X-Ray cause as ASCII JSON; empty where it is larger than the platform takes."""
        frames = [] if self._xray_type == VALIDATION_ERROR else self._frames
        cause = codec.to_ascii_json(
            {
                "working_directory": _working_directory(),
                "exceptions": [
                    {
                        "message": self.message,
                        "type": self._xray_type,
                        "stack": [{"label": name, "path": file, "line": line} for file, line, name, _ in frames],
                    }
                ],
                "paths": list(dict.fromkeys(file for file, *_ in frames)),
            }
        )
        return cause if len(cause) < MAX_XRAY_CAUSE_BYTES else ""

    @property
    def text_lines(self) -> list[str]:
        """The log record in lines. Indents are no-break spaces, because the console folds ordinary ones."""
        head = f"[ERROR] {self.error_type}"
        if self.message:
            head += f": {self.message}"
        lines = [head, "Traceback (most recent call last):"]
        for frame in self.stack:
            for line in frame.splitlines():
                text = line.lstrip(" ")
                lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return lines


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"<unprintable {type(error).__name__} object>"


def _user_frames(trace: TracebackType | None) -> list[tuple[str, int, str, str | None]]:
    return [
        (frame.filename, frame.lineno or 0, frame.name, frame.line)
        for frame in traceback.extract_tb(trace)
        if _is_users(frame)
    ]


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith((PACKAGE_DIR, CLIENT_DIR, "<frozen importlib"))


def text_of_trace(error: BaseException) -> str:
    """Return an exception as `traceback` prints it, with what it came from, and the user's frames alone."""
    told = traceback.TracebackException.from_exception(error)
    at: traceback.TracebackException | None = told
    while at is not None:
        at.stack[:] = [frame for frame in at.stack if _is_users(frame)]
        at = at.__cause__ or at.__context__
    return "".join(told.format())


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # the function removed the folder that it stood in
        return ""


def log_report(report: Report, sink: "Sink", *, log_json: bool) -> None:
    """Write a report to the function's log, as text lines or as a JSON object."""
    if not log_json:
        sink.error(report.text_lines)
        return
    members = {"timestamp": timestamp(time.time()), "level": "ERROR", **report.document}
    if report.hint:
        members["hint"] = report.hint
    sink.error([codec.to_json(members).decode()])
