"""`Event` invocations: accepted at once, tried again, recorded, and named where they are lost."""

import json
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from tests.local.serve.conftest import Serve, Service, wait_for

EVENT = {"X-Amz-Invocation-Type": "Event"}

# Fails until it was asked as often as the event says; what it was asked is in a file beside it.
FUNCTION = """
import json, pathlib, time

def handler(event, context):
    asked = pathlib.Path(__file__).parent / "asked"
    with asked.open("a") as file:
        print(context.aws_request_id, file=file)
    while event.get("until") and not pathlib.Path(event["until"]).exists():
        time.sleep(0.005)
    if len(asked.read_text().splitlines()) <= event.get("failures", 0):
        raise ValueError("not yet")
    return event
"""


def accept(service: Service, event: object) -> str:
    """Send an event that nobody waits for and return its request id."""
    answer = service.invoke(json.dumps(event), **EVENT)
    assert (answer.status_code, answer.content) == (202, b"")
    assert "x-amz-executed-version" not in answer.headers
    return answer.headers["x-amzn-requestid"]


def test_an_event_is_accepted_while_the_function_still_works(serve: Serve, tmp_path: Path) -> None:
    # Given an event on which the function works until it is let go
    service = serve(FUNCTION, "--timeout", "30")
    until = tmp_path / "until"
    request_id = accept(service, {"until": str(until)})

    # When the answer is here, the function has not ended; it does once it may
    wait_for((service.folder / "asked").exists, "attempt")
    until.touch()
    service.wait_for_output(rf"event +ok .* {request_id[:4]}")


def test_a_failed_event_is_tried_again_with_the_same_id_and_recorded(serve: Serve, tmp_path: Path) -> None:
    destination = tmp_path / "records"
    service = serve(FUNCTION, "--event-retry-delay", "0", "--destination", str(destination))
    request_id = accept(service, {"failures": 1})
    service.wait_for_output(r"event, attempt 2 of 3 +ok")

    assert (service.folder / "asked").read_text().split() == [request_id] * 2
    file = destination / f"{request_id}.json"
    record = json.loads(wait_for(lambda: file.exists() and file.read_text(), "record"))
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 2,
    }
    assert (record["requestPayload"], record["responsePayload"]) == ({"failures": 1}, {"failures": 1})


def test_an_event_that_always_fails_is_given_up_loudly(serve: Serve, tmp_path: Path) -> None:
    destination = tmp_path / "records"
    service = serve(
        FUNCTION, "--event-retry-delay", "0", "--event-retries", "1", environ={"PYLAMBDA_DESTINATION": str(destination)}
    )
    request_id = accept(service, {"failures": 9})
    service.wait_for_output(rf"event {request_id} failed 2 times: .*; it is not tried again")

    file = destination / f"{request_id}.json"
    record = json.loads(wait_for(lambda: file.exists() and file.read_text(), "record"))
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "not yet"


def test_a_full_queue_throttles(serve: Serve, tmp_path: Path) -> None:
    service = serve(FUNCTION, "--queue", "1", "--concurrency", "1", "--timeout", "60")
    accept(service, {"until": str(tmp_path / "never")})
    with pytest.raises(ClientError) as caught:
        service.client(retries={"total_max_attempts": 1}).invoke(FunctionName="f", InvocationType="Event")
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_the_old_operation_accepts_too(serve: Serve) -> None:
    service = serve(FUNCTION)
    answer = httpx.post(f"{service.url}/2014-11-13/functions/f/invoke-async/", content="{}")
    assert answer.status_code == 202
    service.wait_for_output(r"event +ok")


def test_what_is_dropped_at_the_end_is_named(serve: Serve, tmp_path: Path) -> None:
    service = serve(FUNCTION, "--timeout", "60")
    request_id = accept(service, {"until": str(tmp_path / "never")})
    service.stop()
    assert f"1 events dropped: {request_id}" in service.output()
