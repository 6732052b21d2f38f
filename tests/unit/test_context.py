"""What a handler sees as `context`."""

import time

import pytest

from pylambda.faults import LambdaContextUnmarshalError, MissingRequestId
from pylambda.function.context import LambdaContext
from pylambda.runtime_api.invocation import Invocation
from pylambda.runtime_api.wire import read_head
from pylambda.start.settings import describe_function


def invocation(**headers: str) -> Invocation:
    lines = [f"Lambda-Runtime-{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Invocation(
        read_head("\r\n".join(["HTTP/1.1 200 OK", "Lambda-Runtime-Aws-Request-Id: id-1", *lines]).encode(), {})
    )


def context(**headers: str) -> LambdaContext:
    return LambdaContext(invocation(**headers), describe_function({"AWS_LAMBDA_FUNCTION_NAME": "orders"}), print)


def test_the_remaining_time_counts_down_and_is_never_negative() -> None:
    in_a_minute_ms = int(time.time() * 1000) + 60_000
    assert 50_000 < context(Deadline_Ms=str(in_a_minute_ms)).get_remaining_time_in_millis() <= 60_000
    assert context(Deadline_Ms="1").get_remaining_time_in_millis() == 0
    assert context().get_remaining_time_in_millis() == 0


def test_a_client_context_becomes_attributes() -> None:
    seen = context(Client_Context='{"custom": {"a": 1}, "client": {"app_title": "Shop"}}').client_context
    assert seen is not None
    assert (seen.custom, seen.env, seen.client.app_title, seen.client.app_package_name) == (
        {"a": 1},
        None,
        "Shop",
        None,
    )


def test_an_identity_is_there_even_if_nobody_said_who() -> None:
    assert context().identity.cognito_identity_id is None
    seen = context(Cognito_Identity='{"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}').identity
    assert (seen.cognito_identity_id, seen.cognito_identity_pool_id) == ("i", "p")


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', "0"])
@pytest.mark.parametrize(
    ("header", "name"), [("Client_Context", "Client Context"), ("Cognito_Identity", "Cognito Identity")]
)
def test_what_is_not_an_object_is_a_fault_of_the_invocation(header: str, name: str, text: str) -> None:
    with pytest.raises(LambdaContextUnmarshalError, match=f"Unable to parse {name} JSON"):
        context(**{header: text})


def test_the_w3c_trace_context_is_taken_out_of_the_client_context() -> None:
    seen = context(Client_Context='{"w3c": {"traceparent": "00-1", "tracestate": 5, "other": "x"}, "custom": 1}')
    assert seen.w3c() == {"traceparent": "00-1"}
    assert seen.client_context is not None
    assert not hasattr(seen.client_context, "w3c")


def test_users_may_hang_their_own_attributes_on_it() -> None:
    seen = context()
    seen.mine = 1  # type: ignore[attr-defined]
    assert vars(seen)["mine"] == 1


def test_it_shows_what_it_holds() -> None:
    assert repr(context(Aws_Tenant_Id="blue")).startswith("LambdaContext([aws_request_id=id-1,log_group_name=")


def test_an_invocation_without_a_request_id_cannot_be_answered() -> None:
    with pytest.raises(MissingRequestId):
        Invocation(read_head(b"HTTP/1.1 200 OK", {}))
