"""A FastAPI app that streams: each event leaves as soon as it is there. Nothing in it knows of Lambda."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

PAUSE_S = 0.1
app = FastAPI()


async def greetings(name: str) -> AsyncIterator[str]:
    """Yield what a page reads with `EventSource`."""
    for word in ("Hello", name):
        yield f"data: {json.dumps({'word': word})}\n\n"
        await asyncio.sleep(PAUSE_S)
    yield "data: [DONE]\n\n"


@app.get("/")
async def hello(name: str = "world") -> StreamingResponse:
    """Greet somebody, word by word."""
    return StreamingResponse(greetings(name), media_type="text/event-stream", headers={"cache-control": "no-cache"})
