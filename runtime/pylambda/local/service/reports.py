"""The platform's own lines of a log: START, END, REPORT, as text and as JSON.

Source: LocalStack's recordings, and for JSON https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

import math
from typing import Any

from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import Outcome


def start_line(invocation: Invocation) -> str:
    """Return the line with which a log begins."""
    return f"START RequestId: {invocation.request_id} Version: {invocation.call.version}\n"


def end_lines(invocation: Invocation, outcome: Outcome, memory_mb: int) -> str:
    """Return the two lines with which a log ends."""
    fields = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {invocation.duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms(invocation)} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {invocation.used_mb} MB",
    ]
    if invocation.init_ms is not None:
        fields.append(f"Init Duration: {invocation.init_ms:.2f} ms")
    if outcome.failed:
        fields.append(f"Status: {outcome.status}")
        if outcome.status == "error":
            fields.append(f"Error Type: {outcome.log_type or outcome.error_type}")
    return f"END RequestId: {invocation.request_id}\n" + "\t".join(fields) + "\t\n"


def billed_ms(invocation: Invocation) -> int:
    """Return what Lambda would bill: whole milliseconds, the start included."""
    return math.ceil(invocation.duration_ms + (invocation.init_ms or 0.0))


def report_record(invocation: Invocation, outcome: Outcome, memory_mb: int) -> dict[str, Any]:
    """Return the record of `platform.report`."""
    metrics: dict[str, Any] = {
        "durationMs": round(invocation.duration_ms, 3),
        "billedDurationMs": billed_ms(invocation),
        "memorySizeMB": memory_mb,
        "maxMemoryUsedMB": invocation.used_mb,
    }
    if invocation.init_ms is not None:
        metrics["initDurationMs"] = round(invocation.init_ms, 3)
    record: dict[str, Any] = {"requestId": invocation.request_id, "metrics": metrics, "status": outcome.status}
    if outcome.status == "error":
        record["errorType"] = outcome.log_type or outcome.error_type
    return record
