"""Which answers mean that the function failed."""

import json

import pytest

from pylambda.local.answers import Answer, InvokeError, invocation_url

DOCUMENT = {"errorMessage": "nothing left", "errorType": "OutOfTea", "requestId": "1", "stackTrace": []}
SUCCESSES = {
    "an object": b'{"statusCode": 500}',
    "null": b"null",
    "nothing": b"",
    "one key more": json.dumps({**DOCUMENT, "orderId": 7}).encode(),
    "one key less": b'{"errorType": "OutOfTea"}',
    "a number for a type": b'{"errorType": 7, "errorMessage": "x"}',
    "a document in a list": json.dumps([DOCUMENT]).encode(),
    "a document as text": json.dumps(json.dumps(DOCUMENT)).encode(),
    "the timeout's sentence as JSON": b'"Task timed out after 3.00 seconds"',
    "more than the timeout's sentence": b"Task timed out after 3.00 seconds, nearly",
    "the beginning of a document": b'{"errorType": "OutOfTea", "errorMessage": "x"',
}
FAILURES = {
    "a handler's error": (json.dumps(DOCUMENT).encode(), "OutOfTea: nothing left"),
    "the emulator's error": (b'{"errorType": "Runtime.ExitError", "errorMessage": "E"}', "Runtime.ExitError: E"),
    "an empty message": (b'{"errorType": "ValueError", "errorMessage": ""}', "ValueError: "),
    "a timeout": (b"Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds"),
}


@pytest.mark.parametrize("body", SUCCESSES.values(), ids=SUCCESSES)
def test_success(body: bytes) -> None:
    assert Answer(200, {"content-type": "application/json"}, body).failure is None


@pytest.mark.parametrize(("body", "sentence"), FAILURES.values(), ids=FAILURES)
def test_failure(body: bytes, sentence: str) -> None:
    assert Answer(200, {}, body).failure == sentence


@pytest.mark.parametrize(
    ("status", "failed"), [(200, False), (202, False), (204, False), (301, True), (404, True), (502, True)]
)
def test_status(status: int, failed: bool) -> None:
    assert Answer(status, {}, b"").failure == (f"HTTP status {status}" if failed else None)


@pytest.mark.parametrize("name", ["x-amz-function-error", "error-type"])
def test_headers(name: str) -> None:
    assert Answer(200, {name: "Unhandled"}, b"{}").failure == f"{name}: Unhandled"


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://localhost:9000", "http://localhost:9000/2015-03-31/functions/function/invocations"),
        ("http://localhost:9000/", "http://localhost:9000/2015-03-31/functions/function/invocations"),
        ("https://[::1]:9000", "https://[::1]:9000/2015-03-31/functions/function/invocations"),
        (
            "http://a/2015-03-31/functions/f/invocations?Qualifier=1",
            "http://a/2015-03-31/functions/f/invocations?Qualifier=1",
        ),
    ],
)
def test_a_url_may_be_the_beginning_of_one(url: str, full: str) -> None:
    assert invocation_url(url).geturl() == full


@pytest.mark.parametrize(
    "url", ["", "localhost:9000", "ftp://a", "http://", "http://a:b", "http://a:99999", "http://[::1"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InvokeError, match="is not a URL such as http"):
        invocation_url(url)
