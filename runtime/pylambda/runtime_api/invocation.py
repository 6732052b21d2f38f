"""One `/next` reply as a record: everything that is known of an invocation before the handler runs."""

from pylambda import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol

    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.wire import Reply

    class Addressed(Protocol):
        """What has to be known of an invocation to answer it; `Invocation` has it."""

        @property
        def request_id(self) -> str:
            """What the answer is addressed to."""

        @property
        def invocation_id(self) -> str | None:
            """Names the attempt."""

    class InvocationSource(Protocol):
        """Where a loop's invocations come from and its answers go: `client.RuntimeApi`, or what stands before it."""

        def next(self) -> "Invocation":
            """Wait for the next invocation."""

        def respond(self, invocation: "Invocation", body: bytes, content_type: str, *, ask_next: bool) -> None:
            """Answer with a result."""

        def respond_stream(
            self,
            invocation: "Invocation",
            chunks: Iterator[Chunk],
            content_type: str,
            *,
            report_on: Callable[[BaseException], Failure],
        ) -> None:
            """Answer piece by piece; raises what `chunks` raises when the platform knows of it."""

        def fail(self, invocation: "Invocation", error: Failure, *, ask_next: bool) -> None:
            """Answer with an error."""


# Headers that mostly stay the same from one invocation to the next; `wire.CHANGING` has the others.
STEADY = (names.CONTENT_TYPE, names.FUNCTION_ARN, names.CLIENT_CONTEXT, names.COGNITO_IDENTITY, names.TENANT_ID)


class Invocation:
    """One invocation, as the Runtime API sent it. An empty header counts as an absent one.

    Attributes:
        request_id: what the answer is addressed to.
        event: the body, not yet decoded.
        content_type: the body's, as sent.
        function_arn: the ARN that was invoked; empty where it is not said.
        trace_id: the X-Ray trace header.
        client_context: JSON text from a mobile client.
        cognito_identity: JSON text.
        tenant_id: the tenant, for functions with tenant isolation.
        invocation_id: names this attempt; sent back so that a late answer cannot reach another invocation.

    Raises:
        MissingRequestId: the reply has no request id.
    """

    __slots__ = (
        "_deadline",
        "client_context",
        "cognito_identity",
        "content_type",
        "event",
        "function_arn",
        "invocation_id",
        "request_id",
        "tenant_id",
        "trace_id",
    )

    def __init__(self, reply: "Reply") -> None:
        self.content_type: str | None
        self.client_context: str | None
        self.cognito_identity: str | None
        self.tenant_id: str | None
        self.request_id, self._deadline, trace_id, invocation_id, _ = reply.changing
        if not self.request_id:
            from pylambda.faults import MissingRequestId

            raise MissingRequestId(
                f"the Runtime API sent an invocation without {names.REQUEST_ID}, so it cannot be answered"
            )
        self.trace_id = trace_id or None
        self.invocation_id = invocation_id or None
        self.event = reply.body
        template = reply.template
        if template.kept is None:
            template.kept = [template.headers.get(name) or None for name in STEADY]
        self.content_type, arn, self.client_context, self.cognito_identity, self.tenant_id = template.kept
        self.function_arn = arn or ""

    @property
    def deadline_ms(self) -> int:
        """When the platform ends the invocation, milliseconds since the epoch; 0 where it is not said."""
        # Read when it is asked for: few handlers look at the time.
        return int(self._deadline) if self._deadline.isdecimal() else 0


class Current:
    """The invocation that is being served, for those who are not handed it: the log and its threads.

    Attributes:
        invocation: None until the first one arrives.
        deferred: what runs after the answer to it and before the next one is asked for: function, arguments, and
            arguments by name. Where it is not empty when the answer is sent, the next event is not asked for with it.
    """

    __slots__ = ("deferred", "invocation")

    def __init__(self) -> None:
        self.invocation: Invocation | None = None
        self.deferred: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []


# This process's, for what a handler calls and hands nothing, such as `after_response`.
current = Current()
