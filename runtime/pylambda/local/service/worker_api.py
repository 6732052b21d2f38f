"""The Runtime API as one worker sees it: `/next`, the answers, and the faults of a start.

Statuses and texts of refusals are those of Amazon's emulator, which has the platform's own code.
Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import base64
import binascii
import re

from pylambda import names
from pylambda.local.service import breakpoints, outcomes
from pylambda.local.service.exchange import BodyTooLong, Exchange, Gone
from pylambda.local.service.extensions import JSON_HEADERS, PATH, refuse
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import LONGEST_RESULT_BYTES, Outcome
from pylambda.local.service.worker import Worker

OK = b'{"status":"OK"}\n'
RESTORE_NEXT_PATH = f"{names.API_VERSION}/restore/next"
RESTORE_ERROR_PATH = f"{names.API_VERSION}/restore/error"
ERROR_TYPE = names.SEND_ERROR_TYPE.lower()
ERROR_BODY = names.SEND_ERROR_BODY.lower()
RESPONSE_MODE = names.SEND_RESPONSE_MODE.lower()
LONGEST_ERROR_BYTES = 1 << 20
_ANSWER = re.compile(re.escape(names.INVOCATION_PATH) + r"([^/]+)/(response|error)")


class WorkerApi:
    """Answers one worker.

    Args:
        worker: whose requests these are; nobody else knows the port.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        path = exchange.target
        answer = _ANSWER.fullmatch(path)
        if path == names.NEXT_PATH and exchange.method == "GET":
            await self._next(exchange)
        elif answer is not None and exchange.method == "POST":
            await self._take_answer(exchange, answer[1], answer[2])
        elif path in (names.INIT_ERROR_PATH, RESTORE_ERROR_PATH) and exchange.method == "POST":
            await self._fail_start(exchange)
        elif path == RESTORE_NEXT_PATH and exchange.method == "GET":
            await exchange.reply(200, b"{}", JSON_HEADERS)  # no snapshot is made: it is restored at once
        elif path == breakpoints.PATH:
            self._worker.limits.lift()
            await exchange.reply(200, OK, JSON_HEADERS)
        elif path.startswith(PATH):
            await self._worker.extensions.answer(exchange, path.removeprefix(PATH))
        else:
            await refuse(exchange, 404, "NotFound", f"The Runtime API has no {exchange.method} {path}")

    async def _next(self, exchange: Exchange) -> None:
        worker = self._worker
        if worker.plan.at_once == 1 and worker.running:
            text = "The runtime asked for the next event before it answered the last one"
            await refuse(exchange, 403, "InvalidStateTransition", text)
            return
        event: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        deliver = event.set_result

        def gone() -> None:
            worker.unpoll(deliver)
            event.cancel()

        worker.poll(deliver)
        exchange.when_gone(gone)
        invocation = await event
        exchange.on_gone = None
        try:
            await exchange.reply(200, invocation.call.payload, self.headers(invocation))
        except Gone:
            worker.undelivered(invocation)
            raise
        invocation.delivered = True

    def headers(self, invocation: Invocation) -> list[tuple[str, str]]:
        """Return what an event comes with."""
        call = invocation.call
        headers = [
            ("Content-Type", names.JSON),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(self._worker.deadline_ms(invocation))),
            ("Lambda-Runtime-Invoked-Function-Arn", call.arn),
            ("Lambda-Runtime-Invocation-Id", invocation.invocation_id),
        ]
        if self._worker.plan.at_once == 1:  # it is a variable of the process, so not where several run
            headers.append(("Lambda-Runtime-Trace-Id", invocation.trace_id))
        if call.client_context:
            headers.append(("Lambda-Runtime-Client-Context", call.client_context))
        if call.tenant_id:
            headers.append(("Lambda-Runtime-Aws-Tenant-Id", call.tenant_id))
        return headers

    async def _take_answer(self, exchange: Exchange, request_id: str, kind: str) -> None:
        worker = self._worker
        invocation = worker.running.get(request_id)
        given = exchange.header(names.INVOCATION_ID)
        if invocation is None:
            await refuse(exchange, 400, "InvalidRequestID", "Invalid request ID")
        elif given and given != invocation.invocation_id:
            await refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
        elif kind == "error":
            await self._take_error(exchange, invocation)
        else:
            mode = exchange.header(RESPONSE_MODE)
            if mode == names.STREAMING:
                await self._take_stream(exchange, invocation)
            elif mode:
                text = f"Invalid function response mode {mode}"
                await refuse(exchange, 400, "InvalidFunctionResponseMode", text)
            else:
                await self._take_response(exchange, invocation)

    async def _take_response(self, exchange: Exchange, invocation: Invocation) -> None:
        try:
            body = await exchange.body(LONGEST_RESULT_BYTES)
        except BodyTooLong:
            self._worker.answered(invocation, outcomes.too_large())
            text = f"Exceeded maximum allowed payload size ({LONGEST_RESULT_BYTES} bytes)."
            await refuse(exchange, 413, "RequestEntityTooLarge", text)
            return
        await self._settle(exchange, invocation, Outcome(body, content_type=exchange.header(names.CONTENT_TYPE)))

    async def _take_error(self, exchange: Exchange, invocation: Invocation) -> None:
        body = await exchange.body(LONGEST_ERROR_BYTES)
        error_type = exchange.header(ERROR_TYPE) or "Runtime.Unknown"
        await self._settle(exchange, invocation, Outcome(body, error_type))

    async def _take_stream(self, exchange: Exchange, invocation: Invocation) -> None:
        invocation.begin_stream(exchange.header(names.CONTENT_TYPE) or names.OCTET_STREAM)
        async for part in exchange.chunks():
            invocation.push(part)
        trailers = exchange.trailers
        outcome = invocation.finish_stream(trailers.get(ERROR_TYPE, ""), decoded(trailers.get(ERROR_BODY, "")))
        await self._settle(exchange, invocation, outcome)

    async def _settle(self, exchange: Exchange, invocation: Invocation, outcome: Outcome) -> None:
        if self._worker.running.get(invocation.request_id) is not invocation:  # its time was over meanwhile
            await refuse(exchange, 410, "InvokeTimeout", "Invoke timeout")
            return
        self._worker.answered(invocation, outcome)
        await asyncio.sleep(0)  # the caller's answer goes first
        await exchange.reply(202, OK, JSON_HEADERS)

    async def _fail_start(self, exchange: Exchange) -> None:
        body = await exchange.body(LONGEST_ERROR_BYTES)
        if not self._worker.starting:
            text = (
                "State transition from Running to InitError failed for runtime. Error: State transition is not allowed"
            )
            await refuse(exchange, 403, "InvalidStateTransition", text)
            return
        self._worker.init_error = Outcome(body, exchange.header(ERROR_TYPE) or "Runtime.Unknown")
        await exchange.reply(202, OK, JSON_HEADERS)


def decoded(text: str) -> bytes:
    """Return what base64 holds; the text itself where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()
