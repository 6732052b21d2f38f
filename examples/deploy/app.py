"""A function that streams: each event of the response leaves as soon as it is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pylambda

PAUSE_S = 0.1


async def greetings(name: str) -> AsyncIterator[str]:
    """Yield what a page reads with `EventSource`."""
    for word in ("Hello", name):
        yield f"data: {json.dumps({'word': word})}\n\n"
        await asyncio.sleep(PAUSE_S)
    yield "data: [DONE]\n\n"


async def handler(event: dict[str, Any], context: object) -> pylambda.StreamingResponse:
    """Greet whom the query of the function's URL names."""
    query = event.get("queryStringParameters") or {}
    return pylambda.StreamingResponse(
        greetings(query.get("name", "world")),
        headers={"content-type": "text/event-stream", "cache-control": "no-cache"},
    )
