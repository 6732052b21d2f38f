"""The examples of web frameworks behind `pylambda serve`: what a browser and a reader of events see."""

import shutil
from pathlib import Path

import httpx
import pytest

from tests.conftest import WEB_FRAMEWORKS
from tests.local.serve.conftest import CHECKOUT, serving

pytestmark = pytest.mark.needs("web-frameworks")

ENVIRON = {"PYLAMBDA_PYTHON": str(WEB_FRAMEWORKS.parent / "bin" / "python")}


def example(name: str, folder: Path) -> Path:
    copy = folder / name
    shutil.copytree(CHECKOUT / "examples" / name, copy)
    return copy


@pytest.mark.parametrize("front", ["v2", "v1", "rest", "url", "alb", "alb-multi"])
def test_fastapi_takes_an_order_and_shows_it(tmp_path: Path, front: str) -> None:
    flags = ("--http", front, "--concurrency", "1", "--timeout", "30")
    with serving(example("fastapi", tmp_path), "asgi:app:app", flags, ENVIRON) as service:
        order = {"id": "A-1", "quantity": 2}
        assert httpx.post(f"{service.url}/orders", json=order, timeout=60).status_code == 201
        service.wait_for_output("receipt for A-1")
        assert httpx.get(f"{service.url}/orders/A-1").json() == order
        assert httpx.get(f"{service.url}/orders/none").status_code == 404
        assert httpx.post(f"{service.url}/orders", json={"id": "A-2", "quantity": 0}).status_code == 422


@pytest.mark.parametrize("front", ["v2", "v1", "url", "alb", "alb-multi"])
def test_flask_redirects_and_remembers_and_sends_bytes(tmp_path: Path, front: str) -> None:
    flags = ("--http", front, "--concurrency", "1", "--timeout", "30")
    with (
        serving(example("flask", tmp_path), "wsgi:app:app", flags, ENVIRON) as service,
        httpx.Client(base_url=service.url, follow_redirects=True, timeout=60) as browser,
    ):
        assert "You are a stranger." in browser.get("/").text
        assert "You are Zoë." in browser.post("/", data={"name": "Zoë"}).text
        assert browser.get("/logo.bin").content == bytes(range(256))


@pytest.mark.parametrize("front", ["url", "rest"])
def test_a_page_has_each_event_when_it_is_sent(tmp_path: Path, front: str) -> None:
    flags = ("--http", front, "--concurrency", "1", "--timeout", "300")
    environ = {**ENVIRON, "PYLAMBDA_STREAM": front}
    with (
        serving(example("sse", tmp_path), "asgi:app:app", flags, environ) as service,
        # More events than could be there before the first is read
        httpx.stream("GET", f"{service.url}/events?count=10000", timeout=60) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.iter_raw()
        seen = b""
        while b'data: {"tick": 5}\n\n' not in seen:
            seen += next(parts)
        assert seen.startswith(b': begin\n\ndata: {"tick": 0}\n\n')
        assert b'"tick": 9999' not in seen


FASTAPI = """
import asyncio, pathlib
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
until = pathlib.Path(__file__).parent / "until"

async def events():
    yield "data: 1\\n\\n"
    while not until.exists():
        await asyncio.sleep(0.005)
    yield "data: 2\\n\\n"

@app.get("/events")
async def answer():
    return StreamingResponse(events(), media_type="text/event-stream")
"""
FLASK = """
import pathlib, time
from flask import Flask, Response

app = Flask(__name__)
until = pathlib.Path(__file__).parent / "until"

def events():
    yield "data: 1\\n\\n"
    while not until.exists():
        time.sleep(0.005)
    yield "data: 2\\n\\n"

@app.get("/events")
def answer():
    return Response(events(), mimetype="text/event-stream")
"""


@pytest.mark.parametrize(
    ("handler", "source"), [("asgi:app:app", FASTAPI), ("wsgi:app:app", FLASK)], ids=["fastapi", "flask"]
)
def test_an_event_of_a_framework_is_here_before_it_makes_the_next(tmp_path: Path, handler: str, source: str) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "app.py").write_text(source)
    flags = ("--http", "url", "--concurrency", "1", "--timeout", "60")
    with (
        serving(folder, handler, flags, {**ENVIRON, "PYLAMBDA_STREAM": "url"}) as service,
        httpx.stream("GET", f"{service.url}/events", timeout=60) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = answer.iter_raw()
        assert next(parts) == b"data: 1\n\n"
        (folder / "until").touch()
        assert b"".join(parts) == b"data: 2\n\n"
