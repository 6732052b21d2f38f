"""The official client's `LambdaRuntimeClient`: integrations replace its methods, programs of their own loop over it.

While the runtime serves through `awslambdaric.bootstrap`, every request and answer passes through the methods here.
"""

from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.payload import codec
from pylambda.runtime_api.client import RuntimeApi

from .given import GivenInvocation, GivenReport
from .lambda_runtime_marshaller import LambdaMarshaller

# `serving` puts another in its place, which comes here.
send_init_error = RuntimeApi.fail_init

if TYPE_CHECKING:
    from pylambda.runtime_api.invocation import Invocation


class InvocationRequest:
    """An invocation, its parts as attributes."""

    invoke_id: str
    x_amzn_trace_id: str | None
    invoked_function_arn: str | None
    deadline_time_in_ms: int
    client_context: str | None
    cognito_identity: str | None
    tenant_id: str | None
    content_type: str | None
    event_body: bytes | bytearray
    invocation_id: str | None

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == getattr(other, "__dict__", None)

    __hash__ = None  # type: ignore[assignment]


class LambdaRuntimeClient:
    """Waits for invocations and answers them.

    Args:
        lambda_runtime_address: `host:port` of the Runtime API.
        use_thread_for_polling_next: there for the signature; a wait here can be interrupted as it is.

    Attributes:
        marshaller: decodes events and encodes results; a function may put its own here.
        ask_next: whether the next invocation is asked for along with an answer; a `wait_next_invocation` must follow.

    Raises:
        BadEndpoint: the address is not `host:port`.
    """

    marshaller = LambdaMarshaller()
    ask_next = False

    def __init__(self, lambda_runtime_address: str, use_thread_for_polling_next: bool = False) -> None:
        self.lambda_runtime_address = lambda_runtime_address
        self.use_thread_for_polling_next = use_thread_for_polling_next
        self._api: Any = RuntimeApi(lambda_runtime_address)

    def wait_next_invocation(self) -> InvocationRequest:
        """Wait for the next invocation. Raises ApiFault."""
        invocation: Invocation = self._api.next()
        return InvocationRequest(
            invoke_id=invocation.request_id,
            x_amzn_trace_id=invocation.trace_id,
            invoked_function_arn=invocation.function_arn,
            deadline_time_in_ms=invocation.deadline_ms,
            client_context=invocation.client_context,
            cognito_identity=invocation.cognito_identity,
            tenant_id=invocation.tenant_id,
            content_type=invocation.content_type,
            event_body=invocation.event,
            invocation_id=invocation.invocation_id,
        )

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: str | bytes | codec.Stream,
        content_type: str = names.JSON,
        invocation_id: str | None = None,
    ) -> None:
        """Answer an invocation with a result, which may be a stream where the runtime serves. Raises ApiFault."""
        body = result_data.encode() if isinstance(result_data, str) else result_data
        self._api.respond(_addressee(invoke_id, invocation_id), body, content_type, ask_next=self.ask_next)

    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None:
        """Answer an invocation with an error document and an X-Ray cause, both JSON. Raises ApiFault."""
        report = GivenReport(codec.decode(error_response_data.encode(), names.JSON), xray_fault)
        self._api.fail(_addressee(invoke_id, invocation_id), report, ask_next=self.ask_next)

    def post_init_error(self, error_response_data: dict[str, Any], error_type_override: str | None = None) -> None:
        """Tell the platform that the function could not be loaded. Raises ApiFault."""
        send_init_error(self._api, GivenReport(error_response_data), error_type=error_type_override or "")


def _addressee(invoke_id: str, invocation_id: str | None) -> GivenInvocation:
    return GivenInvocation(invoke_id, invocation_id=invocation_id)
