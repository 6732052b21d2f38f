"""The AWS CLI and the SAM CLI as a user types them, told where to go by a variable alone."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AWS_CLI, SAM
from tests.local.serve.conftest import FOREIGN, Serve, Service

FUNCTION = """
import os, time

def handler(event, context):
    print("a line of the function")
    if event.get("raise"):
        raise ValueError("as asked")
    if event.get("exit"):
        os._exit(3)
    time.sleep(event.get("s", 0))
    return {"event": event, "arn": context.invoked_function_arn}
"""
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:orders"
ELSEWHERE = "http://127.0.0.1:9"
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def service(serve: Serve) -> Service:
    return serve(FUNCTION, environ={"AWS_REGION": "eu-central-1", "PYLAMBDA_TIMEOUT": "30"})


@pytest.fixture
def command(service: Service, tmp_path: Path) -> Command:
    """Runs a command in a folder of its own."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        "AWS_ENDPOINT_URL_LAMBDA": service.url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
        # A wish for another service must not leave the machine
        "AWS_ENDPOINT_URL": ELSEWHERE,
        "HOME": os.fspath(tmp_path),
    }

    def run(*words: "str | Path") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100, check=False
        )

    return run


@pytest.mark.needs("aws-cli")
def test_the_aws_cli_gets_the_result_and_the_log(service: Service, command: Command, tmp_path: Path) -> None:
    payload = ("--payload", '{"n": 1}')
    done = command(AWS_CLI, "lambda", "invoke", "--function-name", "orders", *payload, "--log-type", "Tail", "out.json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert b"\na line of the function\n" in base64.b64decode(answer["LogResult"])
    assert json.loads((tmp_path / "out.json").read_text()) == {"event": {"n": 1}, "arn": ARN}


@pytest.mark.needs("aws-cli")
@pytest.mark.parametrize(
    ("event", "error_type"), [('{"raise": 1}', "ValueError"), ('{"exit": 1}', "Runtime.ExitError")]
)
def test_the_aws_cli_runs_a_function_that_fails_once(
    service: Service, command: Command, tmp_path: Path, event: str, error_type: str
) -> None:
    done = command(AWS_CLI, "lambda", "invoke", "--function-name", "orders", "--payload", event, "out.json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["FunctionError"] == "Unhandled"
    assert json.loads((tmp_path / "out.json").read_text())["errorType"] == error_type
    service.wait_for_output(r"\d  invoke ")
    assert service.output().count("a line of the function") == 1


@pytest.mark.needs("aws-cli")
def test_the_aws_cli_leaves_an_event_behind(service: Service, command: Command) -> None:
    kind = ("--invocation-type", "Event")
    done = command(AWS_CLI, "lambda", "invoke", "--function-name", "orders", *kind, "--payload", "{}", "out.json")
    assert json.loads(done.stdout) == {"StatusCode": 202}
    service.wait_for_output(r"event +ok")


@pytest.mark.needs("aws-cli")
def test_an_aws_cli_that_does_not_wait_for_long_calls_again_and_is_named(service: Service, command: Command) -> None:
    name = ("--function-name", "orders", "--payload", '{"s": 3}')
    command(AWS_CLI, "lambda", "invoke", "--cli-read-timeout", "1", *name, "out.json")
    service.wait_for_output(r"gave up waiting and called again \(attempt 2 of \d\)")


@pytest.mark.needs("aws-cli")
def test_the_aws_cli_asks_for_the_function(service: Service, command: Command) -> None:
    done = command(AWS_CLI, "lambda", "get-function", "--function-name", "orders")
    assert json.loads(done.stdout)["Configuration"]["Handler"] == "app.handler"
    listed = command(AWS_CLI, "lambda", "list-functions", "--query", "Functions[].Handler", "--output", "text")
    assert listed.stdout == "app.handler\n"


@pytest.mark.needs("aws-cli")
def test_the_aws_cli_is_told_what_is_not_served(service: Service, command: Command) -> None:
    done = command(AWS_CLI, "lambda", "list-layers")
    assert done.returncode != 0
    assert "pylambda serve" in done.stderr


@pytest.mark.needs("sam")
def test_sam_remote_invoke_comes_here_with_an_arn(service: Service, command: Command) -> None:
    done = command(SAM, "remote", "invoke", ARN, "--event", '{"n": 1}')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"event": {"n": 1}, "arn": ARN}
    assert "\na line of the function\n" in done.stderr
    assert re.search(r"REPORT RequestId: \S+\tDuration: ", done.stderr)


@pytest.mark.needs("sam")
def test_sam_remote_invoke_says_what_a_function_raised(service: Service, command: Command) -> None:
    done = command(SAM, "remote", "invoke", ARN, "--event", '{"raise": 1}')
    assert '"errorMessage": "as asked"' in done.stdout + done.stderr
    assert service.output().count("a line of the function") == 1


@pytest.mark.needs("sam")
def test_sam_remote_invoke_looks_for_a_bare_name_in_cloudformation(service: Service, command: Command) -> None:
    """Which is not here: so docs/local.md says to give it an ARN."""
    done = command(SAM, "remote", "invoke", "orders", "--event", "{}")
    assert done.returncode != 0
    assert f'Could not connect to the endpoint URL: "{ELSEWHERE}' in done.stderr
    assert "a line of the function" not in service.output()
