"""When records are made of what is printed: from before the function's module on, and each line is ended by the answer.

Imported where `PYLAMBDA_PRINT` is set; `log.printed` has the records.
"""

from pylambda.lifecycle.gate import Gate
from pylambda.log.printed import end_lines, print_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from pylambda.function.handler import Handler
    from pylambda.log.sinks import Sink
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
    """Ends what was printed without a line end before an answer leaves: what is kept may be lost after it.

    What the body of a stream prints, and what runs after the answer, is ended by the wait for the next invocation.
    """

    _answered = ""

    def about_to_answer(self, invocation: "Invocation") -> None:
        """End what the invocation has printed."""
        self._answered = invocation.request_id
        end_lines(self._answered)

    def next(self) -> "Invocation":
        """Wait for the next invocation."""
        end_lines(self._answered)
        return super().next()
