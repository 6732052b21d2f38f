"""A language model's answer, token by token, as server-sent events: what a chat page reads with `EventSource`.

The model here is a stand-in that needs no network. A real one is an asynchronous iterator too: replace `generate`
by a client that is made at import, outside of the handler; it lives as long as the environment does.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pylambda

PAUSE_S = 0.02
ANSWER = "You said {prompt!r}. Each word of this answer left as soon as it was there."


async def generate(prompt: str) -> AsyncIterator[str]:
    """Yield the tokens of an answer, as a model would."""
    for word in ANSWER.format(prompt=prompt).split(" "):
        await asyncio.sleep(PAUSE_S)
        yield word + " "


async def events(prompt: str) -> AsyncIterator[str]:
    """Yield each token as one event, and an event that says it was the last."""
    async for token in generate(prompt):
        yield f"data: {json.dumps({'token': token})}\n\n"
    yield "data: [DONE]\n\n"


async def handler(event: dict[str, Any], context: object) -> pylambda.StreamingResponse:
    prompt = json.loads(event.get("body") or "{}").get("prompt")
    if not prompt:
        return pylambda.StreamingResponse("send a JSON body with a prompt\n", 400, {"content-type": "text/plain"})
    headers = {"content-type": "text/event-stream", "cache-control": "no-cache"}
    return pylambda.StreamingResponse(events(prompt), headers=headers)
