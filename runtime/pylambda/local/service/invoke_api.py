"""The Lambda API, as far as it runs functions: `Invoke`, `InvokeWithResponseStream`, `InvokeAsync`, and two that tell.

Paths, headers and statuses are those of the API's model (botocore, `lambda/2015-03-31`), so that every SDK works with
`AWS_ENDPOINT_URL_LAMBDA`. A failure of the function is a success of the call, with `X-Amz-Function-Error`: a client
that saw another status would call again, and the function would run again.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pylambda.local.service import refusals
from pylambda.local.service.background import Background
from pylambda.local.service.call_fields import Fields, call_of, whole
from pylambda.local.service.event_stream import CONTENT_TYPE, invoke_complete, payload_chunk
from pylambda.local.service.exchange import Exchange
from pylambda.local.service.function_names import LATEST, NameInvalid, Target, target_of
from pylambda.local.service.invocation import Call, Invocation, new_id
from pylambda.local.service.observer import Observer
from pylambda.local.service.outcomes import TRUNCATED, Outcome
from pylambda.local.service.pool import Pool, QueueFull
from pylambda.local.service.refusals import LONGEST_ASYNC_EVENT_BYTES, LONGEST_EVENT_BYTES, Refusal
from pylambda.local.service.variables import function_arn

API_PATH = re.compile(r"/(20\d\d-\d\d-\d\d)/functions(?:/([^/?]*))?(?:/([a-z-]*))?/?")
ANY_API_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")
JSON = (("Content-Type", "application/json"),)
CORS_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date,x-amz-log-result,x-amz-function-error",
    ),
)
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "POST, GET, OPTIONS"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "172800"),
)
_SDK_ATTEMPT = r"attempt=(\d+); max=(\d+)"
REMEMBERED_CALLS = 1000


class Identity(NamedTuple):
    """Which function is served.

    Attributes:
        name: its name; empty where any name will do.
        environ: names the region.
        description: what `GetFunction` tells beside the name.
    """

    name: str
    environ: Mapping[str, str]
    description: Mapping[str, Any]


class InvokeApi:
    """Answers the API's requests.

    Args:
        identity: which function is served.
        pool: runs it.
        background: runs what nobody waits for.
        observer: is told.
        cors: whether pages of any origin may call, as the real endpoint lets them.
    """

    def __init__(
        self, identity: Identity, pool: Pool, background: Background, observer: Observer, *, cors: bool = False
    ) -> None:
        self._identity = identity
        self._pool = pool
        self._background = background
        self._observer = observer
        self._cors = CORS_HEADERS if cors else ()
        self._seen: dict[str, str] = {}

    async def answer(self, exchange: Exchange, path: str, query: str) -> None:
        """Answer one request."""
        request_id = new_id()
        try:
            if exchange.method == "OPTIONS" and self._cors:
                await exchange.reply(200, b"", (*self._cors, *PREFLIGHT_HEADERS))
            else:
                await self._route(exchange, path, query, request_id)
        except Refusal as refusal:
            await refusal.send(exchange, request_id)
        except QueueFull:
            await refusals.throttled().send(exchange, request_id)

    async def _route(self, exchange: Exchange, path: str, query: str, request_id: str) -> None:
        found = API_PATH.fullmatch(path)
        if found is None:
            raise refusals.not_offered(f"{exchange.method} {path}")
        version, segment, operation = found[1], found[2] or "", found[3] or ""
        if exchange.method == "GET" and version == "2015-03-31" and operation in ("", "configuration"):
            await self._describe(exchange, segment, operation, request_id)
            return
        known = {
            ("2015-03-31", "invocations"): self._invoke,
            ("2021-11-15", "response-streaming-invocations"): self._invoke_streaming,
            ("2014-11-13", "invoke-async"): self._invoke_async,
        }
        operate = known.get((version, operation))
        if operate is None or exchange.method != "POST" or not segment:
            raise refusals.not_offered(f"{exchange.method} {path}")
        await operate(exchange, self._target(segment, query), request_id)

    def _target(self, segment: str, query: str) -> Target:
        try:
            target = target_of(segment, parse_qs(query).get("Qualifier", [""])[0])
        except NameInvalid as error:
            raise refusals.not_valid(str(error)) from None
        if self._identity.name and target.name != self._identity.name:
            raise refusals.not_found(self._arn(target._replace(qualifier=target.qualifier or LATEST)))
        return target

    def _arn(self, target: Target) -> str:
        return function_arn(target.name, target.qualifier, self._identity.environ)

    async def _invoke(self, exchange: Exchange, target: Target, request_id: str) -> None:
        kind = exchange.header("x-amz-invocation-type") or "RequestResponse"
        if kind == "Event":
            await self._accept(exchange, target, request_id, LONGEST_ASYNC_EVENT_BYTES)
            return
        call = await self._call(exchange, target, request_id, LONGEST_EVENT_BYTES)
        if kind == "DryRun":
            await exchange.reply(204, b"", self._headers(request_id))
            return
        if kind != "RequestResponse":
            raise refusals.bad_parameter(f"{kind} is not a valid InvocationType")
        invocation = self._submit(exchange, call._replace(kind="invoke"))
        outcome = await invocation.done
        await exchange.reply(200, outcome.body, self.headers_of(invocation, outcome))

    def submit_plain(self, fields: Fields, name: str, payload: bytes) -> Invocation | None:
        """Accept an `Invoke` at once; None, and nothing has happened, where it is not an ordinary one, or is refused.

        Args:
            fields: the request's.
            name: the function's, plain.
            payload: the event.
        """
        if fields.header("x-amz-invocation-type") not in ("", "RequestResponse"):
            return None
        try:
            target = self._target(name, "")
            call = call_of(fields, self._arn(target), target.version, new_id(), payload)
            invocation = self._pool.submit(call._replace(kind="invoke"))
        except (Refusal, QueueFull):
            return None
        self._name_repeats(fields)
        return invocation

    def headers_of(self, invocation: Invocation, outcome: Outcome) -> list[tuple[str, str]]:
        """Return what an answer to an `Invoke` comes with."""
        call = invocation.call
        headers = [*self._headers(invocation.request_id), *JSON, ("X-Amz-Executed-Version", call.version)]
        headers.append(("X-Amzn-Trace-Id", invocation.trace_id))
        if outcome.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if call.tail:
            headers.append(("X-Amz-Log-Result", base64.b64encode(invocation.log_tail()).decode()))
        return headers

    def leave(self, invocation: Invocation) -> None:
        """Take back what no worker has yet: its caller has left."""
        if self._pool.withdraw(invocation):
            call = invocation.call
            self._observer.note(f"{call.kind} {call.request_id} dropped: its caller left before it began")

    async def _invoke_async(self, exchange: Exchange, target: Target, request_id: str) -> None:
        await self._accept(exchange, target, request_id, 256 * 1024)

    async def _accept(self, exchange: Exchange, target: Target, request_id: str, longest: int) -> None:
        call = await self._call(exchange, target, request_id, longest)
        self._background.accept(call._replace(kind="event", client_context=""))
        self._name_repeats(exchange)
        await exchange.reply(202, b"", self._headers(request_id))

    async def _invoke_streaming(self, exchange: Exchange, target: Target, request_id: str) -> None:
        kind = exchange.header("x-amz-invocation-type") or "RequestResponse"
        call = await self._call(exchange, target, request_id, LONGEST_EVENT_BYTES)
        if kind == "DryRun":
            await exchange.reply(204, b"", self._headers(request_id))
            return
        if kind != "RequestResponse":
            raise refusals.bad_parameter(f"{kind} is not a valid InvocationType of InvokeWithResponseStream")
        invocation = self._submit(exchange, call._replace(kind="stream", live=True))
        await invocation.begun()
        headers = [*self._headers(request_id), ("Content-Type", CONTENT_TYPE), ("X-Amz-Executed-Version", call.version)]
        exchange.begin(200, [*headers, ("X-Amzn-Trace-Id", invocation.trace_id)])
        exchange.when_gone(invocation.abandon)
        async for part in invocation.arriving():
            await exchange.send(payload_chunk(part))
        outcome = await invocation.done
        if not outcome.streamed and not outcome.failed:
            await exchange.send(payload_chunk(outcome.body))
        await exchange.send(complete(outcome, invocation))
        exchange.end()

    async def _call(self, exchange: Exchange, target: Target, request_id: str, longest: int) -> Call:
        payload = await whole(exchange, longest)
        return call_of(exchange, self._arn(target), target.version, request_id, payload)

    def _submit(self, exchange: Exchange, call: Call) -> Invocation:
        invocation = self._pool.submit(call)
        self._name_repeats(exchange)
        exchange.when_gone(lambda: self.leave(invocation))
        return invocation

    def _name_repeats(self, fields: Fields) -> None:
        """Say when an SDK calls again: it gave up waiting, and most people do not know that it does."""
        identity, attempt = fields.header("amz-sdk-invocation-id"), fields.header("amz-sdk-request")
        if not identity:
            return
        if identity in self._seen:
            found = re.search(_SDK_ATTEMPT, attempt)
            count = f"attempt {found[1]} of {found[2]}" if found else "another attempt"
            self._observer.note(
                f"the client gave up waiting and called again ({count}); raise its read_timeout, or set max_attempts=1"
            )
        self._seen[identity] = attempt
        if len(self._seen) > REMEMBERED_CALLS:
            del self._seen[next(iter(self._seen))]

    def _headers(self, request_id: str) -> tuple[tuple[str, str], ...]:
        return (("x-amzn-RequestId", request_id), *self._cors)

    async def _describe(self, exchange: Exchange, segment: str, operation: str, request_id: str) -> None:
        name = self._target(segment, "").name if segment else self._identity.name or "function"
        arn = function_arn(name, "", self._identity.environ)
        configuration = {"FunctionName": name, "FunctionArn": arn, **self._identity.description}
        document: dict[str, Any] = configuration
        if not segment:
            document = {"Functions": [configuration]}
        elif not operation:
            document = {"Configuration": configuration, "Code": {}, "Tags": {}}
        await exchange.reply(200, json.dumps(document).encode(), (*self._headers(request_id), *JSON))


def complete(outcome: Outcome, invocation: Invocation) -> bytes:
    """Return the frame that ends a stream; without it a client would take a stream that was cut for a whole one."""
    details = "" if outcome.error_type in ("", TRUNCATED) else outcome.body.decode(errors="replace")
    tail = base64.b64encode(invocation.log_tail()).decode() if invocation.call.tail else ""
    return invoke_complete(error_code=outcome.error_type, error_details=details, log_result=tail)
