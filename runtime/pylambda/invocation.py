"""One `/next` reply as a record: everything that is known of an invocation before the handler runs."""

from pylambda import names
from pylambda.faults import MissingRequestId

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.wire import Reply


class Invocation:
    """One invocation, as the Runtime API sent it. An empty header counts as an absent one.

    Attributes:
        request_id: what the answer is addressed to.
        event: the body, not yet decoded.
        content_type: the body's, as sent.
        deadline_ms: when the platform ends the invocation, milliseconds since the epoch; 0 where it is not said.
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
        "client_context",
        "cognito_identity",
        "content_type",
        "deadline_ms",
        "event",
        "function_arn",
        "invocation_id",
        "request_id",
        "tenant_id",
        "trace_id",
    )

    def __init__(self, reply: "Reply") -> None:
        header = reply.header
        request_id = header(names.REQUEST_ID)
        if request_id is None:
            raise MissingRequestId(
                f"the Runtime API sent an invocation without {names.REQUEST_ID.decode()}, so it cannot be answered"
            )
        deadline = header(names.DEADLINE_MS)
        self.request_id = request_id
        self.event = reply.body
        self.content_type = header(names.CONTENT_TYPE)
        self.deadline_ms = int(deadline) if deadline and deadline.isdecimal() else 0
        self.function_arn = header(names.FUNCTION_ARN) or ""
        self.trace_id = header(names.TRACE_ID)
        self.client_context = header(names.CLIENT_CONTEXT)
        self.cognito_identity = header(names.COGNITO_IDENTITY)
        self.tenant_id = header(names.TENANT_ID)
        self.invocation_id = header(names.INVOCATION_ID)


class Current:
    """The invocation that is being served, for those who are not handed it: the log and its threads.

    Attributes:
        invocation: None until the first one arrives.
    """

    __slots__ = ("invocation",)

    def __init__(self) -> None:
        self.invocation: Invocation | None = None
