"""Where log records go: stdout, which keeps nothing back, or the descriptor that the platform gives for framed ones.

A frame keeps a record whole whatever is in it. On stdout every line is an entry of its own, so a record's lines are
joined: with a carriage return in Lambda, whose console shows it as a line break, and with a plain line end on
somebody's own terminal, where it is one.

Source of the frame: awslambdaric 4.2.2 `FramedTelemetryLogSink`; type, length, microseconds, text, big-endian.
"""

import sys
from io import BufferedWriter, TextIOWrapper
from posix import write as write_descriptor
from time import gmtime, strftime, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TextIO

    from _typeshed import ReadableBuffer

    class Sink(Protocol):
        """Takes what a function logs."""

        def write(self, text: str) -> None:
            """Write `text` as it is, a level nowhere: what `context.log` was given."""

        def record(self, text: str, level: int, *, typed: bool) -> None:
            """Write one record that ends its own line; `typed` says whether its level matters to the platform."""

        def error(self, lines: list[str]) -> None:
            """Write the record of a failure."""


LINE_JOINT_IN_LAMBDA = "\r"
LINE_JOINT_LOCAL = "\n"
TEXT_FRAME = 0xA55A0003
JSON_FRAME = 0xA55A0002
LEVEL_ERROR = 40
STDOUT, STDERR = 1, 2
NO_DESCRIPTOR = -1


def frame_type(level: int, *, log_json: bool) -> bytes:
    """Return a frame's first four bytes: the format, and the level by tens, at most 50; level 0 is no level."""
    base = JSON_FRAME if log_json else TEXT_FRAME
    tens = min(50, max(0, level)) // 10
    # NOTSET 0, DEBUG 8, INFO 12, ... : 4 is TRACE, which Python has not.
    return (base + (4 + 4 * tens if tens else 0)).to_bytes(4, "big")


def timestamp(seconds: float) -> str:
    """Return RFC 3339 in UTC with milliseconds, which the platform's filters order records by."""
    milliseconds = int(seconds * 1000)
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(milliseconds // 1000))}.{milliseconds % 1000:03d}Z"


def warn(line: str) -> None:
    """Say something on stderr that is the runtime's own and not the function's, in one line."""
    _write(sys.stderr if hasattr(sys, "stderr") else None, STDERR, f"pylambda: {line}\n")


def _write(stream: "TextIO | None", descriptor: int, text: str) -> None:
    """Write to a stream or, where it cannot take the text, past it to its descriptor; at worst the text is lost."""
    try:
        if stream is not None:
            # A stream that makes records of what is printed makes none of this.
            getattr(stream, "write_as_it_is", stream.write)(text)
            stream.flush()
            return
    except Exception:  # closed, of an encoding that lacks a character, or of a class of the function's own
        pass
    try:
        write_descriptor(descriptor, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass


class _Unkept(BufferedWriter):
    """The layer that people write bytes to, and look below of; it keeps nothing back."""

    other: TextIOWrapper

    def write(self, data: "ReadableBuffer", /) -> int:
        count = super().write(data)
        self.flush()
        return count


def unbuffer(name: str) -> None:
    """Let what was printed leave at once, so that nothing is lost when a function dies.

    -u does so too, but takes the buffered layer away, which some write to.
    """
    stream = getattr(sys, name)
    if type(stream) is not TextIOWrapper or isinstance(stream.buffer, _Unkept):
        return
    stream.flush()
    layer: Any = stream.buffer
    buffer = _Unkept(getattr(layer, "raw", layer))
    buffer.other = stream  # its end would close what lies below both; a program of one's own may have kept it, too
    setattr(sys, name, TextIOWrapper(buffer, encoding=stream.encoding, errors=stream.errors, write_through=True))
    getattr(sys, name).mode = "w"
    if getattr(sys, f"__{name}__") is stream:
        setattr(sys, f"__{name}__", getattr(sys, name))


class StdoutSink:
    """Writes to whatever `sys.stdout` is at that moment.

    Args:
        local: whether the reader is a terminal rather than CloudWatch.
    """

    def __init__(self, *, local: bool) -> None:
        self._joint = LINE_JOINT_LOCAL if local else LINE_JOINT_IN_LAMBDA

    def write(self, text: str) -> None:
        """Write `text` as it is."""
        _write(sys.stdout if hasattr(sys, "stdout") else None, STDOUT, text)

    def record(self, text: str, level: int, *, typed: bool) -> None:
        """Write one record as one entry; its level is in its text."""
        self.write(text.rstrip("\n").replace("\n", self._joint) + "\n")

    def error(self, lines: list[str]) -> None:
        """Write the record of a failure as one entry."""
        self.record("\n".join(lines), LEVEL_ERROR, typed=True)


class FrameSink:
    """Writes frames to the platform's descriptor, each with one system call.

    Args:
        descriptor: an open file descriptor.
        log_json: whether the records are JSON.
    """

    def __init__(self, descriptor: int, *, log_json: bool) -> None:
        self._descriptor = descriptor
        self._log_json = log_json

    def write(self, text: str) -> None:
        """Write `text` in a frame without a level."""
        self._frame(text, TEXT_FRAME.to_bytes(4, "big"))

    def record(self, text: str, level: int, *, typed: bool) -> None:
        """Write one record in one frame."""
        self._frame(text, frame_type(level, log_json=self._log_json) if typed else TEXT_FRAME.to_bytes(4, "big"))

    def error(self, lines: list[str]) -> None:
        """Write the record of a failure in one frame."""
        self._frame("\n".join(lines), frame_type(LEVEL_ERROR, log_json=self._log_json))

    def _frame(self, text: str, kind: bytes) -> None:
        message = text.encode("utf-8", "backslashreplace")
        microseconds = time_ns() // 1000
        rest = memoryview(kind + len(message).to_bytes(4, "big") + microseconds.to_bytes(8, "big") + message)
        try:
            while rest:
                rest = rest[write_descriptor(self._descriptor, rest) :]
        except OSError:  # the function has closed it, and may open something else in its place
            self._descriptor = NO_DESCRIPTOR
            StdoutSink(local=False).record(text, 0, typed=False)


def sink_of(descriptor: int | None, *, local: bool, log_json: bool) -> "Sink":
    """Return where records go: to the platform's descriptor where there is one, else to stdout.

    Args:
        descriptor: for frames.
        local: whether the reader is a terminal rather than CloudWatch.
        log_json: whether the records are JSON.
    """
    return StdoutSink(local=local) if descriptor is None else FrameSink(descriptor, log_json=log_json)
