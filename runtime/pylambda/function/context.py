"""What a handler sees as `context`: the attributes and methods of Amazon's, under the same names.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html and, for `tenant_id`, `w3c()` and what is
None when, awslambdaric 4.2.2 `lambda_context.py`.
"""

from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from pylambda.function.client_context import ClientContext
    from pylambda.runtime_api.invocation import Invocation

# The keys of a client context's `w3c` member that `w3c()` hands on.
W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class CognitoIdentity:
    """Who the caller is to Cognito; both attributes None where nobody said."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")
    cognito_identity_id: "str | None"
    cognito_identity_pool_id: "str | None"

    def __repr__(self) -> str:
        from pylambda.function.client_context import describe

        return describe(self, self.__slots__)


class _Deadline:
    """When the platform ends the invocation, read when it is asked for; an attribute of the same name goes before."""

    def __get__(self, context: "LambdaContext", owner: type) -> int:
        return context._invocation.deadline_ms


class LambdaContext:
    """What is known of an invocation, and how long it may still take.

    Args:
        invocation: what the Runtime API sent.
        function: what the platform says of the function, `settings.describe_function`.
        log: writes text to the function's log as it is.

    Raises:
        LambdaContextUnmarshalError: the client context or the identity is not a JSON object.
    """

    _w3c: "dict[str, str]" = {}  # noqa: RUF012 - replaced, never written to
    # By the official client's name, under which functions read it; tests of theirs set it.
    _epoch_deadline_time_in_ms = _Deadline()
    _first: "ClassVar[Invocation | None]" = None

    def __init__(
        self, invocation: "Invocation", function: "dict[str, str | None]", log: "Callable[[str], None]"
    ) -> None:
        self.aws_request_id = invocation.request_id
        # One by one: `__dict__.update` would have to make a dictionary first, which few attributes do without.
        self.log_group_name = function["log_group_name"]
        self.log_stream_name = function["log_stream_name"]
        self.function_name = function["function_name"]
        self.memory_limit_in_mb = function["memory_limit_in_mb"]
        self.function_version = function["function_version"]
        self.invoked_function_arn = invocation.function_arn
        self.tenant_id = invocation.tenant_id
        self.client_context: ClientContext | None = None
        self.identity = identity = CognitoIdentity.__new__(CognitoIdentity)  # quicker than from an empty object
        identity.cognito_identity_id = identity.cognito_identity_pool_id = None
        if invocation.client_context:
            self._read_client_context(invocation.client_context)
        if invocation.cognito_identity:
            self._read_identity(invocation.cognito_identity)
        self._invocation = invocation
        self._log = log

    @property
    def is_cold_start(self) -> bool:
        """Whether this is the first invocation of this process."""
        return self._invocation is self._first

    @property
    def trace_id(self) -> str | None:
        """The X-Ray trace header of the invocation: where several are served at once, it is in no variable."""
        return self._invocation.trace_id

    def get_remaining_time_in_millis(self) -> int:
        """How long until the platform ends the invocation; never negative."""
        return max(0, self._epoch_deadline_time_in_ms - time_ns() // 1_000_000)

    def w3c(self) -> "dict[str, str]":
        """The W3C trace context of the invocation: `traceparent`, `tracestate`, `baggage`, those that were sent."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write `message` to the function's log, without a level and without a line end of its own."""
        self._log(str(message))

    def __repr__(self) -> str:
        from pylambda.function.client_context import describe

        shown = (
            "aws_request_id log_group_name log_stream_name function_name memory_limit_in_mb function_version "
            "invoked_function_arn client_context identity tenant_id"
        )
        return describe(self, shown.split())

    def _read_client_context(self, text: str) -> None:
        from pylambda.function.client_context import parse_object

        members = parse_object(text, "Client Context")
        if members is not None:
            self._take_client_context(members)

    def _take_client_context(self, members: "dict[str, Any]") -> None:
        from pylambda.function.client_context import ClientContext

        w3c = members.pop("w3c", None)
        if isinstance(w3c, dict):
            self._w3c = {name: w3c[name] for name in W3C_FIELDS if isinstance(w3c.get(name), str)}
        self.client_context = ClientContext(members)

    def _read_identity(self, text: str) -> None:
        from pylambda.function.client_context import parse_object

        members = parse_object(text, "Cognito Identity")
        if members is not None:
            self._take_identity(members)

    def _take_identity(self, members: "dict[str, Any]") -> None:
        self.identity.cognito_identity_id = members.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = members.get("cognitoIdentityPoolId")


def note_first(invocation: "Invocation") -> None:
    """Remember the first invocation of this process; each loop in it tells of its own first one."""
    if LambdaContext._first is None:
        LambdaContext._first = invocation
