"""When records are made of what is printed: from before the function's module on, and each line is ended by the answer.

Imported where `PYLAMBDA_PRINT` is set; `log.printed` has the records.
"""

from pylambda.lifecycle.gate import Gate
from pylambda.log.printed import end_lines, print_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from pylambda.function.handler import Handler
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import Current, Invocation
    from pylambda.start.settings import Settings

    class Host(Protocol):
        """What is needed of a process's parts."""

        settings: Settings
        current: Current
        sink: Sink


def printing(host: "Host", load_handler: "Callable[[], Handler]") -> "Callable[[], Handler]":
    """Return what loads the handler once what is printed becomes records.

    Args:
        host: knows whether that is wanted, and what is served.
        load_handler: returns the handler.
    """

    def load() -> "Handler":
        if host.settings.prints_records:  # here: what a variable cannot say is told as a fault of the load
            print_records(lambda: host.current.invocation, host.sink)
        return load_handler()

    return load


class LineEnds(Gate):
    """Ends what was printed without a line end before an answer leaves: what is kept may be lost after it."""

    _answered = ""

    def next(self) -> "Invocation":
        """Wait for the next invocation."""
        end_lines(self._answered)  # for what ran after the answer
        return super().next()

    def respond(self, invocation: "Invocation", body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Answer with a result."""
        self._end(invocation)
        super().respond(invocation, body, content_type, ask_next=ask_next)

    def respond_stream(
        self,
        invocation: "Invocation",
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece; what the body prints is ended by the wait for the next invocation."""
        self._end(invocation)
        super().respond_stream(invocation, chunks, content_type, report_on=report_on)

    def fail(self, invocation: "Invocation", error: "Failure", *, ask_next: bool) -> None:
        """Answer with an error."""
        self._end(invocation)
        super().fail(invocation, error, ask_next=ask_next)

    def _end(self, invocation: "Invocation") -> None:
        self._answered = invocation.request_id
        end_lines(self._answered)
