"""`Invoke` as clients see it: results, function errors as successes of the call, what the function is told."""

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.serve.conftest import Serve, Service, serving

FUNCTION = """
import os, signal, sys, time

def handler(event, context):
    do = event.get("do") if isinstance(event, dict) else None
    if do == "raise":
        raise ValueError("as asked")
    if do == "exit":
        print("leaving", flush=True)
        os._exit(event["code"])
    if do == "signal":
        os.kill(os.getpid(), event["number"])
    if do == "sleep":
        time.sleep(event["s"])
    if do == "large":
        return "x" * event["bytes"]
    if do == "none":
        return None
    if do == "pid":
        return os.getpid()
    if do == "context":
        return {
            "arn": context.invoked_function_arn,
            "request_id": context.aws_request_id,
            "tenant": context.tenant_id,
            "client": context.client_context and context.client_context.custom,
            "left_ms": context.get_remaining_time_in_millis(),
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "region": os.environ["AWS_REGION"],
        }
    if do == "environ":
        return dict(os.environ)
    if do == "log":
        print("a line of the function")
        print("é" * event.get("length", 0))
    return event
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("invoke") / "task"
    folder.mkdir()
    (folder / "app.py").write_text(FUNCTION)
    with serving(folder, "app.handler", ("--timeout", "2"), {"AWS_LAMBDA_FUNCTION_NAME": ""}) as running:
        yield running


def invoked(service: Service, event: Any, **more: Any) -> tuple[dict[str, Any], Any]:
    answer = service.client().invoke(FunctionName="f", Payload=json.dumps(event), **more)
    return answer, json.loads(answer["Payload"].read())


def test_a_result_comes_back_with_the_version_and_the_id(service: Service) -> None:
    answer, result = invoked(service, {"do": "context"})
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert answer["ResponseMetadata"]["RequestId"] == result["request_id"]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"] == result["trace"]
    assert 0 < result["left_ms"] <= 2000


def test_none_is_null_and_no_event_is_an_empty_object(service: Service) -> None:
    assert service.invoke('{"do": "none"}').text == "null"
    assert service.invoke("").text == "{}"


@pytest.mark.parametrize(
    ("event", "error_type", "message"),
    [
        ({"do": "raise"}, "ValueError", "as asked"),
        ({"do": "exit", "code": 0}, "Runtime.ExitError", "Runtime exited without providing a reason"),
        ({"do": "exit", "code": 127}, "Runtime.ExitError", "Runtime exited with error: exit status 127"),
        ({"do": "signal", "number": signal.SIGKILL}, "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        (
            {"do": "signal", "number": signal.SIGSEGV},
            "Runtime.ExitError",
            "Runtime exited with error: signal: segmentation fault",
        ),
        ({"do": "sleep", "s": 30}, "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        (
            {"do": "large", "bytes": 6291555},
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
    ids=lambda value: value.get("do") if isinstance(value, dict) else None,
)
def test_a_failure_is_a_function_error_once_and_the_next_call_is_served(
    service: Service, event: dict[str, Any], error_type: str, message: str
) -> None:
    # When it fails, boto3 must not see a reason to call again
    answer, document = invoked(service, event)

    # Then the document is the service's
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert document["errorType"] == error_type
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert document["errorMessage"] in (message, f"RequestId: {request_id} Error: {message}")

    # And the next one is served
    assert invoked(service, {"n": 1})[1] == {"n": 1}


def test_the_largest_result_passes(service: Service) -> None:
    assert len(service.invoke('{"do": "large", "bytes": 6291554}').content) == 6291556


def test_a_timeout_keeps_tmp_and_takes_a_new_process(service: Service) -> None:
    before = invoked(service, {"do": "pid"})[1]
    invoked(service, {"do": "sleep", "s": 30})
    assert invoked(service, {"do": "pid"})[1] != before
    assert str(before) not in map(str, service.workers())


@pytest.mark.parametrize(
    ("name", "qualifier", "arn", "version"),
    [
        ("f", None, "function:f", "$LATEST"),
        ("f:live", None, "function:f:live", "$LATEST"),
        ("f", "7", "function:f:7", "7"),
        ("f", "$LATEST", "function:f:$LATEST", "$LATEST"),
        ("arn:aws:lambda:eu-central-1:123456789012:function:f:live", None, "function:f:live", "$LATEST"),
        ("123456789012:function:f", "live", "function:f:live", "$LATEST"),
    ],
)
def test_every_way_to_write_a_name(service: Service, name: str, qualifier: str | None, arn: str, version: str) -> None:
    more = {"Qualifier": qualifier} if qualifier else {}
    answer = service.client().invoke(FunctionName=name, Payload='{"do": "context"}', **more)
    assert json.loads(answer["Payload"].read())["arn"] == f"arn:aws:lambda:us-east-1:123456789012:{arn}"
    assert answer["ExecutedVersion"] == version


def test_client_context_and_tenant_reach_the_context(service: Service) -> None:
    context = base64.b64encode(json.dumps({"custom": {"who": "Jürgen"}}, indent=2).encode()).decode()
    _, result = invoked(service, {"do": "context"}, ClientContext=context, TenantId="blue team")
    assert (result["client"], result["tenant"]) == ({"who": "Jürgen"}, "blue team")


def test_the_callers_trace_id_is_passed_on(service: Service) -> None:
    trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert service.invoke('{"do": "context"}', **{"X-Amzn-Trace-Id": trace_id}).json()["trace"] == trace_id


def test_the_log_comes_only_when_it_is_asked_for(service: Service) -> None:
    answer, _ = invoked(service, {"do": "log"})
    assert "LogResult" not in answer

    answer, _ = invoked(service, {"do": "log"}, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[1] == "a line of the function"
    assert lines[-2].startswith("END RequestId: ")
    assert lines[-1].startswith(f"REPORT RequestId: {answer['ResponseMetadata']['RequestId']}\tDuration: ")


def test_a_long_log_keeps_its_end(service: Service) -> None:
    answer, _ = invoked(service, {"do": "log", "length": 9000}, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) == 4096
    assert b"\nREPORT RequestId: " in tail


def test_the_environment_is_that_of_lambda(service: Service) -> None:
    _, environ = invoked(service, {"do": "environ"})
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "function"
    assert environ["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/function"
    assert environ["_HANDLER"] == "app.handler"
    assert environ["TZ"] == ":UTC"
    assert environ["LAMBDA_TASK_ROOT"] == os.fspath(service.folder)
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in environ


def test_a_dry_run_runs_nothing(service: Service) -> None:
    answer = service.client().invoke(FunctionName="f", InvocationType="DryRun", Payload='{"do": "raise"}')
    assert answer["StatusCode"] == 204
    assert answer["Payload"].read() == b""
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["ResponseMetadata"]["RequestId"][:4] not in service.output()


def test_functions_can_be_looked_up(service: Service) -> None:
    client = service.client()
    assert client.get_function(FunctionName="f")["Configuration"]["Timeout"] == 2
    assert client.get_function_configuration(FunctionName="f")["Handler"] == "app.handler"
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["function"]


def test_what_it_has_not_is_501_with_a_way_out(service: Service) -> None:
    answer = httpx.get(f"{service.url}/2015-03-31/event-source-mappings/")
    assert answer.status_code == 501
    assert "an account" in answer.json()["message"]


def test_a_broken_import_is_told_each_time(serve: Serve) -> None:
    service = serve("import nothing_of_that_name\n")
    for _ in range(2):
        answer, document = invoked(service, {})
        assert answer["FunctionError"] == "Unhandled"
        assert document["errorType"] == "Runtime.ImportModuleError"
        assert document["requestId"] == ""
        assert "nothing_of_that_name" in document["errorMessage"]


def test_an_exit_while_importing_is_told(serve: Serve) -> None:
    service = serve("import os\nos._exit(9)\n")
    answer, document = invoked(service, {})
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert document == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited with error: exit status 9",
    }


def test_inside_lambda_it_does_not_start(tmp_path: Path) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "pylambda.local", "serve", "app.handler"],
        cwd=tmp_path,
        env={**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing local starts here" in done.stderr


@pytest.mark.parametrize(
    ("environ", "file", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "", "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-west-2"}, "", "us-west-2"),
        ({"AWS_REGION": "eu-west-1"}, "AWS_REGION=ap-south-1", "ap-south-1"),
    ],
)
def test_the_region_is_the_one_that_the_function_has(
    serve: Serve, tmp_path: Path, environ: dict[str, str], file: str, region: str
) -> None:
    (tmp_path / "variables").write_text(file)
    service = serve(FUNCTION, "--env-file", str(tmp_path / "variables"), environ=environ)
    seen = service.invoke('{"do": "context"}').json()
    assert (seen["region"], seen["arn"].split(":")[3]) == (region, region)
