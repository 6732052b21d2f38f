"""What a handler sees as `context`: the attributes and methods of Amazon's, under the same names.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html and, for `tenant_id`, `w3c()` and what is
None when, awslambdaric 4.2.2 `lambda_context.py`.
"""

from time import time_ns

from pylambda.faults import LambdaContextUnmarshalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pylambda.invocation import Invocation

# The keys of a client context's `w3c` member that `w3c()` hands on.
W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class Record:
    """Attributes from a JSON object; a missing key is None."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, members: "dict[str, Any]") -> None:
        for name in self.__slots__:
            setattr(self, name, members.get(name))

    def __repr__(self) -> str:
        fields = ",".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}([{fields}])"


class Client(Record):
    """The application on the phone that made the call."""

    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")  # noqa: RUF023


class ClientContext(Record):
    """What a mobile client said of itself: `custom`, `env`, and `client`, a `Client` or None."""

    __slots__ = ("custom", "env", "client")  # noqa: RUF023
    custom: "Any"
    env: "Any"
    client: "Any"

    def __init__(self, members: "dict[str, Any]") -> None:
        super().__init__(members)
        if self.client is not None:
            self.client = Client(_require_object(self.client, "Client Context"))


class CognitoIdentity(Record):
    """Who the caller is to Cognito; both attributes None where nobody said."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")
    cognito_identity_id: "str | None"
    cognito_identity_pool_id: "str | None"


class LambdaContext:
    """What is known of an invocation, and how long it may still take.

    Args:
        invocation: what the Runtime API sent.
        function: what the platform says of the function, `settings.describe_function`.
        log: writes text to the function's log as it is.

    Raises:
        LambdaContextUnmarshalError: the client context or the identity is not a JSON object.
    """

    function_name: "str | None"
    function_version: "str | None"
    memory_limit_in_mb: "str | None"
    log_group_name: "str | None"
    log_stream_name: "str | None"

    def __init__(
        self, invocation: "Invocation", function: "dict[str, str | None]", log: "Callable[[str], None]"
    ) -> None:
        self.aws_request_id = invocation.request_id
        self.__dict__.update(function)
        self.invoked_function_arn = invocation.function_arn
        self.tenant_id = invocation.tenant_id
        self.client_context: ClientContext | None = None
        self.identity = identity = CognitoIdentity.__new__(CognitoIdentity)  # quicker than from an empty object
        identity.cognito_identity_id = identity.cognito_identity_pool_id = None
        self._w3c: dict[str, str] = {}
        if invocation.client_context:
            self._read_client_context(invocation.client_context)
        if invocation.cognito_identity:
            self._read_identity(invocation.cognito_identity)
        self._deadline_ms = invocation.deadline_ms
        self._log = log

    def get_remaining_time_in_millis(self) -> int:
        """How long until the platform ends the invocation; never negative."""
        return max(0, self._deadline_ms - time_ns() // 1_000_000)

    def w3c(self) -> "dict[str, str]":
        """The W3C trace context of the invocation: `traceparent`, `tracestate`, `baggage`, those that were sent."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write `message` to the function's log, without a level and without a line end of its own."""
        self._log(str(message))

    def __repr__(self) -> str:
        shown = (
            "aws_request_id log_group_name log_stream_name function_name memory_limit_in_mb function_version "
            "invoked_function_arn client_context identity tenant_id"
        )
        fields = ",".join(f"{name}={getattr(self, name)}" for name in shown.split())
        return f"{type(self).__name__}([{fields}])"

    def _read_client_context(self, text: str) -> None:
        members = _parse_object(text, "Client Context")
        if members is None:
            return
        w3c = members.pop("w3c", None)
        if isinstance(w3c, dict):
            self._w3c = {name: w3c[name] for name in W3C_FIELDS if isinstance(w3c.get(name), str)}
        self.client_context = ClientContext(members)

    def _read_identity(self, text: str) -> None:
        members = _parse_object(text, "Cognito Identity")
        if members is None:
            return
        self.identity.cognito_identity_id = members.get("cognitoIdentityId")
        self.identity.cognito_identity_pool_id = members.get("cognitoIdentityPoolId")


def _parse_object(text: str, name: str) -> "dict[str, Any] | None":
    import json

    try:
        members = json.loads(text)
    except Exception as error:
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: {error}", stack=()) from None
    return None if members is None else _require_object(members, name)


def _require_object(members: "Any", name: str) -> "dict[str, Any]":
    if not isinstance(members, dict):
        kind = type(members).__name__
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: expected an object, got {kind}", stack=())
    return members
