"""What a program sees of a service: `pylambda serve --log-format json`."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from pylambda.local.screen import summary
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import Outcome
from pylambda.local.service.reports import report_record
from pylambda.local.service.variables import DEFAULT_MEMORY_MB


class JsonScreen:
    """A JSON object a line, in the platform's own shapes.

    Args:
        out: where they go.
        memory_mb: the function's limit.
    """

    def __init__(self, out: TextIO = sys.stdout, memory_mb: int = DEFAULT_MEMORY_MB) -> None:
        self._out = out
        self._memory_mb = memory_mb

    def began(self, invocation: Invocation) -> None:
        """Print `platform.start`."""
        call = invocation.call
        record = {"requestId": invocation.request_id, "functionArn": call.arn, "version": call.version}
        self._write("platform.start", record, worker=invocation.worker, what=call.kind)

    def ended(self, invocation: Invocation, outcome: Outcome) -> None:
        """Print `platform.report`."""
        record = report_record(invocation, outcome, self._memory_mb)
        self._write("platform.report", record, worker=invocation.worker, note=outcome.note)

    def rendered(self, invocation: Invocation, outcome: Outcome, status: int, size: int, cause: str) -> None:
        """Print what a front answered."""
        record = {"requestId": invocation.request_id, "status": status, "bytes": size, "cause": cause}
        self._write("pylambda.response", record, what=invocation.call.kind)

    def line(self, text: str, invocation: Invocation | None, worker: int) -> None:
        """Print what a function printed."""
        self._write("function", text, worker=worker, requestId=invocation.request_id if invocation else "")

    def ready(self, worker: int, init_ms: float) -> None:
        """Print `platform.initRuntimeDone`."""
        self._write("platform.initRuntimeDone", {"status": "success", "durationMs": round(init_ms, 3)}, worker=worker)

    def start_failed(self, worker: int, outcome: Outcome) -> None:
        """Print `platform.initRuntimeDone` of a failure."""
        record = {"status": "error", "errorType": outcome.error_type, "errorMessage": summary(outcome)}
        self._write("platform.initRuntimeDone", record, worker=worker)

    def note(self, text: str) -> None:
        """Print what else happened."""
        self._write("pylambda.note", text)

    def head(self, lines: list[str]) -> None:
        """Print what a start is told with."""
        for line in lines:
            self.note(line.strip())

    def _write(self, kind: str, record: Any, **more: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"time": now, "type": kind, "record": record, **more}), file=self._out, flush=True)
