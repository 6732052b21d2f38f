"""The least ASGI app, the same result without any adapter, and a stream whose second event takes its time."""

import asyncio
from typing import Any

BODY = b'{"name": "tea"}'
HEADERS = [(b"content-type", b"application/json")]
IDLE_S = 0.001


def handler(event: Any, context: object) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"name": "tea"}',
        "isBase64Encoded": False,
    }


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def events(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    await asyncio.sleep(IDLE_S)
    await send({"type": "http.response.body", "body": b"data: second\n\n"})
