"""`PYLAMBDA_OTEL`: a span for each invocation, whatever the handler is and however it is served.

The SDK, its exporter and the propagator of X-Ray are the real ones, of the monitoring tools' environment; the collector
is a server on loopback.
"""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.contract.gate import GATE, Gate
from tests.contract.runtime_process import Runtime, Serving
from tests.contract.script import FUNCTION_ARN, TRACE_ID, Next
from tests.documents import ROOT, blocks
from tests.monitoring.spans import Traced, traced, traced_streams

pytestmark = [pytest.mark.needs("monitoring"), pytest.mark.timeout(300)]

BEFORE = {"PYLAMBDA_OTEL": "before"}
AFTER = {"PYLAMBDA_OTEL": "after"}
XRAY = {"OTEL_PROPAGATORS": "xray,tracecontext,baggage"}
TRACE = "5bef4de7ad49b0e87f6ef6c87fc2e700"
PARENT = "9a9197af755a6419"
TRACER = """
from opentelemetry import trace
child = trace.get_tracer("orders").start_as_current_span
"""
PLAIN = (
    TRACER
    + """
def handler(event, context):
    with child("work"):
        if event.get("fail"):
            raise ValueError("on purpose")
    return {"statusCode": 503 if "rawPath" in event else 200}
"""
)


def http_event(name: str) -> Any:
    return json.loads((ROOT / "tests" / "events" / "web" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def plain(module_runtime: Runtime) -> Traced:
    """A plain handler that serves a success, a failure, a request, a message, an alias and a would-be request."""
    events = [
        Next({}, request_id="1"),
        Next({"fail": True}, request_id="2"),
        Next(http_event("http-v2-get"), request_id="3"),
        Next(json.loads((ROOT / "tests" / "events" / "sqs.json").read_text()), request_id="4"),
        Next({}, {"Lambda-Runtime-Invoked-Function-Arn": f"{FUNCTION_ARN}:live"}, request_id="5"),
        Next({"version": "2.0", "requestContext": {"http": 1, "domainName": 2}}, request_id="6"),
    ]
    env = {
        **BEFORE,
        **XRAY,
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_REGION": "eu-central-1",
    }
    return traced(module_runtime, PLAIN, *events, env=env)


def test_an_invocation_is_a_span_of_the_trace_that_the_platform_began(plain: Traced) -> None:
    first, *others = plain.spans
    assert (first.name, first.kind, first.error) == ("hello", "SERVER", None)
    assert (first.trace, first.parent) == (TRACE, PARENT)
    assert f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=1" == TRACE_ID
    assert first.attributes == {
        "faas.invocation_id": "1",
        "faas.coldstart": True,
        "faas.trigger": "other",
        "cloud.resource_id": FUNCTION_ARN,
        "cloud.account.id": "123456789012",
    }
    assert [span.attributes["faas.coldstart"] for span in others] == [False] * 5


def test_a_span_is_of_the_function(plain: Traced) -> None:
    assert {
        "service.name": "hello",
        "faas.name": "hello",
        "faas.version": "7",
        "faas.instance": "stream",
        "faas.max_memory": 512 << 20,
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-central-1",
    }.items() <= plain.spans[0].resource.items()


def test_spans_of_the_handler_lie_below_its_invocation(plain: Traced) -> None:
    assert [[child.name for child in plain.below(span)] for span in plain.spans] == [["work"]] * 6


def test_a_failure_is_in_the_span_with_the_users_frames_alone(plain: Traced) -> None:
    failed = plain.spans[1]
    (exception,) = failed.exceptions
    assert failed.error == "ValueError: on purpose"
    assert failed.attributes["error.type"] == exception["exception.type"] == "ValueError"
    assert exception["exception.stacktrace"].count('File "') == 1
    assert 'app.py", line 8, in handler' in exception["exception.stacktrace"]
    assert plain.run.answer_to("2").json["errorType"] == "ValueError"


def test_a_request_says_what_was_asked_and_answered_and_nothing_of_its_query(plain: Traced) -> None:
    request = plain.spans[2]
    assert {
        "faas.trigger": "http",
        "http.request.method": "GET",
        "url.path": http_event("http-v2-get")["rawPath"],
        "url.scheme": "https",
        "http.response.status_code": 503,
        "error.type": "503",
    }.items() <= request.attributes.items()
    assert request.error == ""
    assert "url.query" not in request.attributes


def test_messages_are_consumed(plain: Traced) -> None:
    assert (plain.spans[3].kind, plain.spans[3].attributes["faas.trigger"]) == ("CONSUMER", "pubsub")


def test_an_event_that_only_looks_like_a_request_costs_nothing(plain: Traced) -> None:
    assert plain.spans[5].attributes["faas.trigger"] == "other"
    assert plain.run.answer_to("6").json == {"statusCode": 200}


def test_a_version_stands_in_the_place_of_an_alias(plain: Traced) -> None:
    assert plain.spans[4].attributes["cloud.resource_id"] == f"{FUNCTION_ARN}:7"


@pytest.mark.parametrize(("env", "answers"), [(BEFORE, 0), (AFTER, 1)], ids=["before", "after"])
def test_spans_leave_before_the_answer_or_after_it(runtime: Runtime, env: dict[str, str], answers: int) -> None:
    # Given a collector that notes how many answers the platform has when a span comes
    seen: list[int] = []

    def note(serving: Serving) -> None:
        seen.append(sum(request.method == "POST" for request in serving.api.requests))

    # When an invocation is served, then its span came at that time, and before the next event was asked for
    told = traced(runtime, PLAIN, Next({}, request_id="1"), env=env, before_reply=note)
    assert (len(told.spans), seen) == (1, [answers])


@pytest.mark.parametrize("env", [BEFORE, AFTER], ids=["before", "after"])
def test_a_collector_that_hangs_costs_no_invocation_more_than_its_time(runtime: Runtime, env: dict[str, str]) -> None:
    # Given a collector that answers nothing until the run is over
    over = threading.Event()
    try:
        # When two invocations are served, then both are answered
        told = traced(
            runtime, PLAIN, *[Next({}, deadline_ms=400)] * 2, env=env, before_reply=lambda _: over.wait(200), spans=0
        )
    finally:
        over.set()
    assert [response.json for response in told.run.responses] == [{"statusCode": 200}] * 2


ASYNC = (
    TRACER
    + """
import asyncio
import pylambda

@pylambda.middleware
async def twice(event, context, call_next):
    with child("middleware"):
        return await call_next(event, context)

async def handler(event, context):
    with child("work"):
        await asyncio.sleep(event["seconds"])
    if "fail" in event:
        raise SystemExit(3)
    return "fine"
"""
)


def test_an_async_handler_and_its_middleware(runtime: Runtime) -> None:
    events = [
        Next({"seconds": 0}, request_id="1"),
        Next({"seconds": 60}, request_id="2", deadline_ms=1500),
        Next({"seconds": 0, "fail": 1}, request_id="3"),
    ]
    told = traced(runtime, ASYNC, *events, env=AFTER)
    fine, late, gone = told.spans
    assert [child.name for child in told.below(fine)] == ["middleware"]
    assert sorted(child.name for child in told.children) == ["middleware"] * 3 + ["work"] * 3
    assert (fine.error, late.error, gone.error) == (None, "CancelledError: ", "SystemExit: 3")
    assert told.run.answer_to("2").json["errorType"] == "Runtime.DeadlineExceeded"
    assert told.run.exit_code == 3


STREAMS = {
    "generator": """
def handler(event, context):
    with child("first"):
        yield b"a"
    with child("second"):
        yield b"b"
    if event: raise ValueError("in the middle")
""",
    "asynchronous generator": """
async def handler(event, context):
    with child("first"):
        yield b"a"
    with child("second"):
        yield b"b"
    if event: raise ValueError("in the middle")
""",
    "response": """
import pylambda
def body(event):
    with child("first"):
        yield b"a"
    with child("second"):
        yield b"b"
    if event["isBase64Encoded"]: raise ValueError("in the middle")
def handler(event, context):
    return pylambda.StreamingResponse(body(event), 201)
""",
}


@pytest.mark.parametrize("at_once", [1, 2], ids=["one-at-a-time", "many-at-once"])
@pytest.mark.parametrize("kind", STREAMS)
def test_the_span_of_a_stream_ends_with_it(kind: str, at_once: int, tmp_path: Path) -> None:
    request = http_event("url-iam")
    if kind == "response":
        events = [{**request, "isBase64Encoded": fail} for fail in (False, True)]
    else:
        events = [{}, {"fail": 1}]
    app = TRACER + STREAMS[kind]
    told = traced_streams(tmp_path, app, *events, env=BEFORE, handler="app.handler", at_once=at_once)
    fine, failed = told.spans
    assert sorted(child.name for child in told.below(fine)) == ["first", "second"]
    assert (fine.error, failed.error) == (None, "ValueError: in the middle")
    if kind == "response":
        assert fine.attributes["http.response.status_code"] == 201


ASGI = (
    TRACER
    + """
async def handler(scope, receive, send):
    assert scope["type"] == "http", scope["type"]
    with child("work"):
        await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})
"""
)
WSGI = (
    TRACER
    + """
def handler(environ, start_response):
    start_response("202 Accepted", [])
    with child("work"):
        return [b"fine"]
"""
)


@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize(("app", "kind"), [(ASGI, "asgi"), (WSGI, "wsgi")], ids=["asgi", "wsgi"])
def test_a_web_app(runtime: Runtime, app: str, kind: str, streams: bool, tmp_path: Path) -> None:
    # Given a request whose client began the trace
    event = http_event("url-iam")
    event["headers"]["traceparent"] = f"00-{TRACE}-{PARENT}-01"
    handler = f"{kind}:app:handler"
    # When it is served, buffered or as a stream
    if streams:
        env = {**BEFORE, "PYLAMBDA_STREAM": "url"}
        told = traced_streams(tmp_path, app, event, env=env, handler=handler, at_once=1)
    else:
        told = traced(runtime, app, event, env=BEFORE, handler=handler)
    # Then its span is the client's child, and has children of the app's
    (span,) = told.spans
    assert (span.trace, span.parent) == (TRACE, PARENT)
    assert span.attributes["http.response.status_code"] == 202
    assert [child.name for child in told.below(span)] == ["work"]


@pytest.mark.parametrize("leave", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize(
    ("env", "is_async"),
    [
        ({"PYLAMBDA_CONCURRENCY": "process"}, False),
        ({"PYLAMBDA_PREFORK": "1"}, False),
        ({"PYLAMBDA_CONCURRENCY": "thread"}, False),
        ({"PYLAMBDA_CONCURRENCY": "async"}, True),
        ({"PYLAMBDA_CONCURRENCY": "async"}, False),
    ],
    ids=["process", "prefork", "thread", "async", "async-plain-handler"],
)
def test_invocations_at_the_same_time_keep_their_spans_apart(
    runtime: Runtime, env: dict[str, str], is_async: bool, leave: dict[str, str]
) -> None:
    begin, wait = ("async def", "await wait_async(event)") if is_async else ("def", "wait(event)")
    app = (
        f"{TRACER}{GATE}{begin} handler(event, context):\n"
        f"    with child(event['name']):\n        {wait}\n"
        "    with child(event['name']): pass\n"
    )
    with Gate() as gate:

        def pass_both() -> None:
            gate.wait_for("a", "b")
            gate.open_for("a")
            gate.open_for("b")

        events = [Next(gate.event(name), request_id=name) for name in "ab"]
        told = traced(runtime, app, *events, env={**env, **leave}, at_once=2, meanwhile=pass_both)
    assert [[child.name for child in told.below(span)] for span in told.spans] == [["a", "a"], ["b", "b"]]


OWN = (
    TRACER
    + """
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "mine"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
orders = metrics.get_meter("orders").create_counter("orders")

def handler(event, context):
    orders.add(1)
    return "fine"
"""
)


def test_a_provider_of_the_functions_own_is_used_and_metrics_leave_too(runtime: Runtime) -> None:
    told = traced(runtime, OWN, {}, env={**BEFORE, "OTEL_TRACES_EXPORTER": "not looked at"})
    assert [span.resource["service.name"] for span in told.spans] == ["mine"]
    assert "/v1/metrics" in told.paths


FORKS = """
import os
def handler(event, context):
    if os.fork() == 0:
        return "of the child"
    os.wait()
    return "fine"
"""


def test_a_child_that_a_handler_forks_has_no_part_in_the_span(runtime: Runtime) -> None:
    told = traced(runtime, FORKS, {}, {}, env=BEFORE)
    assert len(told.spans) == 2
    assert [response.json for response in told.run.responses] == ["fine"] * 2


def test_an_exporter_that_is_missing_is_a_load_fault(runtime: Runtime) -> None:
    told = traced(runtime, PLAIN, {}, env={**BEFORE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, spans=0)
    assert told.run.init_error.json["errorType"] == "Runtime.MissingDependency"
    assert "no exporter 'otlp_proto_grpc'" in told.run.init_error.json["errorMessage"]
    assert "pip install opentelemetry-exporter-otlp-proto-grpc" in told.run.stdout


def test_the_example_of_the_page(runtime: Runtime) -> None:
    example, below = blocks(ROOT / "docs" / "monitoring.md")[:2]
    *variables, exchange, root, child = below.lines
    event, _, answer = exchange.partition(" -> ")
    told = traced(runtime, example.text, json.loads(event), env=dict(line.split("=") for line in variables))
    assert [response.json for response in told.run.responses] == [json.loads(answer)]
    (span,) = told.spans
    assert f"{span.name}, of the trace {span.trace}" == root
    assert [f"    {found.name}" for found in told.below(span)] == [child]


def test_a_sdk_that_is_missing_is_a_load_fault(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "def handler(event, context): ..."}, env=BEFORE)
    assert run.init_error.json["errorType"] == "Runtime.MissingDependency"
    assert run.init_error.json["errorMessage"].startswith(
        "PYLAMBDA_OTEL is 'before', and OpenTelemetry cannot be imported"
    )
    assert "pip install opentelemetry-sdk" in run.stdout


def test_another_word_is_a_load_fault_and_the_function_is_not_imported(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "print('imported')"}, env={"PYLAMBDA_OTEL": "on"})
    assert run.init_error.json["errorType"] == "Runtime.InvalidSetting"
    assert run.init_error.json["errorMessage"] == "PYLAMBDA_OTEL is 'on'"
    assert "it may be 'before' or 'after'" in run.stdout
    assert "imported" not in run.stdout
