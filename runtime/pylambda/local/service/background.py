"""Event invocations: accepted at once, run when there is room, tried again when they fail.

Lambda waits one and two minutes before it tries again; here it is a second, or what was asked for. Each attempt has the
same request id. The record of the last attempt is the one that Lambda sends to a destination.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pylambda.local.service.invocation import Call, Invocation
from pylambda.local.service.outcomes import Outcome
from pylambda.local.service.pool import Pool, QueueFull

THROTTLED_PAUSE_S = 1.0
REMEMBERED = 50


class Background:
    """The events that nobody waits for.

    Args:
        pool: runs them.
        retries: how often one is tried again.
        delay_s: the pause before that.
        longest_queue: the most that may be unfinished.
        destination: a folder for the records; None for none.
        note: told what a person should know.

    Attributes:
        recent: the last ones, newest first: id, attempt and how that went.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        retries: int,
        delay_s: float,
        longest_queue: int,
        destination: Path | None,
        note: Callable[[str], None],
    ) -> None:
        self._pool = pool
        self._retries = retries
        self._delay_s = delay_s
        self._longest_queue = longest_queue
        self._destination = destination
        self._note = note
        self._tasks: dict[asyncio.Task[None], str] = {}
        self.recent: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    @property
    def unfinished(self) -> int:
        """How many events have not had their last attempt."""
        return len(self._tasks)

    def accept(self, call: Call) -> None:
        """Take an event; its `request_id` is the one that its caller was told.

        Raises:
            QueueFull: too many are unfinished.
        """
        if len(self._tasks) >= self._longest_queue:
            raise QueueFull
        task = asyncio.get_running_loop().create_task(self._run(call))
        self._tasks[task] = call.request_id
        task.add_done_callback(self._tasks.pop)

    def drop(self) -> list[str]:
        """Give up what is unfinished, and return the request ids."""
        dropped = list(self._tasks.values())
        for task in list(self._tasks):
            task.cancel()
        return dropped

    async def _run(self, call: Call) -> None:
        attempts = self._retries + 1
        shown: dict[str, Any] = {"id": call.request_id, "attempt": 1, "attempts": attempts, "status": "waits"}
        self.recent.appendleft(shown)
        for attempt in range(1, attempts + 1):
            kind = "event" if attempt == 1 else f"event, attempt {attempt} of {attempts}"
            invocation = await self._submit(call._replace(kind=kind))
            outcome = await invocation.done
            shown.update(attempt=attempt, status=outcome.error_type or "ok")
            if not outcome.failed:
                self._record(invocation, outcome, "Success", attempt)
                return
            if attempt < attempts:
                await asyncio.sleep(self._delay_s)
        self._note(f"event {call.request_id} failed {attempts} times: {outcome.error_type}; it is not tried again")
        self._record(invocation, outcome, "RetriesExhausted", attempts)

    async def _submit(self, call: Call) -> Invocation:
        while True:
            try:
                return self._pool.submit(call)
            except QueueFull:
                await asyncio.sleep(THROTTLED_PAUSE_S)

    def _record(self, invocation: Invocation, outcome: Outcome, condition: str, count: int) -> None:
        if self._destination is None:
            return
        path = self._destination / f"{invocation.request_id}.json"
        try:
            self._destination.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record(invocation, outcome, condition, count), indent=2) + "\n")
        except OSError as error:
            self._note(f"cannot write {path}: {error.strerror}")


def record(invocation: Invocation, outcome: Outcome, condition: str, count: int) -> dict[str, Any]:
    """Return what Lambda sends to a destination."""
    from datetime import UTC, datetime

    context: dict[str, Any] = {"statusCode": 200, "executedVersion": invocation.call.version}
    if outcome.failed:
        context["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": qualified(invocation.call.arn),
            "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": json.loads(invocation.call.payload),
        "responseContext": context,
        "responsePayload": payload(outcome.body),
    }


def qualified(arn: str) -> str:
    """Return an ARN with a qualifier, as records have it."""
    return arn if arn.count(":") > 6 else f"{arn}:$LATEST"


def payload(body: bytes) -> Any:
    """Return a result as JSON; as text where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
