"""What a function prints, as JSON records beside those of `logging`: `PYLAMBDA_PRINT=json`. Imported where that is set.

    print("order", 7)  ->  {"timestamp": ..., "level": "INFO", "message": "order 7", "requestId": ...}

What is written up to a line end is a record: a `print` of several lines is one, and so is a traceback. An object of
JSON goes through as it is: metrics in CloudWatch's format and the records of other loggers are read by what they are.
So do bytes that are written to `.buffer`, what goes to `sys.__stdout__`, and what C code or a child process writes to
the descriptor.

What goes to stderr is a WARNING and no ERROR: warnings and progress go there, and an alarm on errors is not for those.
"""

import json
import sys
from _thread import get_ident
from io import TextIOWrapper
from time import time

from pylambda.log.sinks import StdoutSink, timestamp
from pylambda.payload.codec import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pylambda.log.records import Served
    from pylambda.log.sinks import Sink

TRACE = "Traceback (most recent call last):\n"
LEVELS = {"stdout": ("INFO", 20), "stderr": ("WARNING", 30)}


def print_records(served: "Callable[[], Served | None]", sink: "Sink") -> None:
    """Let stdout and stderr make records; a stream that somebody has put into the place of one stays.

    Args:
        served: returns the invocation that is being served.
        sink: where the platform wants records, if not where they are printed.
    """
    for name, (level, number) in LEVELS.items():
        stream = getattr(sys, name, None)
        if type(stream) is TextIOWrapper:
            setattr(sys, name, RecordStream(stream, served, level, number, sink))


def end_lines(request_id: str) -> None:
    """Let leave what was printed in an invocation without a line end: what is kept may be lost after its answer."""
    for name in LEVELS:
        stream = getattr(sys, name, None)
        if isinstance(stream, RecordStream):
            try:
                stream.end_lines(request_id)
            except (OSError, ValueError):  # the function has closed it, or what lies below
                pass


class RecordStream(TextIOWrapper):
    """A stream like the one that it takes the place of, but for what `write` makes of a text.

    Args:
        stream: the one that was there; both write to the same buffer.
        served: returns the invocation that is being served.
        level: of the records; `number` is the same for the sink.
        sink: takes records, unless it would write them here.
    """

    def __init__(
        self, stream: TextIOWrapper, served: "Callable[[], Served | None]", level: str, number: int, sink: "Sink"
    ) -> None:
        # What an encoding lacks is escaped, as JSON has it too.
        super().__init__(stream.buffer, encoding=stream.encoding, errors="backslashreplace", write_through=True)
        self.mode = "w"  # type: ignore[misc]  # as `sinks.unbuffer` has it, of the stream before
        stream.buffer.printed = self  # type: ignore[attr-defined]  # its end would close what lies below both
        self._served = served
        self._level = level
        self._number = number
        self._sink = None if isinstance(sink, StdoutSink) else sink
        # Beginnings of lines, by who writes them: two threads, and two invocations of one, do not mix theirs.
        self._begun: dict[tuple[str, int], str] = {}

    def write(self, text: str, /) -> int:
        """Take a text; what ends a line leaves as a record, together with what was begun."""
        if not isinstance(text, str):
            return super().write(text)  # says what is wrong
        writer = self._writer
        whole = self._begun.pop(writer, "") + text
        if whole.endswith("\n") and not _is_unfinished_trace(whole):
            self._record(whole)
        elif whole:
            self._begun[writer] = whole
        return len(text)

    def flush(self) -> None:
        """Let what was begun leave, without a line end."""
        if hasattr(self, "_begun"):  # else it is being made
            self._record(self._begun.pop(self._writer, ""))
        super().flush()

    def end_lines(self, request_id: str) -> None:
        """Let leave what any thread has begun in an invocation."""
        for writer in [writer for writer in self._begun if writer[0] == request_id]:
            self._record(self._begun.pop(writer, ""))

    def write_as_it_is(self, text: str) -> None:
        """Write what is a record already, or is to be none."""
        super().write(text)

    @property
    def _writer(self) -> tuple[str, int]:
        invocation = self._served()
        return invocation.request_id if invocation else "", get_ident()

    def _record(self, text: str) -> None:
        message = text.removesuffix("\n")
        if not message:
            return
        if message[0] == "{" and all(map(_is_object, message.split("\n"))):
            self.write_as_it_is(f"{message}\n")
            return
        invocation = self._served()
        tenant = f', "tenantId": {quoted(invocation.tenant_id)}' if invocation and invocation.tenant_id else ""
        record = (
            f'{{"timestamp": "{timestamp(time())}", "level": "{self._level}", "message": {quoted(message)}, '
            f'"requestId": {quoted(invocation.request_id if invocation else "")}{tenant}}}\n'
        )
        if self._sink is None:
            self.write_as_it_is(record)
        else:
            self._sink.record(record, self._number, typed=True)


def _is_unfinished_trace(text: str) -> bool:
    """Whether it is a traceback, which Python writes line by line, and the exception has not come yet."""
    if not text.startswith(TRACE):
        return False
    last = text[text.rfind("\n", 0, -1) + 1 :]
    return last == TRACE or last.startswith(" ")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
