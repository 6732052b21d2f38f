"""Web apps behind `pylambda serve`: what a browser sees of an ASGI and of a WSGI app, after a save too."""

import httpx
import pytest

from tests.local.serve.conftest import Serve, wait_for

ASGI = """
import asyncio, pathlib

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "http"
    if scope["path"] == "/sse":
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\\n\\n", "more_body": True})
        while not (pathlib.Path(__file__).parent / "until").exists():
            await asyncio.sleep(0.005)
        await send({"type": "http.response.body", "body": b"data: 2\\n\\n"})
        return
    body = f"{scope['method']} {scope['path']} version 1".encode()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})
"""
WSGI = """
def app(environ, start_response):
    start_response("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} version 1".encode()]
"""


@pytest.mark.parametrize(("handler", "source"), [("asgi:app:app", ASGI), ("wsgi:app:app", WSGI)], ids=["asgi", "wsgi"])
@pytest.mark.parametrize("front", ["v2", "v1", "rest", "url", "alb"])
def test_an_app_is_served_and_a_save_is_seen(serve: Serve, handler: str, source: str, front: str) -> None:
    # Given an app behind a front
    service = serve(source, "--http", front, handler=handler)
    answer = httpx.put(f"{service.url}/some/path")
    assert (answer.status_code, answer.text) == (201, "PUT /some/path version 1")
    assert answer.headers["content-type"] == "text/plain"

    # When it is saved, then the new one answers
    (service.folder / "app.py").write_text(source.replace("version 1", "version 2"))
    wait_for(lambda: httpx.get(f"{service.url}/x").text == "GET /x version 2", "new app")


def test_every_cookie_of_an_app_arrives(serve: Serve) -> None:
    service = serve(WSGI, handler="wsgi:app:app")
    assert httpx.get(service.url).headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("front", ["url", "rest"])
def test_server_sent_events_come_one_by_one(serve: Serve, front: str) -> None:
    service = serve(
        ASGI, "--http", front, "--timeout", "30", handler="asgi:app:app", environ={"PYLAMBDA_STREAM": front}
    )
    with httpx.stream("GET", f"{service.url}/sse", timeout=30) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        parts = answer.iter_raw()
        assert next(parts) == b"data: 1\n\n"
        (service.folder / "until").touch()
        assert b"".join(parts) == b"data: 2\n\n"
