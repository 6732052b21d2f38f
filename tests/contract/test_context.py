"""What a handler sees as `context`: Amazon's attributes under Amazon's names, whatever headers came."""

import json
import time
from typing import Any

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import FUNCTION_ARN, TRACE_ID, Next

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "hello",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[$LATEST]abc",
}
CLIENT = {
    "installation_id": "i-1",
    "app_title": "Títle",
    "app_version_name": "v1",
    "app_version_code": "7",
    "app_package_name": "com.example",
}
CLIENT_CONTEXT = {"custom": {"a": 1}, "env": {"locale": "de"}, "client": CLIENT}
W3C = {"traceparent": "00-a-b-01", "tracestate": "x=y", "other": "dropped", "baggage": 3}
IDENTITY = {"cognitoIdentityId": "id-1", "cognitoIdentityPoolId": "pool-1"}
NO_IDENTITY = {"cognito_identity_id": None, "cognito_identity_pool_id": None}
ALL_HEADERS = {
    "Lambda-Runtime-Client-Context": json.dumps(CLIENT_CONTEXT, ensure_ascii=False),
    "Lambda-Runtime-Cognito-Identity": json.dumps(IDENTITY),
    "Lambda-Runtime-Aws-Tenant-Id": "tenant-1",
}
# By header: the attribute that goes with it, and its value without.
OPTIONAL = {
    "Lambda-Runtime-Client-Context": ("client_context", None),
    "Lambda-Runtime-Cognito-Identity": ("identity", NO_IDENTITY),
    "Lambda-Runtime-Aws-Tenant-Id": ("tenant_id", None),
    "Lambda-Runtime-Invoked-Function-Arn": ("invoked_function_arn", ""),
    "Lambda-Runtime-Trace-Id": ("trace_id", None),
    "Lambda-Runtime-Deadline-Ms": ("remaining", [0, 0, 0]),
}
# By request id: a header's value, and what `context.client_context` is then.
CLIENT_CONTEXTS: dict[str, tuple[str, Any]] = {
    "null": ("null", None),
    "empty-object": ("{}", {"custom": None, "env": None, "client": None}),
    "no-client": ('{"custom": {"a": 1}}', {"custom": {"a": 1}, "env": None, "client": None}),
    "empty-client": ('{"client": {}}', {"custom": None, "env": None, "client": dict.fromkeys(CLIENT)}),
    "unknown-keys": ('{"more": 1, "client": {"b": 2}}', {"custom": None, "env": None, "client": dict.fromkeys(CLIENT)}),
}
# By request id: the header, and a value that is not a JSON object.
BAD_JSON = {
    "client-context-cut": ("Lambda-Runtime-Client-Context", '{"custom": '),
    "client-context-word": ("Lambda-Runtime-Client-Context", "word"),
    "client-context-array": ("Lambda-Runtime-Client-Context", "[1]"),
    "client-context-number": ("Lambda-Runtime-Client-Context", "7"),
    "identity-cut": ("Lambda-Runtime-Cognito-Identity", "{"),
    "identity-array": ("Lambda-Runtime-Cognito-Identity", "[]"),
}
# Values of the deadline header that are no time to come.
PAST = {"deadline-past": "1", "deadline-zero": "0", "deadline-word": "soon", "deadline-negative": "-5"}


@pytest.fixture(scope="module")
def run(module_runtime: Runtime) -> Run:
    events = [Next(headers=ALL_HEADERS, request_id="all")]
    for header in OPTIONAL:
        events += [
            Next(headers={**ALL_HEADERS, header: None}, request_id=f"without-{header}"),
            Next(headers={**ALL_HEADERS, header: ""}, request_id=f"empty-{header}"),
            Next(headers=ALL_HEADERS, request_id=f"again-after-{header}"),
        ]
    for name, (text, _) in CLIENT_CONTEXTS.items():
        events.append(Next(headers={"Lambda-Runtime-Client-Context": text}, request_id=name))
    for name, (header, text) in BAD_JSON.items():
        events += [Next(headers={header: text}, request_id=name), Next(request_id=f"after-{name}")]
    w3c = json.dumps({**CLIENT_CONTEXT, "w3c": W3C})
    events.append(Next(headers={"Lambda-Runtime-Client-Context": w3c}, request_id="w3c"))
    for name, value in PAST.items():
        events.append(Next(headers={"Lambda-Runtime-Deadline-Ms": value}, request_id=name))
    bare: dict[str, str | None] = dict.fromkeys([*OPTIONAL, "Content-Type", "Date"])
    events.append(Next(headers=bare, request_id="bare"))
    return module_runtime.serve("mirror.handler", events=events, env=FUNCTION)


def seen(run: Run, name: str) -> dict[str, Any]:
    answer = run.answer_to(name)
    assert answer.endpoint == "response", answer.body
    result: dict[str, Any] = answer.json
    return result


def test_the_function_is_described_as_the_environment_says(run: Run) -> None:
    context = seen(run, "all")
    assert context["function_name"] == "hello"
    assert context["function_version"] == "$LATEST"
    assert context["memory_limit_in_mb"] == "128"
    assert context["log_group_name"] == "/aws/lambda/hello"
    assert context["log_stream_name"] == "2026/11/21/[$LATEST]abc"


def test_the_invocation_is_described_as_the_headers_say(run: Run) -> None:
    context = seen(run, "all")
    assert context["aws_request_id"] == "all"
    assert context["invoked_function_arn"] == FUNCTION_ARN
    assert context["tenant_id"] == "tenant-1"
    assert context["client_context"] == CLIENT_CONTEXT
    assert context["identity"] == {"cognito_identity_id": "id-1", "cognito_identity_pool_id": "pool-1"}
    assert context["w3c"] == {}


def test_a_variable_that_is_not_set_is_none(runtime: Runtime) -> None:
    context = runtime.serve("mirror.handler", events=[Next()]).responses[0].json
    names = "function_name function_version memory_limit_in_mb log_group_name log_stream_name"
    assert {name: context[name] for name in names.split()} == dict.fromkeys(names.split())


def test_the_description_is_read_once_the_function_is_loaded(runtime: Runtime) -> None:
    app = """\
import os
os.environ["AWS_LAMBDA_FUNCTION_NAME"] = "set at import"
def handler(event, context):
    os.environ["AWS_LAMBDA_FUNCTION_NAME"] = event
    return [context.function_name, context.function_version]
"""
    run = runtime.serve(files={"app.py": app}, events=["one", "two"], env=FUNCTION)
    assert [response.json for response in run.responses] == [["set at import", "$LATEST"]] * 2


@pytest.mark.parametrize("header", OPTIONAL)
@pytest.mark.parametrize("how", ["without", "empty"])
def test_a_header_may_be_absent_and_an_empty_one_is(run: Run, header: str, how: str) -> None:
    attribute, value = OPTIONAL[header]
    without = seen(run, f"{how}-{header}")
    assert without[attribute] == value
    again = seen(run, f"again-after-{header}")
    assert again[attribute] != value
    unchanged = set(without) - {attribute, "aws_request_id", "repr", "remaining"}
    assert {name: without[name] for name in unchanged} == {name: again[name] for name in unchanged}


def test_all_that_can_be_absent_may_be_absent_at_once(run: Run) -> None:
    context = seen(run, "bare")
    assert {name: context[name] for name, _ in OPTIONAL.values()} == dict(OPTIONAL.values())


def test_the_trace_id_is_published_and_withdrawn(run: Run) -> None:
    assert seen(run, "all")["trace_id"] == TRACE_ID
    assert seen(run, "without-Lambda-Runtime-Trace-Id")["trace_id"] is None
    assert seen(run, "again-after-Lambda-Runtime-Trace-Id")["trace_id"] == TRACE_ID


def test_children_get_the_trace_id_however_many_invocations_there_were(runtime: Runtime) -> None:
    # Given a runtime for which fifty are many, and a function that asks a child of its own
    app = """\
import os, subprocess
import pylambda.start.environment
pylambda.start.environment.MANY_WRITES = 50
def handler(event, context):
    return [subprocess.getoutput("echo $_X_AMZN_TRACE_ID"), os.environ["_X_AMZN_TRACE_ID"]]
"""
    # When each invocation has a trace id of its own
    trace_ids = [f"Root={number}" for number in range(100)]
    events = [Next({}, headers={"Lambda-Runtime-Trace-Id": trace_id}) for trace_id in trace_ids]
    run = runtime.serve(files={"app.py": app}, events=events)
    # Then both have seen that of the invocation, before and after
    assert [response.json for response in run.responses] == [[trace_id] * 2 for trace_id in trace_ids]


@pytest.mark.parametrize("name", CLIENT_CONTEXTS)
def test_what_a_client_context_leaves_out_is_none(run: Run, name: str) -> None:
    assert seen(run, name)["client_context"] == CLIENT_CONTEXTS[name][1]


@pytest.mark.parametrize("name", BAD_JSON)
def test_a_context_that_is_not_a_json_object_fails_its_invocation_alone(run: Run, name: str) -> None:
    answer = run.answer_to(name)
    assert answer.endpoint == "error"
    assert answer.json["errorType"] == "Runtime.LambdaContextUnmarshalError"
    what = "Client Context" if name.startswith("client-context") else "Cognito Identity"
    assert answer.json["errorMessage"].startswith(f"Unable to parse {what} JSON: ")
    assert answer.json["requestId"] == name
    assert answer.json["stackTrace"] == []
    assert answer.header("Lambda-Runtime-Function-Error-Type") == "Runtime.LambdaContextUnmarshalError"
    assert seen(run, f"after-{name}")["aws_request_id"] == f"after-{name}"


def test_the_trace_context_is_kept_from_the_client_context(run: Run) -> None:
    context = seen(run, "w3c")
    assert context["w3c"] == {"traceparent": "00-a-b-01", "tracestate": "x=y"}
    assert context["client_context"] == CLIENT_CONTEXT


@pytest.mark.parametrize("name", PAST)
def test_the_remaining_time_is_never_negative(run: Run, name: str) -> None:
    assert seen(run, name)["remaining"] == [0, 0, 0]


def test_the_remaining_time_runs_down_to_the_deadline(runtime: Runtime) -> None:
    started = time.monotonic()
    remaining = runtime.serve("mirror.handler", events=[Next(deadline_ms=60_000)]).responses[0].json["remaining"]
    took_ms = (time.monotonic() - started) * 1000
    assert remaining == sorted(remaining, reverse=True)
    assert 60_000 - took_ms - 1 <= remaining[-1] <= remaining[0] <= 60_000
    assert all(type(milliseconds) is int for milliseconds in remaining)


def test_the_repr_is_amazons(run: Run) -> None:
    assert seen(run, "all")["repr"] == (
        "LambdaContext([aws_request_id=all,log_group_name=/aws/lambda/hello,"
        "log_stream_name=2026/11/21/[$LATEST]abc,function_name=hello,memory_limit_in_mb=128,function_version=$LATEST,"
        f"invoked_function_arn={FUNCTION_ARN},"
        "client_context=ClientContext([custom={'a': 1},env={'locale': 'de'},"
        "client=Client([installation_id=i-1,app_title=Títle,app_version_name=v1,app_version_code=7,"
        "app_package_name=com.example])]),"
        "identity=CognitoIdentity([cognito_identity_id=id-1,cognito_identity_pool_id=pool-1]),"
        "tenant_id=tenant-1])"
    )


def test_log_writes_text_as_it_is(runtime: Runtime) -> None:
    run = runtime.serve("mirror.log", events=[["no line end", "\n", 7, None, {"a": 1}, "é\n"]])
    assert run.stdout == "no line end\n7None{'a': 1}é\n"
