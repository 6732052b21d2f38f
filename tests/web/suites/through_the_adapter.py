"""A plugin for pytest: Starlette's test client sends what it is told through this runtime's web adapter.

A request becomes the event of a function URL, the app is called as it would be for that, and what the client gets is
made of the result. So the suites of Starlette and FastAPI say whether the adapter keeps what those frameworks promise.
WebSockets go past it, as there are none in Lambda.
"""

import os
import sys
from typing import Any

import pytest
from doors import DOORS, Asked, response
from starlette import testclient

from pylambda.function.aio import Runner
from pylambda.lifecycle.after import run_deferred
from pylambda.payload import codec
from pylambda.runtime_api import invocation
from pylambda.runtime_api.invocation import Current
from pylambda.web.asgi import AsgiHandler
from pylambda.web.front import Front, WebSettings
from pylambda.web.results import encode

WITHOUT_LENGTH = (204, 304)
# As the client has it: `httpx2` where that is installed.
httpx = testclient.httpx
past_the_adapter = testclient._TestClientTransport.handle_request


class Context:
    """What the adapter asks of the invocation."""

    aws_request_id = "of the suite"


def handle_request(transport: Any, request: Any) -> Any:
    if request.url.scheme in ("ws", "wss"):
        return past_the_adapter(transport, request)
    errors: list[BaseException] = []
    runner = Runner(Current(), use_uvloop=False, margin_ms=100)
    front = Front(WebSettings(root_path=transport.root_path or None), lambda error, request_id: errors.append(error))
    handler = AsgiHandler(transport.app, front, runner)
    handler.lifespan.state = transport.app_state
    try:
        body, _ = encode(handler(event_of(transport, request), Context))
        run_deferred(invocation.current, lambda: runner, errors.append)
    finally:
        runner.loop.close()
    if errors and transport.raise_server_exceptions:
        raise errors[0]
    answered = response(codec.decode(body, None))
    headers = list(answered.headers)
    if answered.status not in WITHOUT_LENGTH and request.method != "HEAD":  # the front door counts
        headers.append(("content-length", str(len(answered.body))))
    return httpx.Response(answered.status, headers=headers, content=answered.body, request=request)


def event_of(transport: Any, request: Any) -> dict[str, Any]:
    headers = [(name.lower(), value) for name, value in request.headers.multi_items()]
    headers += [("x-forwarded-proto", request.url.scheme), ("x-forwarded-port", str(port_of(request.url)))]
    asked = Asked(request.method, request.url.raw_path.decode("ascii"), headers, request.read())
    event = DOORS["url"].event(asked)
    event["requestContext"]["http"]["sourceIp"] = transport.client[0]
    return event


def port_of(url: Any) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]


testclient._TestClientTransport.handle_request = handle_request


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: Any) -> None:
    """End at once: tests that fail here leave threads behind that wait for a client of their own."""
    sys.stdout.flush()
    os._exit(0)
