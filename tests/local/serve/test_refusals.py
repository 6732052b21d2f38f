"""Calls that the service refuses: status, code and body as the real one has them, by what boto3 makes of them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from tests.local.serve.conftest import Serve, Service, serving

ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("refusals") / "task"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    print('ran')\n    return event\n")
    with serving(folder, "app.handler", ("--name", "known"), {}) as running:
        yield running
        assert "ran" not in running.output()


@pytest.mark.parametrize(
    ("call", "status", "code", "message"),
    [
        ({"FunctionName": "other"}, 404, "ResourceNotFoundException", f"Function not found: {ARN}:other:$LATEST"),
        (
            {"FunctionName": "other", "InvocationType": "DryRun"},
            404,
            "ResourceNotFoundException",
            f"Function not found: {ARN}:other:$LATEST",
        ),
        ({"FunctionName": "known:7", "Qualifier": "8"}, 400, "ValidationException", "The derived qualifier"),
        ({"FunctionName": "a b"}, 400, "ValidationException", "1 validation error detected: Value 'a b' at"),
        (
            {"FunctionName": "known", "Payload": "{"},
            400,
            "InvalidRequestContentException",
            "Could not parse request body into json: Could not parse payload into json: ",
        ),
        (
            {"FunctionName": "known", "Payload": "NaN"},
            400,
            "InvalidRequestContentException",
            "Could not parse request body into json: Could not parse payload into json: ",
        ),
        (
            {"FunctionName": "known", "InvocationType": "Sometimes"},
            400,
            "InvalidParameterValueException",
            "Sometimes is not a valid InvocationType",
        ),
        (
            {"FunctionName": "known", "ClientContext": "not base64"},
            400,
            "InvalidParameterValueException",
            "Client context must be",
        ),
        ({"FunctionName": "known", "TenantId": "a\\b"}, 400, "InvalidParameterValueException", "X-Amz-Tenant-Id takes"),
        (
            {"FunctionName": "known", "Payload": json.dumps("x" * 6291455)},
            413,
            "RequestTooLargeException",
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
        (
            {"FunctionName": "known", "InvocationType": "Event", "Payload": json.dumps("x" * 1048575)},
            413,
            "RequestTooLargeException",
            "Request must be smaller than 1048576 bytes for the InvokeFunction operation",
        ),
    ],
)
def test_a_call_that_cannot_run(service: Service, call: dict[str, Any], status: int, code: str, message: str) -> None:
    with pytest.raises(ClientError) as caught:
        service.client().invoke(**call)
    answer: Any = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["Error"]["Code"] == code
    assert answer["Error"]["Message"].startswith(message)


def test_a_request_that_is_no_http_is_refused_and_the_next_is_heard(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: what\r\n\r\n")
        assert caller.recv(65536).startswith(b"HTTP/1.1 501 ")
    assert service.client().get_function(FunctionName="known")["Configuration"]["FunctionName"] == "known"


def test_no_reserved_concurrency_throttles_and_boto3_tries_again(serve: Serve) -> None:
    service = serve("def handler(event, context):\n    return 1\n", "--reserved", "0")
    with pytest.raises(ClientError) as caught:
        service.client(retries={"mode": "standard", "total_max_attempts": 2}).invoke(FunctionName="f")
    answer: Any = caught.value.response
    assert answer["Error"]["Code"] == "TooManyRequestsException"
    assert answer["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def test_pages_of_other_origins_may_call_only_where_that_is_asked_for(serve: Serve, service: Service) -> None:
    url = f"{service.url}/2015-03-31/functions/known"
    assert "access-control-allow-origin" not in httpx.get(url).headers

    open_to_all = serve("handler = print\n", "--cors")
    headers = {"Origin": "http://example.com", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{open_to_all.url}/2015-03-31/functions/f/invocations", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-max-age"] == "172800"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("concurency = 3\n", "pylambda.toml has 'concurency', which is no setting; did you mean concurrency?"),
        ("timeout = 0\n", "timeout in pylambda.toml is '0'; it takes a number of seconds above 0, such as 3 or 0.5"),
        ("timeout = \n", "cannot read pylambda.toml: "),
        ("http = 'v3'\n", "http in pylambda.toml is 'v3'; it takes v2, v1, rest, url, alb"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(tmp_path: Path, settings: str, complaint: str) -> None:
    import subprocess
    import sys

    (tmp_path / "pylambda.toml").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-m", "pylambda.local", "serve", "app.handler"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"pylambda: {complaint}")


def test_flags_beat_variables_and_those_beat_the_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "pyproject.toml").write_text("[tool.pylambda]\ntimeout = 7\nmemory = 700\nname = 'filed'\n")
    service = serve("def handler(event, context):\n    return 1\n", "--memory", "900",
                    environ={"PYLAMBDA_TIMEOUT": "8", "PYLAMBDA_MEMORY": "800"})  # fmt: skip
    told = service.client().get_function_configuration(FunctionName="filed")
    assert (told["Timeout"], told["MemorySize"]) == (8, 900)
