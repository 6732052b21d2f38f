"""One place as a loop sees it: the Runtime API, with patience before it and a note of what is served."""

from collections.abc import Callable, Iterator
from time import sleep
from typing import TYPE_CHECKING

# Now: once the function has left no descriptor to import these two with, an event that needs them would be lost.
import pylambda.runtime_api.again
import pylambda.runtime_api.chunks  # noqa: F401
from pylambda.faults import Fault
from pylambda.lifecycle.gate import Gate
from pylambda.log.sinks import warn
from pylambda.workers.patience import Patience

if TYPE_CHECKING:
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import Invocation, InvocationSource
    from pylambda.workers.places import Places


class Left(BaseException):
    """Raised where a loop would ask for an event, and none may be asked for any more."""


class Place(Gate):
    """The Runtime API for the loop of one place.

    Args:
        api: the client of that loop alone.
        number: the place's.
        places: the process's.
        done: called when an invocation is over.
    """

    def __init__(
        self, api: "InvocationSource", number: int, places: "Places", done: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(api)
        self._number = number
        self._places = places
        self._done = done
        self._patience = Patience(warn)
        self._has_asked = False  # for an event along with an answer: the platform counts on it

    def may_ask(self) -> bool:
        """Whether another event may be asked for."""
        self._has_asked = self._places.may_ask()
        return self._has_asked

    def next(self) -> "Invocation":
        """Wait for the next invocation, however long the platform is away.

        Raises:
            Left: none may be asked for any more.
            Fault: there is no sense in waiting.
        """
        self._done()
        self._places.done(self._number)
        while self._has_asked or self._places.may_ask():
            self._has_asked = False
            self._places.asking()
            try:
                invocation = self._api.next()
            except Fault as fault:
                sleep(self._patience.delay_s(fault))
                continue
            self._patience.rewarded()
            self._places.took(self._number, invocation)
            return invocation
        raise Left

    def respond(self, invocation: "Invocation", body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Answer with a result."""
        super().respond(invocation, body, content_type, ask_next=ask_next)
        self._places.answered(self._number)

    def respond_stream(
        self,
        invocation: "Invocation",
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece."""
        try:
            super().respond_stream(invocation, chunks, content_type, report_on=report_on)
        finally:
            self._places.answered(self._number)

    def fail(self, invocation: "Invocation", error: "Failure", *, ask_next: bool) -> None:
        """Answer with an error."""
        super().fail(invocation, error, ask_next=ask_next)
        self._places.answered(self._number)
