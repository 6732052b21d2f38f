"""Server-sent events: what a page reads with `EventSource`, each event as soon as it is there."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

PAUSE_S = 0.02


async def ticks(count: int) -> AsyncIterator[str]:
    """Yield one event after the other. A line that begins with a colon keeps a quiet stream open."""
    yield ": begin\n\n"
    for number in range(count):
        yield f"data: {json.dumps({'tick': number})}\n\n"
        await asyncio.sleep(PAUSE_S)


async def events(request: Request) -> StreamingResponse:
    """Stream as many events as the client asks for."""
    count = int(request.query_params.get("count", "3"))
    return StreamingResponse(ticks(count), media_type="text/event-stream")


app = Starlette(routes=[Route("/events", events)])
