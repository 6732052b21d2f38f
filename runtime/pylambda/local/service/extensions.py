"""The Extensions API for one worker: programs of /opt/extensions beside it, and what registers inside of it.

An external extension is told of invocations and of the shutdown, each as it asked for; an internal one of invocations.
Registering at all is what makes Lambda send a runtime SIGTERM.
Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

from pylambda.local.service.exchange import Exchange
from pylambda.local.service.invocation import Invocation, new_id
from pylambda.local.service.observer import Observer
from pylambda.local.service.output import Output
from pylambda.local.service.process import ProcessGroup
from pylambda.local.service.program import Program

PATH = "/2020-01-01/extension/"
IDENTIFIER = "lambda-extension-identifier"
LONGEST_BODY = 1 << 20
JSON_HEADERS = (("Content-Type", "application/json"),)


class Extension:
    """One that has registered; `waits` while it has nothing to do and asks for an event."""

    def __init__(self, name: str, events: frozenset[str]) -> None:
        self.name = name
        self.events = events
        self.waits = False
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()


class Extensions:
    """Those of one worker.

    Args:
        observer: is given what they print.
        worker: the worker's number.
        on_idle: called when one of them has done what it had to do.
    """

    def __init__(self, observer: Observer, worker: int, on_idle: Callable[[], None]) -> None:
        self._on_idle = on_idle
        self._observer = observer
        self._worker = worker
        self._registered: dict[str, Extension] = {}
        self._processes: list[ProcessGroup] = []

    def start(self, programs: Sequence[Path], environ: Mapping[str, str], folder: Path) -> None:
        """Start the external ones."""
        for program in programs:
            try:
                started = Program([str(program)], environ=environ, folder=folder)
            except OSError as error:
                self._observer.note(f"extension {program.name} cannot be started: {error.strerror}")
                continue
            output = Output(self._print)
            self._processes.append(ProcessGroup(started, output=output, on_exit=lambda _code: None))

    @property
    def idle(self) -> bool:
        """Whether all wait for an event; a program that has not registered yet is not that far."""
        registered = {extension.name for extension in self._registered.values()}
        return all(process.ended.is_set() or process.name in registered for process in self._processes) and all(
            extension.waits for extension in self._registered.values() if extension.events
        )

    def freeze(self) -> None:
        """Stop the external ones between invocations."""
        for process in self._processes:
            process.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes:
            process.thaw()

    def invoke(self, invocation: Invocation, deadline_ms: int) -> None:
        """Tell who wants to know that an invocation begins."""
        for extension in self._registered.values():
            if "INVOKE" in extension.events:
                extension.waits = False
                extension.queue.put_nowait(
                    {
                        "eventType": "INVOKE",
                        "deadlineMs": deadline_ms,
                        "requestId": invocation.request_id,
                        "invokedFunctionArn": invocation.call.arn,
                        "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id},
                    }
                )

    async def stop(self, grace_s: float, reason: str) -> None:
        """Tell them that all ends, and end them.

        Args:
            grace_s: what asked for SHUTDOWN has so many seconds to end by itself.
            reason: `spindown`, `timeout` or `failure`.
        """
        self.thaw()
        deadline_ms = int((time.time() + grace_s) * 1000)
        for extension in self._registered.values():
            if "SHUTDOWN" in extension.events:
                extension.queue.put_nowait(
                    {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
                )
        waits = any("SHUTDOWN" in extension.events for extension in self._registered.values())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended(), grace_s if waits else 0)
        finally:
            for process in self._processes:
                process.signal(SIGKILL)
        await self._ended()

    async def _ended(self) -> None:
        for process in self._processes:
            await process.ended.wait()

    async def answer(self, exchange: Exchange, path: str) -> None:
        """Answer a request of the Extensions API.

        Args:
            exchange: the request.
            path: what follows `PATH`.
        """
        if path == "register" and exchange.method == "POST":
            await self._register(exchange)
            return
        extension = self._registered.get(exchange.header(IDENTIFIER))
        if extension is None:
            await refuse(exchange, 403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
        elif path == "event/next":
            waits = asyncio.ensure_future(extension.queue.get())
            exchange.when_gone(waits.cancel)
            extension.waits = extension.queue.empty()
            self._on_idle()
            event = await waits
            await exchange.reply(200, json.dumps(event).encode(), JSON_HEADERS)
        elif path in ("init/error", "exit/error"):
            document = await exchange.body(LONGEST_BODY)
            self._observer.note(f"extension {extension.name} failed: {document.decode(errors='replace')[:500]}")
            await exchange.reply(202, b'{"status":"OK"}', JSON_HEADERS)
        else:
            await refuse(exchange, 404, "Extension.UnknownPath", f"There is no {PATH}{path}")

    async def _register(self, exchange: Exchange) -> None:
        name = exchange.header("lambda-extension-name")
        try:
            body = json.loads(await exchange.body(LONGEST_BODY) or b"{}")
            events = frozenset(body.get("events") or ())
        except (ValueError, AttributeError, TypeError):
            await refuse(exchange, 400, "InvalidRequestFormat", "The body is not an object with a list of events")
            return
        external = any(process_name == name for process_name in self._names)
        if not external and "SHUTDOWN" in events:
            text = "SHUTDOWN event not supported for internal extensions"
            await refuse(exchange, 403, "Extension.InvalidEventType", text)
            return
        identifier = new_id()
        self._registered[identifier] = Extension(name, events)
        answer = {"functionName": "function", "functionVersion": "$LATEST", "handler": ""}
        headers = (*JSON_HEADERS, ("Lambda-Extension-Identifier", identifier))
        await exchange.reply(200, json.dumps(answer).encode(), headers)

    @property
    def _names(self) -> list[str]:
        return [process.name for process in self._processes]

    def _print(self, text: str) -> None:
        self._observer.line(text, None, self._worker)


async def refuse(exchange: Exchange, status: int, error_type: str, message: str) -> None:
    """Answer with an error document."""
    body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
    await exchange.reply(status, body, JSON_HEADERS)
