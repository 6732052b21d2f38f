"""The Runtime API with a gate, for whoever has something to do before an answer, or between it and the next event."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import Invocation, InvocationSource


class Gate:
    """Hands everything on to the Runtime API; the next event is asked for with an answer only where it may be.

    Args:
        api: what is behind it: the client, or another gate.
    """

    def __init__(self, api: "InvocationSource") -> None:
        self._api = api

    def may_ask(self) -> bool:
        """Whether the next event may be asked for with the answer that is about to be sent."""
        return True

    def about_to_answer(self, invocation: "Invocation") -> None:
        """Do what has to be done before an answer leaves."""

    def next(self) -> "Invocation":
        """Wait for the next invocation."""
        return self._api.next()

    def respond(self, invocation: "Invocation", body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Answer with a result."""
        self.about_to_answer(invocation)
        self._api.respond(invocation, body, content_type, ask_next=ask_next and self.may_ask())

    def respond_stream(
        self,
        invocation: "Invocation",
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece."""
        self.about_to_answer(invocation)
        self._api.respond_stream(invocation, chunks, content_type, report_on=report_on)

    def fail(self, invocation: "Invocation", error: "Failure", *, ask_next: bool) -> None:
        """Answer with an error."""
        self.about_to_answer(invocation)
        self._api.fail(invocation, error, ask_next=ask_next and self.may_ask())
