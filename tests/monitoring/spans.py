"""Runs a function with `PYLAMBDA_OTEL` beside the real SDK, and reads the spans that reach the collector."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.raw_api import serving as streaming
from tests.contract.runtime_process import Run, Runtime, Serving
from tests.monitoring.both import PYTHON
from tests.monitoring.shapes import spans_of
from tests.monitoring.sink import Sink

# Longer than any test: what the exporter would wait for a collector that hangs.
EXPORTER_TIMEOUT_S = 3600
DEADLINE_S = 30.0
INVOCATION = "hello"
INVOCATION_ID = "faas.invocation_id"
TRACES = "/v1/traces"


@dataclass(frozen=True)
class Span:
    """A span that arrived.

    Attributes:
        name: its own.
        kind: without what all kinds begin with.
        trace: the trace's id in hexadecimal, `id` the span's, `parent` its parent's.
        attributes: by name.
        error: the message of its status; None where that is no error.
        exceptions: the attributes of each exception that was recorded.
        resource: the attributes of what it is of.
    """

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    error: str | None
    exceptions: list[Mapping[str, Any]]
    resource: Mapping[str, Any]


@dataclass(frozen=True)
class Traced:
    """What a run left.

    Attributes:
        platform: what it was told; None of streams.
        spans: those of invocations, in the order of their requests' ids; `children` all others.
        paths: what the collector was asked for.
    """

    platform: Run | None
    spans: list[Span]
    children: list[Span]
    paths: list[str]

    @property
    def run(self) -> Run:
        """What the platform was told."""
        assert self.platform is not None
        return self.platform

    def below(self, span: Span) -> list[Span]:
        """Return the spans whose parent is `span`."""
        return [child for child in self.children if (child.trace, child.parent) == (span.trace, span.id)]


def traced(
    runtime: Runtime,
    app: str,
    *events: object,
    env: Mapping[str, str],
    handler: str = "app.handler",
    at_once: int = 1,
    before_reply: Callable[[Serving], object] = lambda serving: None,
    meanwhile: Callable[[], object] = lambda: None,
    spans: int | None = None,
) -> Traced:
    """Serve events with the SDK's Python.

    Args:
        runtime: starts it.
        app: the function's module.
        events: what it is to serve.
        env: more variables.
        handler: `_HANDLER`.
        at_once: how many invocations are served at the same time.
        before_reply: called before the collector answers.
        meanwhile: called once the runtime was started.
        spans: how many invocations have one; all of them where nothing is said.
    """
    started: list[Serving] = []
    with Sink(before_reply=lambda: before_reply(started[0])) as sink:
        variables = {**_variables(sink), **env}
        with runtime.start(handler, files={"app.py": app}, events=events, env=variables, at_once=at_once) as serving:
            started.append(serving)
            meanwhile()
            serving.wait_until_idle()
            _wait_for(len(events) if spans is None else spans, sink)
            return _collected(sink, serving.stop())


def traced_streams(
    folder: Path, app: str, *events: object, env: Mapping[str, str], handler: str, at_once: int
) -> Traced:
    """Serve events whose answers are streams, each to its end, and the events one after the other.

    Args:
        folder: an empty one.
        app: the function's module.
        events: what it is to serve; their ids are their numbers.
        env: more variables.
        handler: `_HANDLER`.
        at_once: how many invocations might be served at the same time.
    """
    with Sink() as sink:
        variables = {**_variables(sink), **env, "_HANDLER": handler}
        if at_once > 1:
            variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(at_once)
        with streaming(folder, app, environ=variables) as serving:
            for number, event in enumerate(events):
                peer = serving.accept()  # of another place, or anew: a connection that has streamed is not kept
                peer.give_event(json.dumps(event).encode(), request_id=str(number))
                peer.read_request()
                peer.read_chunked()
                peer.reply()
            _wait_for(len(events), sink)
        return _collected(sink, None)


def _variables(sink: Sink) -> dict[str, str]:
    return {
        "PYLAMBDA_PYTHON": str(PYTHON),
        "AWS_LAMBDA_FUNCTION_NAME": INVOCATION,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": str(EXPORTER_TIMEOUT_S),
    }


def _wait_for(spans: int, sink: Sink) -> None:
    """Return when so many spans of invocations have come: an answer may be there before its span leaves."""
    sink.wait_until(
        lambda: sum(arrival.body.count(INVOCATION_ID.encode()) for arrival in sink.arrivals) >= spans, DEADLINE_S
    )


def _collected(sink: Sink, run: Run | None) -> Traced:
    spans = [_span(*found) for found in spans_of([arrival for arrival in sink.arrivals if arrival.path == TRACES])]
    invocations = [span for span in spans if INVOCATION_ID in span.attributes]
    invocations.sort(key=lambda span: str(span.attributes[INVOCATION_ID]))
    children = [span for span in spans if span not in invocations]
    return Traced(run, invocations, children, [arrival.path for arrival in sink.arrivals])


def _span(resource: Any, scope: Any, span: Any) -> Span:
    status = span.get("status", {})
    return Span(
        span["name"],
        span["kind"].removeprefix("SPAN_KIND_"),
        _hexadecimal(span["traceId"]),
        _hexadecimal(span["spanId"]),
        _hexadecimal(span.get("parentSpanId", "")),
        _attributes(span),
        status.get("message", "") if status.get("code") == "STATUS_CODE_ERROR" else None,
        [_attributes(event) for event in span.get("events", ()) if event["name"] == "exception"],
        _attributes(resource),
    )


def _hexadecimal(text: str) -> str:
    return base64.b64decode(text).hex()


def _attributes(of: Any) -> dict[str, Any]:
    return {member["key"]: _value(member["value"]) for member in of.get("attributes", ())}


def _value(value: Any) -> Any:
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [_value(member) for member in held["values"]]
    return int(held) if kind == "intValue" else held
