"""A stream whose events say when they were made; the second one comes when the first is long there."""

import time
from collections.abc import Iterator


def handler(event: object, context: object) -> Iterator[str]:
    yield f"<{time.monotonic_ns()}>"
    time.sleep(0.02)
    yield "end"
