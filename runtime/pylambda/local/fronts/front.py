"""The front: takes a request that is not the API's, has the function answer it, and gives the client what it would get.

Where the function streams, and the front is one that streams, the response leaves as it is made.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pylambda import names
from pylambda.local.fronts import responses
from pylambda.local.fronts.requests import Incoming, event_of
from pylambda.local.fronts.responses import Headers, Malformed, Response
from pylambda.local.fronts.shapes import SHAPES
from pylambda.local.service.exchange import BodyTooLong, Exchange
from pylambda.local.service.invocation import Call, Invocation, new_id, new_trace_id
from pylambda.local.service.observer import Observer
from pylambda.local.service.outcomes import Outcome
from pylambda.local.service.pool import Pool, QueueFull
from pylambda.local.service.refusals import LONGEST_EVENT_BYTES
from pylambda.local.service.variables import function_arn, region
from pylambda.web.events import HTTP_V1, HTTP_V2, REST, URL, Shape

PRELUDE_END = bytes(8)
LONGEST_PRELUDE = 1 << 20
CORS = [("Access-Control-Allow-Origin", "*")]
PREFLIGHT = [
    *CORS,
    ("Access-Control-Allow-Methods", "*"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "86400"),
]


@dataclass(frozen=True)
class FrontSettings:
    """How a front behaves.

    Attributes:
        http: which one it is: `v2`, `v1`, `rest`, `url`, `alb`, `alb-multi`.
        name: the function's.
        environ: names the region.
        cors: whether it answers preflights, and lets all origins read.
        patience_s: after so long it gives up; None for what it does in AWS.
    """

    http: str
    name: str
    environ: Mapping[str, str]
    cors: bool = False
    patience_s: float | None = None


class Front:
    """Answers HTTP requests.

    Args:
        settings: how.
        pool: runs the function.
        observer: is told.
        port: where it listens.
    """

    def __init__(self, settings: FrontSettings, pool: Pool, observer: Observer, port: int) -> None:
        self._settings = settings
        self._pool = pool
        self._observer = observer
        self._shape: Shape = SHAPES[settings.http]
        self._patience_s = settings.patience_s or responses.PATIENCE_S.get(self._shape)
        self._port = port

    async def answer(self, exchange: Exchange, path: str, query: str) -> None:
        """Answer one request."""
        if self._settings.cors and exchange.method == "OPTIONS" and exchange.header("access-control-request-method"):
            await exchange.reply(204, b"", PREFLIGHT)
            return
        call = await self._call(exchange, path, query)
        if call is None:
            await exchange.reply(413, responses.TOO_LONG[self._shape], [responses.JSON_TYPE])
            return
        try:
            invocation = self._pool.submit(call)
        except QueueFull:
            await exchange.reply(429, b'{"message":"Too Many Requests"}', [responses.JSON_TYPE])
            return
        exchange.when_gone(lambda: self._leave(invocation))
        streams = await self._begun(invocation)
        if streams is None:
            await self._send(exchange, invocation, Outcome(b""), self._gave_up(invocation))
        elif streams and self._shape.stream:
            await self._stream(exchange, invocation)
        else:
            outcome = await invocation.done
            await self._send(exchange, invocation, outcome, self._response(exchange, outcome))

    async def _call(self, exchange: Exchange, path: str, query: str) -> Call | None:
        trace_id = exchange.header("x-amzn-trace-id") or new_trace_id()
        request_id = new_id()
        try:
            body = await exchange.body(LONGEST_EVENT_BYTES)
        except BodyTooLong:
            return None
        environ = self._settings.environ
        incoming = Incoming(
            method=exchange.method,
            path=path or "/",
            query=query,
            headers=exchange.raw_headers,
            body=body,
            peer=exchange.peer,
            port=self._port,
            region=region(environ),
            trace_id=trace_id,
            request_id=request_id,
        )
        payload = json.dumps(event_of(self._shape, incoming), separators=(",", ":"), ensure_ascii=False).encode()
        if len(payload) > LONGEST_EVENT_BYTES:
            return None
        return Call(
            payload,
            f"{exchange.method} {exchange.target}",
            function_arn(self._settings.name, "", environ),
            trace_id=trace_id,
            request_id=request_id,
            live=bool(self._shape.stream),
            rendered=True,
        )

    def _gave_up(self, invocation: Invocation) -> Response:
        """Let go of an invocation; return what its client is told, and why."""
        title, patience_s, gave_up = self._shape.title, self._patience_s, responses.GAVE_UP[self._shape]
        if self._pool.withdraw(invocation):
            why = f"{title} gives up after {patience_s:g} s; no worker was free until then, and the function is not run"
            return Response(*gave_up, why)
        invocation.abandon()
        return Response(*gave_up, f"{title} gives up after {patience_s:g} s; the function goes on")

    def _leave(self, invocation: Invocation) -> None:
        if self._pool.withdraw(invocation):
            self._observer.note(f"{invocation.call.kind} dropped: its caller left before it began")
        invocation.abandon()

    async def _begun(self, invocation: Invocation) -> bool | None:
        """Return whether a response streams, once there is what the front waits for; None if it gave up."""
        there = invocation.begun() if self._shape.stream else asyncio.shield(invocation.done)
        try:
            await asyncio.wait_for(there, self._patience_s)
        except TimeoutError:
            return None
        return invocation.streaming is not None

    def _response(self, exchange: Exchange, outcome: Outcome) -> Response:
        response = responses.response_of(self._shape, outcome)
        if outcome.at_start:
            # In AWS the client would learn nothing; here it is whoever has just saved a file.
            return Response(response.status, [("Content-Type", "text/plain; charset=utf-8")], readable(outcome))
        return response

    async def _send(self, exchange: Exchange, invocation: Invocation, outcome: Outcome, response: Response) -> None:
        self._observer.rendered(invocation, outcome, response.status, len(response.body), response.cause)
        await exchange.reply(response.status, response.body, [*response.headers, *self._own_headers(invocation)])

    async def _stream(self, exchange: Exchange, invocation: Invocation) -> None:
        head, sent, started = b"", 0, invocation.streaming != names.HTTP_INTEGRATION
        if started and self._shape is REST:
            response = responses.failure(
                REST, "a streamed response of a REST API begins with a prelude of status and headers"
            )
            await self._send(exchange, invocation, Outcome(b""), response)
            return
        status = 200
        if started:
            exchange.begin(200, [("Content-Type", invocation.streaming or ""), *self._own_headers(invocation)])
        async for part in invocation.arriving():
            data = part
            if not started:
                head += part
                before, end, data = head.partition(PRELUDE_END)
                if not end and len(head) <= LONGEST_PRELUDE:
                    continue
                status, headers = self._prelude(before)
                exchange.begin(status, [*headers, *self._own_headers(invocation)])
                started = True
            if data:
                sent += len(data)
                await exchange.send(data)
        outcome = await invocation.done
        if not started:
            await self._send(
                exchange, invocation, outcome, responses.failure(self._shape, "the stream ended in its prelude")
            )
            return
        if outcome.failed:
            # The client must not take what it has for the whole.
            self._observer.rendered(invocation, outcome, status, sent, "the stream broke off")
            exchange.abort()
            return
        exchange.end()
        self._observer.rendered(invocation, outcome, status, sent, "")

    def _prelude(self, text: bytes) -> tuple[int, Headers]:
        try:
            prelude = json.loads(text)
            status = responses.status_of(self._shape, prelude.get("statusCode", 200))
            return status, responses.headers_of(self._shape, prelude)
        except (ValueError, AttributeError, Malformed):
            status, headers, _ = responses.FAILURES[self._shape]
            return status, headers

    def _own_headers(self, invocation: Invocation) -> Headers:
        cors = CORS if self._settings.cors else []
        if self._shape in (HTTP_V1, HTTP_V2):
            return [("Apigw-Requestid", invocation.request_id), *cors]
        if self._shape in (REST, URL):
            return [("x-amzn-RequestId", invocation.request_id), ("X-Amzn-Trace-Id", invocation.trace_id), *cors]
        return cors


def readable(outcome: Outcome) -> bytes:
    """Return why a function did not start, as a page for a person."""
    try:
        document = json.loads(outcome.body)
        lines = [f"{document['errorType']}: {document['errorMessage']}", "", *document.get("stackTrace", ())]
    except (ValueError, KeyError, TypeError):
        lines = [outcome.body.decode(errors="replace")]
    return ("\n".join(lines).rstrip() + "\n\nSave a file to try again.\n").encode()
