"""Events in, results and errors out."""

import base64
import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]

from pylambda.local.function import Function

if TYPE_CHECKING:
    from tests.local.conftest import Start

RESULTS = {
    "object": {"a": [1, 2.5, True, None], "b": {"c": "d"}},
    "text": "plain",
    "number": 42,
    "null": None,
    "unicode": "grüße, 東京, 🐍",
    "control characters": "a\tb\nc\u2028d\x7f",
    "empty": {},
}


@pytest.mark.parametrize("value", RESULTS.values(), ids=RESULTS)
def test_what_a_handler_returns_arrives(echo: Function, value: Any) -> None:
    answer = echo.invoke(json.dumps(value).encode())
    assert (answer.status, answer.failure) == (200, None)
    assert answer.json() == value


def test_an_event_close_to_the_limit_goes_both_ways(echo: Function) -> None:
    event = json.dumps({"pad": "ü" * 2_950_000}, ensure_ascii=False).encode()
    assert len(event) > 5_900_000
    answer = echo.invoke(event)
    assert answer.failure is None
    assert answer.json() == json.loads(event)


def test_events_sent_at_the_same_time_are_served_one_after_the_other(echo: Function) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: echo.invoke(b"%d" % number).json(), range(8)))
    assert answers == list(range(8))


def test_boto3_is_a_client_of_it(echo: Function) -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=echo.url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    reply = client.invoke(FunctionName="function", Payload=b'{"from": "boto3"}')
    assert reply["StatusCode"] == 200
    assert json.load(reply["Payload"]) == {"from": "boto3"}


def test_a_response_over_the_limit_fails_and_the_function_lives_on(start: "Start") -> None:
    function = start(
        """
        import os

        def handler(event, context):
            return {"pid": os.getpid(), "pad": "x" * event}
        """
    )
    first = function.invoke(b"0").json()["pid"]
    answer = function.invoke(b"6291600")
    assert (answer.status, answer.json()["errorType"]) == (200, "Function.ResponseSizeTooLarge")
    assert answer.failure is not None
    assert function.invoke(b"0").json()["pid"] == first


def test_an_error_is_reported_and_the_next_event_is_served(start: "Start") -> None:
    function = start(
        """
        import os

        class OutOfTea(Exception):
            pass

        def handler(event, context):
            if event == "raise":
                raise OutOfTea("nothing left: grün")
            return os.getpid()
        """
    )
    before = function.invoke(b"1").json()
    answer = function.invoke(b'"raise"')
    assert answer.status == 200
    assert answer.failure == "OutOfTea: nothing left: grün"
    document = answer.json()
    request_id = document.pop("requestId")
    assert f"START RequestId: {request_id} " in function.output()
    (frame,) = document.pop("stackTrace")
    assert document == {"errorMessage": "nothing left: grün", "errorType": "OutOfTea"}
    assert re.fullmatch(r'  File ".*/app\.py", line 9, in handler\n    raise OutOfTea\("nothing left: grün"\)\n', frame)
    assert "[ERROR] OutOfTea: nothing left: grün" in function.log()
    assert function.invoke(b"2").json() == before


@pytest.mark.parametrize("event", [b"{", b"", b"{} {}", b'{"a": NaN}', b"\xff"], ids=repr)
def test_an_event_that_is_not_json_fails_alone(echo: Function, event: bytes) -> None:
    document = echo.invoke(event).json()
    assert document["errorType"] == "Runtime.UnmarshalError"
    assert document["errorMessage"].startswith("Unable to unmarshal input: ")
    assert echo.invoke(b"1").json() == 1


def test_a_result_that_is_not_json_is_reported(start: "Start") -> None:
    function = start("def handler(event, context):\n    return object()\n")
    document = function.invoke(b"{}").json()
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"].startswith("Unable to marshal response: ")


def test_log_lines_carry_the_request_id_of_their_own_event(start: "Start") -> None:
    function = start(
        """
        import logging

        logging.getLogger().setLevel("INFO")

        def handler(event, context):
            print("printed", event)
            logging.info("logged %s", event)
            return context.aws_request_id
        """
    )
    ids = [function.invoke(event).json() for event in (b"1", b"2")]
    assert len(set(ids)) == 2
    lines = function.log()
    assert [lines[0], lines[2]] == ["printed 1", "printed 2"]
    for line, request_id, number in zip(lines[1::2], ids, "12", strict=True):
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        assert re.fullmatch(rf"\[INFO\]\t{stamp}\t{request_id}\tlogged {number}", line)


CONTEXT = """
import os

def handler(event, context):
    identity = context.identity
    client = context.client_context
    return {
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "request_id": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "identity": identity.cognito_identity_id,
        "client": client and {"custom": client.custom, "title": client.client.app_title},
        "tenant": context.tenant_id,
        "traced": "_X_AMZN_TRACE_ID" in os.environ,
    }
"""


def test_the_context_is_what_the_emulator_says(start: "Start") -> None:
    function = start(CONTEXT, environ={"AWS_LAMBDA_FUNCTION_TIMEOUT": "7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"})
    context = function.invoke(b"{}").json()
    remaining_ms = context.pop("remaining_ms")
    assert 0 < remaining_ms <= 7000
    assert uuid.UUID(context.pop("request_id"))
    assert context == {
        "name": "test_function",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:us-east-1:012345678912:function:test_function",
        "memory": "512",
        "group": "/aws/lambda/Functions",
        "stream": "$LATEST",
        "identity": None,
        "client": None,
        "tenant": None,
        "traced": False,
    }


def test_the_context_of_a_mobile_client_and_a_tenant(start: "Start") -> None:
    function = start(CONTEXT)
    client = {"client": {"app_title": "Tee"}, "custom": {"größe": "L"}, "env": {}}
    headers = {
        "X-Amz-Client-Context": base64.b64encode(json.dumps(client).encode()).decode(),
        "X-Amz-Tenant-Id": "blue",
    }
    context = function.invoke(b"{}", headers=headers).json()
    assert context["client"] == {"custom": {"größe": "L"}, "title": "Tee"}
    assert context["tenant"] == "blue"
    # Neither may stick to the next event.
    context = function.invoke(b"{}").json()
    assert (context["client"], context["tenant"]) == (None, None)
