"""The same function in each shape that the runtime serves: it does what the event says, and answers with its token."""

import asyncio
import json
import time

import misdeeds


def answer(event, request_id):
    return {"token": event["token"], "id": request_id, "pad": event["pad"]}


def handler(event, context):
    misdeeds.commit(event)
    time.sleep(event["takes_s"])
    return answer(event, context.aws_request_id)


async def coroutine(event, context):
    misdeeds.commit(event)
    await asyncio.sleep(event["takes_s"])
    return answer(event, context.aws_request_id)


def generator(event, context):
    misdeeds.commit(event)
    text = json.dumps(answer(event, context.aws_request_id))
    third = len(text) // 3
    yield text[:third]
    yield text[third : 2 * third]
    yield text[2 * third :]


def wsgi(environ, start_response):
    event = json.loads(environ["wsgi.input"].read())
    misdeeds.commit(event)
    text = json.dumps(answer(event, environ["aws.context"].aws_request_id)).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(text)))])
    return [text]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    event = json.loads(body)
    misdeeds.commit(event)
    await asyncio.sleep(event["takes_s"])
    text = json.dumps(answer(event, scope["aws.context"].aws_request_id)).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text[:20], "more_body": True})
    await send({"type": "http.response.body", "body": text[20:]})
