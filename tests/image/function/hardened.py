"""Functions of each kind, each of which uses what a container may lack."""

import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

OFFSET = Path("/clock/offset")


def plain(event: Any, context: Any) -> Any:
    logging.getLogger().warning("served")
    return [event, os.getuid()]


async def asynchronous(event: Any, context: Any) -> Any:
    await asyncio.sleep(0.001)
    return event


def failing(event: Any, context: Any) -> Any:
    raise ValueError(event)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def jump(event: int, context: Any) -> Any:
    """Move the clock in the middle of an invocation, and say what was left of its time before, in ms."""
    left_ms = context.get_remaining_time_in_millis()
    hour = time.time()
    OFFSET.write_text(str(event))
    await asyncio.sleep(0.01)
    return [left_ms, round((time.time() - hour) / 3600)]


def jump_and_log(event: int, context: Any) -> Any:
    OFFSET.write_text(str(event))
    logging.getLogger().warning("after the jump")
    return context.get_remaining_time_in_millis()


if __name__ == "__main__":
    print("ran", *sys.argv[1:])
